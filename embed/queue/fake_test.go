package queue_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"semdex/embed/encoder"
	"semdex/embed/queue"
)

// open starts a queue and closes it with the test.
func open(tb testing.TB, enc encoder.Encoder, o queue.Options) *queue.Queue {
	tb.Helper()
	q := queue.New(enc, o)
	tb.Cleanup(func() {
		if err := q.Close(context.Background()); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return q
}

const dims = 3

// vector is what the fake encoders give for a sequence: its length, the sum of
// its ids and of its types.
func vector(ids, types []int32) []float32 {
	v := []float32{float32(len(ids)), 0, 0}
	for _, id := range ids {
		v[1] += float32(id)
	}
	for _, t := range types {
		v[2] += float32(t)
	}
	return v
}

// poison is an id that the fake encoders refuse, bomb one that they panic at.
const (
	poison = -1
	bomb   = -2
)

var errPoison = errors.New("poisoned batch")

// instant is an encoder that answers at once and counts how many of its calls
// run side by side.
type instant struct {
	calls, tokens    atomic.Int64
	busy, mostAtOnce atomic.Int64
}

func (*instant) Dims() int { return dims }

func (e *instant) Encode(ctx context.Context, b *encoder.Batch, o encoder.Output, dst []float32) error {
	busy := e.busy.Add(1)
	defer e.busy.Add(-1)
	for most := e.mostAtOnce.Load(); busy > most && !e.mostAtOnce.CompareAndSwap(most, busy); {
		most = e.mostAtOnce.Load()
	}
	e.calls.Add(1)
	e.tokens.Add(int64(b.Tokens()))
	return fakeEncode(ctx, b, dst)
}

func fakeEncode(ctx context.Context, b *encoder.Batch, dst []float32) error {
	if slices.Contains(b.IDs, poison) {
		return errPoison
	}
	if slices.Contains(b.IDs, bomb) {
		panic("bomb")
	}
	for i := range b.Len() {
		lo, hi := b.Offsets[i], b.Offsets[i+1]
		var types []int32
		if b.Types != nil {
			types = b.Types[lo:hi]
		}
		copy(dst[i*dims:(i+1)*dims], vector(b.IDs[lo:hi], types))
	}
	return ctx.Err()
}

// stepped is an encoder whose calls stop until the test lets them go on.
type stepped struct{ calls chan *call }

func newStepped() *stepped { return &stepped{make(chan *call)} }

// call is a batch in the encoder.
type call struct {
	ctx       context.Context
	sequences [][]int32
	let       chan struct{}
}

// name is the first id of every sequence, by which tests tell them apart.
func (c *call) names() []int32 {
	var names []int32
	for _, s := range c.sequences {
		names = append(names, s[0])
	}
	slices.Sort(names)
	return names
}

func (c *call) tokens() int { return len(slices.Concat(c.sequences...)) }

// finish lets the encoder answer.
func (c *call) finish() { close(c.let) }

func (*stepped) Dims() int { return dims }

func (e *stepped) Encode(ctx context.Context, b *encoder.Batch, o encoder.Output, dst []float32) error {
	c := &call{ctx: ctx, let: make(chan struct{})}
	for i := range b.Len() {
		c.sequences = append(c.sequences, slices.Clone(b.IDs[b.Offsets[i]:b.Offsets[i+1]]))
	}
	select {
	case e.calls <- c:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-c.let:
		return fakeEncode(ctx, b, dst)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// seq is a sequence of n tokens that begins with its name.
func seq(name int32, n int) []int32 {
	ids := make([]int32, n)
	ids[0] = name
	return ids
}

// reply is the outcome of a request made by ask.
type reply struct {
	result queue.Result
	err    error
}

// ask makes a request on a goroutine of its own.
func ask(ctx context.Context, q *queue.Queue, r queue.Request) <-chan reply {
	out := make(chan reply, 1)
	go func() {
		result, err := q.Do(ctx, r)
		out <- reply{result, err}
	}()
	return out
}

// check compares a result with what the fake encoders give.
func check(r queue.Request, got queue.Result) error {
	if got.Dims != dims || len(got.Vectors) != len(r.IDs)*dims {
		return fmt.Errorf("%d numbers of %d dims for %d sequences", len(got.Vectors), got.Dims, len(r.IDs))
	}
	for i, ids := range r.IDs {
		var types []int32
		if r.Types != nil {
			types = r.Types[i]
		}
		if want := vector(ids, types); !slices.Equal(got.At(i), want) {
			return fmt.Errorf("sequence %d has vector %v, want %v", i, got.At(i), want)
		}
	}
	return nil
}

func random(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
