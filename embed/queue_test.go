package embed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/queue"
)

// TestQueueGivesTheSameVectors has many callers of both classes encode through
// queues of several shapes what a model without one encodes alone.
func TestQueueGivesTheSameVectors(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 4))
	words := strings.Fields("the search searching 한국어 문장 a b c . house,")
	texts := make([]string, 120)
	for i := range texts {
		var text []string
		for range r.IntN(60) {
			text = append(text, words[r.IntN(len(words))])
		}
		texts[i] = strings.Join(text, " ")
	}
	o := EncodeOptions{Long: LongSplit, Dims: 20, Prompt: "search: "}
	for _, arch := range []model.Architecture{model.BERT, model.DistilBERT, model.Static} {
		base := func() *model.Model { return modeltest.New(arch, modeltest.Options{Vocab: 120, Positions: 40}) }
		want := encodeAll(t, open(t, base(), Options{Workers: 1}), texts, o)
		for _, options := range []Options{
			{Queue: &queue.Options{}},
			{Workers: 1, Queue: &queue.Options{BatchTokens: 1}},
			{Workers: 4, BatchTokens: 100, Queue: &queue.Options{BatchTokens: 150, MaxWaiting: 1 << 20}},
		} {
			t.Run(fmt.Sprintf("%s/%d,%+v", arch, options.Workers, *options.Queue), func(t *testing.T) {
				m := open(t, base(), options)
				var callers sync.WaitGroup
				for from := 0; from < len(texts); from += 20 {
					callers.Go(func() {
						o := o
						o.Class = queue.Class(from / 20 % 2)
						part := encodeAll(t, m, texts[from:from+20], o)
						for i, v := range part.Vectors {
							if !slices.Equal(v, want.Vectors[from+i]) || part.Chunks[i] != want.Chunks[from+i] || part.Tokens[i] != want.Tokens[from+i] {
								t.Errorf("text %d differs", from+i)
							}
						}
					})
				}
				callers.Wait()
				stats, ok := m.QueueStats()
				if done := stats.Classes[queue.Bulk].Sequences; !ok || done < 60 {
					t.Errorf("%d bulk sequences went through the queue: %+v", done, stats)
				}
			})
		}
	}
}

func TestNoQueue(t *testing.T) {
	m := open(t, modeltest.New(model.Static, modeltest.Options{}), Options{})
	if stats, ok := m.QueueStats(); ok {
		t.Errorf("a model without a queue has %+v", stats)
	}
	if r := encodeAll(t, m, []string{"a"}, EncodeOptions{Class: queue.Bulk}); r.Waited != 0 {
		t.Errorf("waited %v for no queue", r.Waited)
	}
}

// gate is an encoder that holds every batch until it is let through.
type gate struct {
	encoder.Encoder
	open chan struct{}
}

func (g gate) Encode(ctx context.Context, b *encoder.Batch, o encoder.Output, dst []float32) error {
	<-g.open
	return g.Encoder.Encode(ctx, b, o, dst)
}

// gated is a model whose queue has one worker, one place to wait and a gate
// behind it.
func gated(t *testing.T) (*Model, gate) {
	t.Helper()
	m, err := FromModel(modeltest.New(model.Static, modeltest.Options{}), Options{Workers: 1, BatchTokens: 1})
	if err != nil {
		t.Fatal(err)
	}
	g := gate{m.encoder, make(chan struct{})}
	m.queue = queue.New(g, queue.Options{Workers: 1, BatchTokens: 1, MaxWaiting: 1})
	return m, g
}

// TestQueueOverloaded: a call that finds the queue full is refused if it is
// interactive. A bulk call waits, and a call that has begun is not cut off.
func TestQueueOverloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, g := gated(t)
		var calls sync.WaitGroup
		start := func(class queue.Class, texts ...string) {
			calls.Go(func() { encodeAll(t, m, texts, EncodeOptions{Class: class}) })
			synctest.Wait()
		}
		start(queue.Interactive, "a", "b", "c") // runs, one text after the other
		start(queue.Interactive, "d")           // waits
		if _, err := m.Encode(t.Context(), []string{"e"}, EncodeOptions{}); !errors.Is(err, ErrOverloaded) {
			t.Errorf("a call beyond the limit: %v", err)
		}
		start(queue.Bulk, "f")
		start(queue.Bulk, "g") // beyond its limit, too
		stats, _ := m.QueueStats()
		if i, b := stats.Classes[queue.Interactive], stats.Classes[queue.Bulk]; i.Refused != 1 || i.Waiting != 1 || b.Refused != 0 || b.Waiting+b.Held != 2 {
			t.Errorf("%+v", stats)
		}
		close(g.open)
		calls.Wait()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestQueueDrains: Close waits for the calls in the queue, which get their
// vectors; later ones are refused. The bubble sees goroutines that are left.
func TestQueueDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, g := gated(t)
		var calls sync.WaitGroup
		for _, class := range []queue.Class{queue.Interactive, queue.Bulk, queue.Bulk} {
			calls.Go(func() { encodeAll(t, m, []string{"a", "the search"}, EncodeOptions{Class: class}) })
			synctest.Wait()
		}
		closed := make(chan error, 1)
		go func() { closed <- m.Close() }()
		close(g.open)
		calls.Wait()
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if _, err := m.Encode(t.Context(), []string{"a"}, EncodeOptions{}); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// TestQueueCancel: a call that gives up while it waits is free at once.
func TestQueueCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, g := gated(t)
		var calls sync.WaitGroup
		calls.Go(func() { encodeAll(t, m, []string{"a"}, EncodeOptions{}) })
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		calls.Go(func() {
			if _, err := m.Encode(ctx, []string{"b"}, EncodeOptions{}); !errors.Is(err, context.Canceled) {
				t.Errorf("a call given up: %v", err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		if stats, _ := m.QueueStats(); stats.Classes[queue.Interactive].Cancelled != 1 {
			t.Errorf("%+v", stats)
		}
		close(g.open)
		calls.Wait()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

func open(t *testing.T, base *model.Model, o Options) *Model {
	t.Helper()
	m, err := FromModel(base, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// encodeAll may be called from any goroutine.
func encodeAll(t *testing.T, m *Model, texts []string, o EncodeOptions) Result {
	t.Helper()
	r, err := m.Encode(t.Context(), texts, o)
	if err != nil {
		t.Error(err)
		return newResult(len(texts), m.Dims())
	}
	return r
}
