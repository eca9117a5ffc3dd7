package embed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/tokenize"
	"semdex/internal/kernel"
)

// ErrNotClassifier marks a model that gives vectors but no scores.
var ErrNotClassifier = errors.New("the model is no classifier")

// Predictor scores texts, or pairs of texts read together (a cross-encoder),
// with the sequence classifier of a model: natural language inference,
// similarity, the relevance of a passage. It is safe for concurrent use. An
// input's scores do not depend on the inputs beside it, or on the number of
// processors.
type Predictor struct {
	model   *model.Model
	engine  encoder.Engine
	head    *classifierHead
	options Options
	// turn admits one batch at a time, which has all workers; callers take turns
	// after every batch.
	turn chan struct{}

	mu     sync.RWMutex // held for reading while the weights are in use
	closed bool
}

// predictBatchTokens is the number of tokens scored together where Options do
// not say: enough for the kernels, and short turns for many callers.
const predictBatchTokens = 4096

// LoadPredictor opens the model folder at path, in transformers' layout for
// sequence classification. Options.Queue is not used. Errors are those of Load
// and ErrNotClassifier.
func LoadPredictor(ctx context.Context, path string, o Options) (*Predictor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m, err := model.Open(path)
	if err != nil {
		return nil, err
	}
	p, err := NewPredictor(m, o)
	if err != nil {
		_ = m.Close() // the first error matters
		return nil, fmt.Errorf("load model %s: %w", path, err)
	}
	return p, nil
}

// NewPredictor runs a model that is in memory. Close closes m.
func NewPredictor(m *model.Model, o Options) (*Predictor, error) {
	if m.Tokenizer == nil {
		return nil, fmt.Errorf("%w: it has no tokenizer", encoder.ErrModel)
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.BatchTokens <= 0 {
		o.BatchTokens = predictBatchTokens
	}
	level, err := kernel.Choose(os.Getenv(kernel.EnvLevel))
	if err != nil {
		return nil, err
	}
	head, err := newClassifierHead(m, level)
	if err != nil {
		return nil, err
	}
	engine, err := newEngine(m, level, o)
	if err != nil {
		return nil, err
	}
	return &Predictor{model: m, engine: engine, head: head, options: o, turn: make(chan struct{}, 1)}, nil
}

// newEngine is the transformer of m.
func newEngine(m *model.Model, level kernel.Level, o Options) (encoder.Engine, error) {
	if o.Reference {
		return encoder.NewReference(m.Transformer, m.Config, o.Workers)
	}
	packed := encoder.PackedOptions{Workers: o.Workers, Level: &level}
	if o.Int8 {
		packed.Precision = encoder.Int8
	}
	return encoder.NewPacked(m.Transformer, m.Config, packed)
}

// Close releases the weights after the calls in progress have ended.
func (p *Predictor) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	return p.model.Close()
}

// Name is the folder's name.
func (p *Predictor) Name() string { return p.model.Name }

// Labels are the classes in the order of the scores. A model with one gives a
// score, such as a similarity or a relevance.
func (p *Predictor) Labels() []string { return slices.Clone(p.head.labels) }

// MaxTokens is the longest input in tokens, both texts and special ones
// included.
func (p *Predictor) MaxTokens() int {
	if n := p.model.MaxTokens; n > 0 {
		return min(n, p.model.Config.MaxPositions)
	}
	return p.model.Config.MaxPositions
}

// Pair is what a Predictor scores: two texts, such as a query and a passage, or
// A alone.
type Pair struct {
	A, B   string
	Single bool // B is not there
}

// PredictOptions of one call. The zero value truncates long inputs at the end,
// the longer of the two texts first.
type PredictOptions struct {
	// MaxTokens is the longest input; 0 is Predictor.MaxTokens.
	MaxTokens int
	// Refuse answers longer inputs with ErrTooLong.
	Refuse bool
	// Left truncates at the beginning of the texts.
	Left bool
}

// Prediction holds one entry per input in each list.
type Prediction struct {
	Logits    [][]float32 // [inputs, labels]
	Tokens    []int       // read, special ones included
	Truncated []bool      // whether a part of an input was not read
	Waited    time.Duration
}

