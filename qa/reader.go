// Package qa answers questions from passages: a span reader in the layout of
// transformers' models for question answering (an encoder and a linear layer
// qa_outputs that scores every token as start and as end of the answer).
//
// A passage is read in overlapping windows, so that its length does not matter,
// and every span is scored against "no answer" in its window, so that the
// answers of different passages compare. An answer is a stretch of its passage, by
// runes:
//
//	r, err := qa.Load(ctx, "models/reader", qa.Options{})
//	if err != nil {
//		return err
//	}
//	defer r.Close()
//	result, err := r.Read(ctx, "How long is the river?", passages, 3)
//	// []rune(passages[a.Passage])[a.Start:a.End] is a.Text for every answer a.
//
// The packages below it have one subject each: squad reads data sets, score is
// the official metrics, span trains, evaluate measures.
package qa

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/internal/kernel"
)

// ErrModel marks a model that has no span head, or that cannot run.
var ErrModel = errors.New("not a span reader")

// ErrClosed: the reader has been closed.
var ErrClosed = errors.New("reader is closed")

// Options of Load and NewReader. The zero value is right for most programs.
type Options struct {
	Workers int  // goroutines of one call; 0: one per CPU
	Int8    bool // quantised linear layers
	// BatchTokens is the number of tokens that are read together; 0: 8192. It
	// bounds memory, not results.
	BatchTokens int
	// Config replaces the folder's.
	Config *Config
}

const defaultBatchTokens = 8192

// The tensors of the head, in transformers' layout: rows start and end.
const (
	HeadWeight = "qa_outputs.weight" // [2, hidden]
	HeadBias   = "qa_outputs.bias"   // [2]
)

// Reader finds answers. It is safe for concurrent use, and its results depend
// neither on what is read together nor on the number of workers.
type Reader struct {
	*Splitter
	model  *model.Model
	engine encoder.Engine
	weight []float32 // [2, hidden]
	bias   [2]float64
	types  bool // the model tells question from passage
	batch  int

	mu     sync.RWMutex // held for reading while the weights are in use
	closed bool
}

// Load opens a model folder. Errors are those of model.Open, or wrap ErrModel
// or ErrConfig.
func Load(ctx context.Context, path string, o Options) (*Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o.Config == nil {
		c, err := ReadConfig(os.DirFS(path))
		if err != nil {
			return nil, fmt.Errorf("load reader %s: %w", path, err)
		}
		o.Config = &c
	}
	m, err := model.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := NewReader(m, o)
	if err != nil {
		_ = m.Close() // the first error matters
		return nil, fmt.Errorf("load reader %s: %w", path, err)
	}
	return r, nil
}

// NewReader runs a model that is in memory. The result's Close closes m. Windows
// longer than the model's positions are shortened to them.
func NewReader(m *model.Model, o Options) (*Reader, error) {
	if m.Transformer == nil || m.Tokenizer == nil {
		return nil, fmt.Errorf("%w: %s is no transformer with a tokenizer", ErrModel, m.Name)
	}
	c := DefaultConfig()
	if o.Config != nil {
		c = *o.Config
	}
	s, err := NewSplitter(m.Tokenizer, c.Fit(m.Config.MaxPositions))
	if err != nil {
		return nil, err
	}
	r := &Reader{
		Splitter: s, model: m, types: m.Config.TypeVocabSize > 1, batch: o.BatchTokens,
	}
	if r.batch <= 0 {
		r.batch = defaultBatchTokens
	}
	if err := r.readHead(); err != nil {
		return nil, err
	}
	r.engine, err = newEngine(m, o)
	return r, err
}

func newEngine(m *model.Model, o Options) (encoder.Engine, error) {
	level, err := kernel.Choose(os.Getenv(kernel.EnvLevel))
	if err != nil {
		return nil, err
	}
	packed := encoder.PackedOptions{Workers: o.Workers, Level: &level}
	if o.Int8 {
		packed.Precision = encoder.Int8
	}
	return encoder.NewPacked(m.Transformer, m.Config, packed)
}

func (r *Reader) readHead() error {
	h := r.model.Config.Hidden
	weight, bias := r.model.Heads[HeadWeight], r.model.Heads[HeadBias]
	if weight == nil || bias == nil {
		return fmt.Errorf("%w: %s has no %s and %s", ErrModel, r.model.Name, HeadWeight, HeadBias)
	}
	if !slices.Equal(weight.Shape, []int{2, h}) || !slices.Equal(bias.Shape, []int{2}) || !weight.DType.Float() || !bias.DType.Float() {
		return fmt.Errorf("%w: %s is %v and %s %v, want [2 %d] and [2]", ErrModel, HeadWeight, weight.Shape, HeadBias, bias.Shape, h)
	}
	r.weight = weight.F32()
	for i, b := range bias.F32() {
		r.bias[i] = float64(b)
	}
	return nil
}

// Name is the model's name.
func (r *Reader) Name() string { return r.model.Name }

// Close releases the weights after the calls in progress have ended.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	return r.model.Close()
}

// score writes the logits of the tokens of one input, [tokens, 2].
func (r *Reader) score(dst, states []float32) {
	h := len(r.weight) / 2
	for t := range len(states) / h {
		row := states[t*h : (t+1)*h]
		for side := range 2 {
			sum := r.bias[side]
			for i, w := range r.weight[side*h : (side+1)*h] {
				sum += float64(float64(w) * float64(row[i]))
			}
			dst[2*t+side] = float32(sum)
		}
	}
}
