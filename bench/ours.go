package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/workload"
	"semdex/internal/kernel"
)

// ours answers requests with semdex's own encoder, as peer.js does with
// onnxruntime.
type ours struct {
	model   *model.Model
	encoder encoder.Encoder
	inputs  map[string][]*ragged
}

// ragged is a batch in the order in which it is computed, the longest sentence
// first, as package embed does.
type ragged struct {
	batch   *encoder.Batch
	order   []int // of the sentences as they came
	vectors []float32
}

// serveOurs reads requests from r until it ends and writes the answers to w.
func serveOurs(ctx context.Context, r io.Reader, w io.Writer) error {
	o := &ours{inputs: map[string][]*ragged{}}
	defer o.close()
	in, out := json.NewDecoder(bufio.NewReaderSize(r, 1<<20)), json.NewEncoder(w)
	for {
		var q request
		if err := in.Decode(&q); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		a, err := o.do(ctx, q)
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
}

func (o *ours) close() {
	if o.model != nil {
		_ = o.model.Close() // the process ends
	}
}

func (o *ours) do(ctx context.Context, q request) (answer, error) {
	switch q.Do {
	case "load":
		return o.load(q)
	case "put":
		return o.put(q)
	case "encode":
		return o.encode(ctx, q)
	case "time":
		return o.time(ctx, q)
	}
	return answer{}, fmt.Errorf("unknown request %q", q.Do)
}

func (o *ours) load(q request) (answer, error) {
	m, err := openSubject(q.Model)
	if err != nil {
		return answer{}, err
	}
	o.model = m
	o.encoder, err = workload.NewEncoder(m, workload.Options{
		Workers: q.Threads, Int8: q.Int8, Level: os.Getenv(kernel.EnvLevel),
	})
	return answer{Engine: fmt.Sprint(o.encoder)}, err
}

func (o *ours) put(q request) (answer, error) {
	var all []*ragged
	for _, sentences := range q.Batches {
		r := &ragged{batch: &encoder.Batch{}, order: make([]int, len(sentences))}
		for i := range r.order {
			r.order[i] = i
		}
		slices.SortStableFunc(r.order, func(a, b int) int { return len(sentences[b]) - len(sentences[a]) })
		for _, i := range r.order {
			r.batch.Append(sentences[i])
		}
		r.vectors = make([]float32, len(sentences)*o.model.Dims())
		all = append(all, r)
	}
	o.inputs[q.Name] = all
	return answer{}, nil
}

func (o *ours) encode(ctx context.Context, q request) (answer, error) {
	dims := o.model.Dims()
	a := answer{Dims: dims}
	for _, r := range o.inputs[q.Name] {
		if err := o.run(ctx, r); err != nil {
			return answer{}, err
		}
		from := len(a.Vectors)
		a.Vectors = append(a.Vectors, make([]byte, 4*len(r.vectors))...)
		for at, i := range r.order {
			dst := a.Vectors[from+4*i*dims:]
			for j, v := range r.vectors[at*dims : (at+1)*dims] {
				binary.LittleEndian.PutUint32(dst[4*j:], math.Float32bits(v))
			}
		}
	}
	return a, nil
}

func (o *ours) time(ctx context.Context, q request) (answer, error) {
	start := time.Now()
	for range q.Count {
		for _, r := range o.inputs[q.Name] {
			if err := o.run(ctx, r); err != nil {
				return answer{}, err
			}
		}
	}
	return answer{Seconds: time.Since(start).Seconds()}, nil
}

func (o *ours) run(ctx context.Context, r *ragged) error {
	return o.encoder.Encode(ctx, r.batch, encoder.Output{Dims: o.model.Dims(), Normalize: o.model.Normalize}, r.vectors)
}
