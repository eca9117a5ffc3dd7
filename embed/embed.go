// Package embed turns texts into vectors. Start with Load:
//
//	m, err := embed.Load(ctx, "models/distilbert-nli", embed.Options{})
//	if err != nil {
//		return err
//	}
//	defer m.Close()
//	r, err := m.Encode(ctx, []string{"How tall is Mount Everest?"}, embed.EncodeOptions{})
//	// r.Vectors[0] has m.Dims() numbers and length 1.
//
// A Model is safe for concurrent use. Its vectors do not depend on which texts
// are encoded together, in which order, or on how many processors.
//
// The packages below it have one subject each: tokenize splits texts, model
// reads and writes folders, encoder does the arithmetic, queue gathers the work
// of many callers.
package embed

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/queue"
	"semdex/embed/tokenize"
	"semdex/internal/kernel"
)

// Options of Load and FromModel. The zero value is right for most programs.
type Options struct {
	// Workers bounds the goroutines of one call of Encode; 0: one per CPU.
	Workers int
	// Int8 quantises the linear layers and the attention of a transformer:
	// faster where the processor has VNNI, with vectors at a cosine of about
	// .999 to the float32 ones. Static models ignore it.
	Int8 bool
	// Reference runs a transformer on the plain reference engine instead of the
	// packed one: slow, for comparisons.
	Reference bool
	// BatchTokens is the number of tokens that are encoded together; 0: 16384.
	// It bounds memory, not results.
	BatchTokens int
	// Queue puts a batching queue before the encoder, for many callers at once;
	// nil: every call computes on its own. Workers is then the number of batches
	// that run at once, if Queue.Workers does not say another. Zero fields of it
	// get values that suit the model.
	Queue *queue.Options
}

const defaultBatchTokens = 16384

// Model is a loaded model.
type Model struct {
	model   *model.Model
	encoder encoder.Encoder
	queue   *queue.Queue // before encoder, or nil
	options Options
	folder  string // where it was loaded from, "" for a model made in memory

	// before and after are the special tokens around an input.
	before, after []int32
	continuation  func() []bool // by id: whether the token continues a word

	mu     sync.RWMutex // held for reading while the weights are in use
	closed bool
}

// Load opens the model folder at path, in the layout of Hugging Face or
// sentence-transformers. Close releases it.
//
// Errors are those of model.Open for what is wrong with the folder,
// encoder.ErrModel for a model that cannot run, ErrNotFinite, or ctx's.
func Load(ctx context.Context, path string, o Options) (*Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m, err := model.Open(path)
	if err != nil {
		return nil, err
	}
	e, err := FromModel(m, o)
	if err != nil {
		_ = m.Close() // the first error matters
		return nil, fmt.Errorf("load model %s: %w", path, err)
	}
	e.folder = path
	return e, nil
}

// FromModel runs a model that is in memory, such as the built-in one. The
// result's Close closes m.
func FromModel(m *model.Model, o Options) (*Model, error) {
	if m.Tokenizer == nil {
		return nil, fmt.Errorf("%w: it has no tokenizer", encoder.ErrModel)
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.BatchTokens <= 0 {
		o.BatchTokens = defaultBatchTokens
	}
	threads := o
	if o.Queue != nil {
		threads.Workers = 1 // for a call of the encoder; the queue has the workers
	}
	enc, err := newEncoder(m, threads)
	if err != nil {
		return nil, err
	}
	e := &Model{model: m, encoder: enc, options: o}
	if o.Queue != nil {
		e.queue = queue.New(enc, queueOptions(m, o))
	}
	e.continuation = sync.OnceValue(func() []bool { return continuations(m.Tokenizer) })
	if m.Static == nil { // static models average the words alone
		e.before, e.after = specials(m.Tokenizer)
	}
	return e, nil
}

// queueOptions fills in o.Queue: in a static model batches must be large and
// sorting by length gains nothing.
func queueOptions(m *model.Model, o Options) queue.Options {
	q := *o.Queue
	if q.Workers <= 0 {
		q.Workers = o.Workers
	}
	if m.Static != nil {
		if q.BatchTokens <= 0 {
			q.BatchTokens = defaultBatchTokens
		}
		if q.Window <= 0 {
			q.Window = 1
		}
	}
	return q
}

func newEncoder(m *model.Model, o Options) (encoder.Encoder, error) {
	if m.Static != nil || o.Reference {
		return encoder.New(m, o.Workers)
	}
	level, err := kernel.Choose(os.Getenv(kernel.EnvLevel))
	if err != nil {
		return nil, err
	}
	engine, err := newEngine(m, level, o)
	if err != nil {
		return nil, err
	}
	return encoder.NewTransformer(engine, m)
}

// specials are the tokens that the tokenizer puts before and after a text.
func specials(t *tokenize.Tokenizer) (before, after []int32) {
	empty := t.Encode("", tokenize.Options{}).IDs
	n := len(empty)
	if class := t.Config().Class; class != "" && n > 0 {
		if id, ok := t.ID(class); ok && empty[0] == id {
			return empty[:1], empty[1:n]
		}
	}
	return nil, empty
}

// Close releases the weights after the calls in progress have ended. The model
// cannot be used afterwards.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	if m.queue != nil {
		// No call is in progress, so that nothing is left to wait for.
		_ = m.queue.Close(context.Background())
	}
	return m.model.Close()
}

// QueueStats is a snapshot of the model's queue; ok is false if it has none.
func (m *Model) QueueStats() (s queue.Stats, ok bool) {
	if m.queue == nil {
		return queue.Stats{}, false
	}
	return m.queue.Stats(), true
}

// use keeps the weights from being released until the returned function is
// called.
func (m *Model) use() (done func(), err error) {
	m.mu.RLock()
	if m.closed {
		m.mu.RUnlock()
		return nil, ErrClosed
	}
	return m.mu.RUnlock, nil
}

// Name is the folder's name, or the repository's on the hub.
func (m *Model) Name() string { return m.model.Name }

// Dims is the length of a vector: what the model gives, after the folder's
// truncate_dim.
func (m *Model) Dims() int { return m.model.Dims() }

// MaxTokens is the longest input in tokens, special ones included; 0 if any
// length will do (static models).
func (m *Model) MaxTokens() int {
	if m.model.Static != nil {
		return 0
	}
	if n := m.model.MaxTokens; n > 0 {
		return min(n, m.model.Config.MaxPositions)
	}
	return m.model.Config.MaxPositions
}

// Tokenizer is the model's tokenizer. It outlives Close.
func (m *Model) Tokenizer() *tokenize.Tokenizer { return m.model.Tokenizer }

// Fingerprint identifies the model's vectors: an index made with one model must
// not be searched with another. The first call reads all weights; after Close
// it is "" unless it was asked for before.
func (m *Model) Fingerprint() string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.model.Fingerprint()
}
