package queue_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/queue"
)

// TestBitIdentical: whatever a sequence is batched with, its vector is that of
// the encoder alone. Callers of both classes and several output widths share
// the queue.
func TestBitIdentical(t *testing.T) {
	for _, arch := range []model.Architecture{model.BERT, model.Static} {
		for _, o := range []queue.Options{
			{Workers: 1, BatchTokens: 1},
			{Workers: 2, BatchTokens: 64, MinTokens: 8},
			{Workers: 3, BatchTokens: 500, MaxWaiting: 1 << 20},
		} {
			t.Run(fmt.Sprintf("%s/%d workers", arch, o.Workers), func(t *testing.T) {
				enc := tiny(t, arch)
				q := open(t, enc, o)
				var wg sync.WaitGroup
				for caller := range 8 {
					r := random(t)
					wg.Go(func() {
						class := queue.Class(caller % 2)
						for range 5 {
							out := encoder.Output{Dims: r.IntN(33), Normalize: r.IntN(2) == 0}
							b := randomBatch(r.IntN, arch == model.BERT && r.IntN(2) == 0)
							want := encode(t, enc, b, out)
							got := encode(t, q.Encoder(class, true), b, out)
							for i := range want {
								if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
									t.Errorf("number %d of %d sequences: %v, want %v", i, b.Len(), got[i], want[i])
									return
								}
							}
						}
					})
				}
				wg.Wait()
			})
		}
	}
}

// tiny is the encoder of a random model, packed if it is a transformer.
func tiny(t *testing.T, arch model.Architecture) encoder.Encoder {
	t.Helper()
	m := modeltest.New(arch, modeltest.Options{Pooling: "mean"})
	if arch == model.Static {
		enc, err := encoder.NewStatic(m, 1)
		if err != nil {
			t.Fatal(err)
		}
		return enc
	}
	engine, err := encoder.NewPacked(m.Transformer, m.Config, encoder.PackedOptions{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	enc, err := encoder.NewTransformer(engine, m)
	if err != nil {
		t.Fatal(err)
	}
	return enc
}

// randomBatch has up to 12 sequences, some of them empty.
func randomBatch(intn func(int) int, typed bool) *encoder.Batch {
	b := &encoder.Batch{Offsets: []int32{0}}
	for range intn(12) {
		for range intn(40) {
			b.IDs = append(b.IDs, int32(intn(64)))
			if typed {
				b.Types = append(b.Types, int32(intn(2)))
			}
		}
		b.Offsets = append(b.Offsets, int32(len(b.IDs)))
	}
	return b
}

func encode(t *testing.T, enc encoder.Encoder, b *encoder.Batch, o encoder.Output) []float32 {
	t.Helper()
	width := o.Dims
	if width == 0 {
		width = enc.Dims()
	}
	dst := make([]float32, b.Len()*width)
	if err := enc.Encode(t.Context(), b, o, dst); err != nil {
		t.Error(err)
	}
	return dst
}

// TestEncoderChecksLikeTheOthers: the queue refuses what every encoder refuses.
func TestEncoderChecksLikeTheOthers(t *testing.T) {
	enc := tiny(t, model.BERT)
	queued := open(t, enc, queue.Options{}).Encoder(queue.Interactive, false)
	good := &encoder.Batch{IDs: []int32{1, 2}, Offsets: []int32{0, 2}}
	for _, c := range []struct {
		name  string
		batch *encoder.Batch
		out   encoder.Output
		room  int
		want  error
	}{
		{"too many dims", good, encoder.Output{Dims: 33}, 100, encoder.ErrDims},
		{"negative dims", good, encoder.Output{Dims: -1}, 100, encoder.ErrDims},
		{"no room", good, encoder.Output{}, 31, encoder.ErrDims},
		{"no offsets", &encoder.Batch{IDs: []int32{1}}, encoder.Output{}, 100, encoder.ErrBatch},
		{"offsets too short", &encoder.Batch{IDs: []int32{1, 2}, Offsets: []int32{0, 1}}, encoder.Output{}, 100, encoder.ErrBatch},
		{"offsets go back", &encoder.Batch{IDs: []int32{1, 2}, Offsets: []int32{0, 2, 1, 2}}, encoder.Output{}, 100, encoder.ErrBatch},
		{"offsets too long", &encoder.Batch{IDs: []int32{1, 2}, Offsets: []int32{0, 3, 2}}, encoder.Output{}, 100, encoder.ErrBatch},
		{"too few types", &encoder.Batch{IDs: []int32{1, 2}, Types: []int32{0}, Offsets: []int32{0, 2}}, encoder.Output{}, 100, encoder.ErrBatch},
		{"unknown id", &encoder.Batch{IDs: []int32{1, 64}, Offsets: []int32{0, 2}}, encoder.Output{}, 100, encoder.ErrBatch},
		{"unknown type", &encoder.Batch{IDs: []int32{1, 2}, Types: []int32{0, 2}, Offsets: []int32{0, 2}}, encoder.Output{}, 100, encoder.ErrBatch},
		{"nothing", &encoder.Batch{}, encoder.Output{}, 0, nil},
	} {
		for _, e := range []encoder.Encoder{enc, queued} {
			if err := e.Encode(t.Context(), c.batch, c.out, make([]float32, c.room)); !errors.Is(err, c.want) {
				t.Errorf("%s: %v from %T, want %v", c.name, err, e, c.want)
			}
		}
	}
	if queued.Dims() != enc.Dims() || fmt.Sprint(queued) != fmt.Sprint(enc) {
		t.Errorf("%v of %d dims, want %v of %d", queued, queued.Dims(), enc, enc.Dims())
	}
}

func Example() {
	m := modeltest.New(model.Static, modeltest.Options{})
	enc, err := encoder.New(m, 1) // one thread per worker of the queue
	if err != nil {
		panic(err)
	}
	q := queue.New(enc, queue.Options{BatchTokens: 16384})
	defer q.Close(context.Background())
	r, err := q.Do(context.Background(), queue.Request{IDs: [][]int32{{5, 7}, {7, 5}}})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(r.At(0)), r.At(0)[0] == r.At(1)[0])
	// Output: 32 true
}
