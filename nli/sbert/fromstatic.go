package sbert

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"semdex/embed/model"
	"semdex/embed/trainable"
	"semdex/internal/train"
)

// ErrSpec marks a network that cannot be put over a static table.
var ErrSpec = errors.New("invalid network over a static table")

// Spec is the network that FromStatic puts over a table.
type Spec struct {
	Layers, Heads, Intermediate, MaxPositions int

	Hidden  int // of the network; 0: the table's width
	Dropout float64
	Seed    uint64
}

// The start that keeps the table's scores: positions that are small beside the
// table's rows, and sublayers that add little to what they get.
const (
	initStd = 0.02
	shrink  = 0.15 // of both output projections of a layer
)

// spare is the number of dimensions that carry no meaning.
const spare = 2

// FromStatic makes an untrained DistilBERT over a static table whose sentence
// vectors rank texts as the table's do. LayerNorm would erase the lengths of the
// table's vectors, which say how much a word matters. Therefore the last two
// dimensions are given up: in them every row stores s and -s such that all rows
// are of one length and of mean zero, which LayerNorm then leaves as they are
// but for one common factor. The sublayers do not read the two dimensions at
// first, or every token would get the same from them, and the last LayerNorm
// sets them to zero again. Special tokens, which the table does not sum up, have no meaning of
// their own at first.
//
// A table wider than Hidden is cut to its leading dimensions, which is what
// Matryoshka tables are for; a narrower one is an error. Errors wrap ErrSpec.
func FromStatic(static *model.Model, s Spec) (*model.Model, error) {
	c, err := s.config(static)
	if err != nil {
		return nil, err
	}
	e, err := train.NewEncoder(c)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSpec, err)
	}
	train.Init(e, initStd, s.Seed)
	if err := fillWords(train.Describe(e.Word).Values, c.Hidden, static); err != nil {
		return nil, err
	}
	for _, l := range e.Layers {
		scale(train.Describe(l.Output.Weight).Values, shrink)
		scale(train.Describe(l.Down.Weight).Values, shrink)
		for _, reader := range []*train.Linear{l.Query, l.Key, l.Value, l.Up} {
			forget(train.Describe(reader.Weight).Values, c.Hidden)
		}
	}
	last := e.Norm
	if n := len(e.Layers); n > 0 {
		last = e.Layers[n-1].OutputNorm
	}
	clear(train.Describe(last.Weight).Values[c.Hidden-spare:])
	base := &model.Model{
		Name: fmt.Sprintf("distilbert-%dx%d", c.Layers, c.Hidden), Architecture: model.DistilBERT, Tokenizer: static.Tokenizer,
		Pooling: model.PoolMean, MaxTokens: c.MaxPositions, Similarity: "cosine",
		Config: model.Config{PadID: max(static.Tokenizer.PadID(), 0), InitRange: initStd},
	}
	return trainable.Model(base, e, nil), nil
}

func (s Spec) config(static *model.Model) (train.Config, error) {
	c := train.Config{
		Architecture: train.DistilBERT, Hidden: s.Hidden, Layers: s.Layers, Heads: s.Heads, Intermediate: s.Intermediate,
		MaxPositions: s.MaxPositions, LayerNormEps: 1e-12, Dropout: s.Dropout, AttentionDropout: s.Dropout,
	}
	if static.Static == nil || static.Tokenizer == nil {
		return c, fmt.Errorf("%w: %s is no static table with a tokenizer", ErrSpec, static.Name)
	}
	width := static.Static.Dims()
	if c.Hidden == 0 {
		c.Hidden = width
	}
	if c.Intermediate == 0 {
		c.Intermediate = 4 * c.Hidden
	}
	c.VocabSize = static.Static.Len()
	switch {
	case c.Hidden > width || c.Hidden <= spare:
		return c, fmt.Errorf("%w: a table of %d dimensions for %d hidden units", ErrSpec, width, c.Hidden)
	case static.Tokenizer.ClassID() < 0 || static.Tokenizer.SeparatorID() < 0:
		return c, fmt.Errorf("%w: the tokenizer has no [CLS] or no [SEP]", ErrSpec)
	}
	if err := c.Check(); err != nil {
		return c, fmt.Errorf("%w: %w", ErrSpec, err)
	}
	return c, nil
}

// fillWords writes the table's rows, each of mean zero and all of one length.
func fillWords(words []float32, hidden int, static *model.Model) error {
	n, used := static.Static.Len(), hidden-spare
	lengths := make([]float64, n)
	buf := make([]float32, 0, static.Static.Dims())
	for i := range n {
		row := words[i*hidden : (i+1)*hidden]
		clear(row)
		if special(static, int32(i)) {
			continue
		}
		buf = static.Static.AppendRow(buf[:0], i)
		centre(row[:used], buf)
		for _, v := range row {
			lengths[i] += float64(v) * float64(v)
		}
	}
	longest := slices.Max(lengths)
	if !(longest > 0) || math.IsInf(longest, 0) {
		return fmt.Errorf("%w: the table's longest row has the squared length %g", ErrSpec, longest)
	}
	for i, l := range lengths {
		s := float32(math.Sqrt((longest - l) / spare))
		words[i*hidden+used], words[i*hidden+used+1] = s, -s
	}
	return nil
}

func special(static *model.Model, id int32) bool {
	t := static.Tokenizer
	return id == t.ClassID() || id == t.SeparatorID() || id == t.PadID() || id == t.MaskID()
}

// centre writes the leading part of x less its mean to dst.
func centre(dst, x []float32) {
	var sum float64
	for _, v := range x[:len(dst)] {
		sum += float64(v)
	}
	mean := float32(sum / float64(len(dst)))
	for i := range dst {
		dst[i] = x[i] - mean
	}
}

// forget clears the weights by which a layer reads the spare dimensions.
func forget(w []float32, in int) {
	for ; len(w) > 0; w = w[in:] {
		clear(w[in-spare : in])
	}
}

func scale(x []float32, by float32) {
	for i := range x {
		x[i] *= by
	}
}
