package train

import (
	"errors"
	"fmt"
)

// ErrConfig marks sizes and settings that no model has or that cannot be
// trained here.
var ErrConfig = errors.New("invalid configuration")

// Architecture is the kind of encoder; it decides the names of the tensors and
// where dropout is applied.
type Architecture string

// The architectures that can be trained, under config.json's names.
const (
	BERT       Architecture = "bert"
	DistilBERT Architecture = "distilbert"
)

// Config is the shape of an encoder.
type Config struct {
	Architecture     Architecture
	VocabSize        int
	Hidden           int
	Layers           int
	Heads            int
	Intermediate     int
	MaxPositions     int
	TypeVocabSize    int // 0 for DistilBERT
	LayerNormEps     float64
	Dropout          float64
	AttentionDropout float64
}

// Check refuses what cannot be built. Errors wrap ErrConfig.
func (c *Config) Check() error {
	if c.Architecture != BERT && c.Architecture != DistilBERT {
		return fmt.Errorf("%w: architecture %q; bert and distilbert can be trained", ErrConfig, c.Architecture)
	}
	sizes := []struct {
		name string
		n    int
	}{
		{"vocabulary size", c.VocabSize},
		{"hidden size", c.Hidden},
		{"number of layers", c.Layers},
		{"number of heads", c.Heads},
		{"intermediate size", c.Intermediate},
		{"number of positions", c.MaxPositions},
	}
	for _, s := range sizes {
		if s.n < 1 || s.n > 1<<27 {
			return fmt.Errorf("%w: the %s is %d", ErrConfig, s.name, s.n)
		}
	}
	if c.Hidden%c.Heads != 0 {
		return fmt.Errorf("%w: hidden size %d is not a multiple of %d heads", ErrConfig, c.Hidden, c.Heads)
	}
	if (c.TypeVocabSize > 0) != (c.Architecture == BERT) {
		return fmt.Errorf("%w: %s with %d token types", ErrConfig, c.Architecture, c.TypeVocabSize)
	}
	if !(c.LayerNormEps >= 0 && c.LayerNormEps < 1) {
		return fmt.Errorf("%w: LayerNorm's epsilon is %g", ErrConfig, c.LayerNormEps)
	}
	for _, p := range []float64{c.Dropout, c.AttentionDropout} {
		if !(p >= 0 && p < 1) {
			return fmt.Errorf("%w: the dropout rate is %g", ErrConfig, p)
		}
	}
	return nil
}