// Probabilities are what logits mean: the softmax of several, or the logistic
// function of one.
func Probabilities(logits []float32) []float64 {
	out := make([]float64, len(logits))
	if len(logits) == 1 {
		out[0] = 1 / (1 + math.Exp(-float64(logits[0])))
		return out
	}
	top := slices.Max(logits)
	var sum float64
	for i, x := range logits {
		out[i] = math.Exp(float64(x) - float64(top))
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// predictWindow is the most inputs that are tokenised before they are scored.
const predictWindow = 2048

// Predict scores inputs, in their order. Invalid UTF-8 counts as U+FFFD. Errors
// wrap ErrTooLong, ErrMaxTokens, ErrNotFinite or ErrClosed, or are ctx's.
func (p *Predictor) Predict(ctx context.Context, inputs []Pair, o PredictOptions) (Prediction, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return Prediction{}, ErrClosed
	}
	if o.MaxTokens == 0 {
		o.MaxTokens = p.MaxTokens()
	}
	if positions := p.model.Config.MaxPositions; o.MaxTokens < 4 || o.MaxTokens > positions {
		return Prediction{}, fmt.Errorf("%w: %d asked for, %s takes 4 to %d", ErrMaxTokens, o.MaxTokens, p.Name(), positions)
	}
	r := Prediction{
		Logits: make([][]float32, len(inputs)), Tokens: make([]int, len(inputs)), Truncated: make([]bool, len(inputs)),
	}
	classes := len(p.head.labels)
	all := make([]float32, len(inputs)*classes)
	for i := range r.Logits {
		r.Logits[i] = all[i*classes : (i+1)*classes : (i+1)*classes]
	}
	for from := 0; from < len(inputs); from += predictWindow {
		to := min(from+predictWindow, len(inputs))
		if err := p.predict(ctx, inputs[from:to], from, o, &r); err != nil {
			return Prediction{}, err
		}
	}
	return r, ctx.Err()
}

// predict scores inputs, whose first has the number first, into r.
func (p *Predictor) predict(ctx context.Context, inputs []Pair, first int, o PredictOptions, r *Prediction) error {
	encoded := make([]tokenize.Encoding, len(inputs))
	var next atomic.Int64
	err := fanOut(ctx, min(p.options.Workers, (len(inputs)+grain-1)/grain), func(ctx context.Context) error {
		for i := int(next.Add(1)) - 1; i < len(inputs); i = int(next.Add(1)) - 1 {
			if err := ctx.Err(); err != nil {
				return err
			}
			encoded[i] = p.tokens(inputs[i], o)
		}
		return nil
	})
	if err != nil {
		return err
	}
	order := make([]int, len(inputs))
	for i, e := range encoded {
		if e.Truncated && o.Refuse {
			return fmt.Errorf("%w: input %d has more than the %d tokens allowed", ErrTooLong, first+i, o.MaxTokens)
		}
		order[i], r.Tokens[first+i], r.Truncated[first+i] = i, len(e.IDs), e.Truncated
	}
	// Inputs of like length share a batch, and the last ones are short.
	slices.SortStableFunc(order, func(a, b int) int { return len(encoded[b].IDs) - len(encoded[a].IDs) })
	for len(order) > 0 {
		batch, n := p.batch(encoded, order)
		if err := p.score(ctx, batch, order[:n], first, r); err != nil {
			return err
		}
		order = order[n:]
	}
	return nil
}

func (p *Predictor) tokens(in Pair, o PredictOptions) tokenize.Encoding {
	t := tokenize.Options{MaxTokens: o.MaxTokens, Left: o.Left}
	if in.Single {
		return p.model.Tokenizer.Encode(in.A, t)
	}
	return p.model.Tokenizer.EncodePair(in.A, in.B, t)
}

// batch takes inputs from the front of order, at least one and up to the token
// budget.
func (p *Predictor) batch(encoded []tokenize.Encoding, order []int) (b *encoder.Batch, n int) {
	b = &encoder.Batch{Offsets: []int32{0}}
	for _, i := range order {
		e := &encoded[i]
		if n > 0 && len(b.IDs)+len(e.IDs) > p.options.BatchTokens {
			break
		}
		b.IDs = append(b.IDs, e.IDs...)
		b.Types = append(b.Types, e.Types...)
		b.Offsets = append(b.Offsets, int32(len(b.IDs)))
		n++
	}
	return b, n
}

// score runs one batch and writes the logits of its inputs.
func (p *Predictor) score(ctx context.Context, b *encoder.Batch, order []int, first int, r *Prediction) error {
	began := time.Now()
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.turn }()
	r.Waited += time.Since(began)
	var bad atomic.Int64
	err := p.engine.Forward(ctx, b, func(i int, states []float32) {
		if !p.head.apply(r.Logits[first+order[i]], states) {
			bad.Store(int64(first+order[i]) + 1)
		}
	})
	if err != nil {
		return err
	}
	if i := bad.Load(); i > 0 {
		if err := encoder.CheckFinite(p.model); err != nil {
			return fmt.Errorf("model %s: %w", p.Name(), err)
		}
		return fmt.Errorf("model %s: %w: the scores of input %d overflow", p.Name(), ErrNotFinite, i-1)
	}
	return nil
}
