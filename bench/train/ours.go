package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/nlpodyssey/spago/mat"

	"semdex/internal/kernel"
	"semdex/internal/train"
)

// serve answers requests with semdex's own engine, as peer.py does with torch.
func serve(r io.Reader, w io.Writer) error {
	o := new(ours)
	in, out := json.NewDecoder(bufio.NewReader(r)), json.NewEncoder(w)
	for {
		var q request
		if err := in.Decode(&q); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		a, err := o.do(q)
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
}

// ours is semdex's side.
type ours struct {
	engine  *train.Engine
	encoder *train.Encoder
	head    *train.MLMHead // nil without
	params  []train.Parameter
	adam    *train.AdamW
	step    int

	ragged  *train.Batch
	rows    []int32
	targets []int32
	vectors []float32
}

func (o *ours) do(q request) (answer, error) {
	switch {
	case q.Do == "load" && q.Model != nil:
		return o.load(q)
	case q.Do == "put" && q.Batch != nil && o.encoder != nil:
		o.put(q.Batch)
		return answer{}, nil
	case q.Do == "step" && o.ragged != nil:
		return o.timed()
	}
	return answer{}, fmt.Errorf("cannot do %q now", q.Do)
}

func (o *ours) load(q request) (answer, error) {
	level, err := kernel.Choose(os.Getenv(kernel.EnvLevel))
	if err != nil {
		return answer{}, err
	}
	m := q.Model
	c := train.Config{
		Architecture: train.DistilBERT, VocabSize: m.Vocab, Hidden: m.Hidden, Layers: m.Layers, Heads: m.Heads,
		Intermediate: m.Inner, MaxPositions: m.Positions, LayerNormEps: 1e-12, Dropout: m.Dropout, AttentionDropout: m.Dropout,
	}
	if o.encoder, err = train.NewEncoder(c); err != nil {
		return answer{}, err
	}
	modules := []train.Module{o.encoder}
	if m.Head == lossMLM {
		o.head = train.NewMLMHead(c)
		modules = append(modules, o.head)
	}
	for i, m := range modules {
		train.Init(m, 0.02, uint64(i+1))
	}
	o.engine = train.NewEngine(level, q.Threads)
	o.params, o.adam = train.Parameters(modules...), &train.AdamW{WeightDecay: 0.01}
	n := 0
	for _, p := range o.params {
		n += len(p.Values)
	}
	return answer{Engine: fmt.Sprintf("semdex (%v, %s)", level, runtime.Version()), Parameters: n}, nil
}

func (o *ours) put(b *batch) {
	o.ragged = new(train.Batch)
	for _, ids := range b.IDs {
		o.ragged.Append(ids, nil)
	}
	o.rows, o.targets, o.vectors = b.Rows, b.Targets, slices.Concat(b.Vectors...)
}

// timed runs one update.
func (o *ours) timed() (answer, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, wall := processorTime(), time.Now()
	loss, err := o.update()
	a := answer{CPU: (processorTime() - cpu).Seconds(), Wall: time.Since(wall).Seconds(), Loss: loss}
	runtime.ReadMemStats(&after)
	a.Allocs = after.Mallocs - before.Mallocs
	return a, err
}

func (o *ours) update() (float64, error) {
	o.step++
	g := o.engine.Train(uint64(o.step))
	defer g.Close()
	loss, err := o.loss(g)
	if err != nil {
		return 0, err
	}
	o.adam.Begin(o.engine, o.step, 1e-4, 1)
	for _, p := range o.params {
		if err := o.adam.OptimizeParams(p.Param); err != nil {
			return 0, err
		}
	}
	if math.IsNaN(loss) {
		return 0, errors.New("the loss is not a number")
	}
	return loss, nil
}

// loss runs forward and backward.
func (o *ours) loss(g *train.Graph) (float64, error) {
	x, err := o.states(g)
	if err != nil {
		return 0, err
	}
	if o.head != nil {
		if x, err = o.head.Scores(g, x, o.encoder.Word); err == nil {
			x, err = g.CrossEntropy(x, o.targets)
		}
	} else if x, err = g.Pool(x, o.ragged, train.PoolMean); err == nil {
		x, err = g.MSE(x, train.Constant(o.ragged.Len(), o.encoder.Config.Hidden, o.vectors))
	}
	if err != nil {
		return 0, err
	}
	return float64(train.Values(x)[0]), g.Backward(x, 1)
}

// states is the last states of the masked tokens, or of all.
func (o *ours) states(g *train.Graph) (mat.Tensor, error) {
	if o.head != nil {
		return o.encoder.ForwardRows(g, o.ragged, o.rows)
	}
	all, err := o.encoder.Forward(g, o.ragged)
	if err != nil {
		return nil, err
	}
	return all[len(all)-1], nil
}
