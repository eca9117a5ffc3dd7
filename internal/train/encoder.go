package train

import (
	"fmt"
	"iter"
	"math/rand/v2"

	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn"
)

// Encoder is a trainable BERT or DistilBERT encoder.
type Encoder struct {
	nn.Module
	Config   Config
	Word     *nn.Param // [vocab, hidden]
	Position *nn.Param // [positions, hidden]
	Type     *nn.Param // [types, hidden]; nil for DistilBERT
	Norm     *Norm
	Layers   []*Layer
}

// Layer is one post-LayerNorm transformer block.
type Layer struct {
	nn.Module
	Query, Key, Value, Output *Linear // [hidden, hidden]
	AttentionNorm             *Norm
	Up                        *Linear // [intermediate, hidden]
	Down                      *Linear // [hidden, intermediate]
	OutputNorm                *Norm
}

// NewEncoder makes an encoder with zero matrices and tables, zero biases and
// LayerNorms that scale by one. Errors wrap ErrConfig.
func NewEncoder(c Config) (*Encoder, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	e := &Encoder{Config: c}
	n := names[c.Architecture]
	h := c.Hidden
	e.Word = newZero("embeddings.word_embeddings.weight", c.VocabSize, h)
	e.Position = newZero("embeddings.position_embeddings.weight", c.MaxPositions, h)
	if c.TypeVocabSize > 0 {
		e.Type = newZero("embeddings.token_type_embeddings.weight", c.TypeVocabSize, h)
	}
	e.Norm = NewNorm("embeddings.LayerNorm", h)
	for i := range c.Layers {
		at := fmt.Sprintf("%s%d.", n.prefix, i)
		e.Layers = append(e.Layers, &Layer{
			Query:         NewLinear(at+n.query, h, h, true),
			Key:           NewLinear(at+n.key, h, h, true),
			Value:         NewLinear(at+n.value, h, h, true),
			Output:        NewLinear(at+n.output, h, h, true),
			AttentionNorm: NewNorm(at+n.attentionNorm, h),
			Up:            NewLinear(at+n.up, c.Intermediate, h, true),
			Down:          NewLinear(at+n.down, h, c.Intermediate, true),
			OutputNorm:    NewNorm(at+n.outputNorm, h),
		})
	}
	return e, nil
}

// names are transformers' names inside one layer.
var names = map[Architecture]struct {
	prefix, query, key, value, output, attentionNorm, up, down, outputNorm string
}{
	BERT: {
		"encoder.layer.", "attention.self.query", "attention.self.key", "attention.self.value",
		"attention.output.dense", "attention.output.LayerNorm",
		"intermediate.dense", "output.dense", "output.LayerNorm",
	},
	DistilBERT: {
		"transformer.layer.", "attention.q_lin", "attention.k_lin", "attention.v_lin",
		"attention.out_lin", "sa_layer_norm", "ffn.lin1", "ffn.lin2", "output_layer_norm",
	},
}

// TensorNames lists the tensors of an encoder in the order of Parameters,
// without making them.
func TensorNames(c Config) []string {
	list := []string{"embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight"}
	if c.TypeVocabSize > 0 {
		list = append(list, "embeddings.token_type_embeddings.weight")
	}
	module := func(name string) { list = append(list, name+".weight", name+".bias") }
	module("embeddings.LayerNorm")
	n := names[c.Architecture]
	for i := range c.Layers {
		for _, part := range []string{n.query, n.key, n.value, n.output, n.attentionNorm, n.up, n.down, n.outputNorm} {
			module(fmt.Sprintf("%s%d.%s", n.prefix, i, part))
		}
	}
	return list
}

func newZero(name string, rows, cols int) *nn.Param {
	return NewParam(name, []int{rows, cols}, make([]float32, rows*cols), true)
}

// NewLinear makes a zero linear module whose tensors are name.weight, [out, in],
// and name.bias, [out]. The bias does not decay.
func NewLinear(name string, out, in int, bias bool) *Linear {
	l := &Linear{Weight: newZero(name+".weight", out, in)}
	if bias {
		l.Bias = NewParam(name+".bias", []int{out}, make([]float32, out), false)
	}
	return l
}

// NewNorm makes a LayerNorm of scale one and shift zero, neither of which
// decays.
func NewNorm(name string, n int) *Norm {
	one := make([]float32, n)
	for i := range one {
		one[i] = 1
	}
	return &Norm{
		Weight: NewParam(name+".weight", []int{n}, one, false),
		Bias:   NewParam(name+".bias", []int{n}, make([]float32, n), false),
	}
}

// Init draws matrices and tables from a normal distribution with standard
// deviation std, as BERT does (BERT's own .02 is truncated at two deviations,
// transformers' is not, and neither is this). Biases and LayerNorms stay.
func Init(m Module, std float64, seed uint64) {
	for _, p := range Parameters(m) {
		if !p.Decays() {
			continue
		}
		rng := rand.New(rand.NewPCG(seed, Seed(seed, nameSeed(p.Name))))
		for i := range p.Values {
			p.Values[i] = float32(std * rng.NormFloat64())
		}
	}
}

// nameSeed is the FNV-1a hash of a name, so that what a tensor starts from does
// not depend on the tensors before it.
func nameSeed(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}

// Parameter is a named parameter of a module.
type Parameter struct {
	*nn.Param
	Name   string
	Dims   []int
	Values []float32 // the parameter's own memory
}

// Decays says that weight decay applies: matrices and tables, but neither
// biases nor LayerNorms.
func (p Parameter) Decays() bool { return paramTensor(p.Param).param.decay }

// Describe gives the name, shape and memory of a parameter of this package.
func Describe(p *nn.Param) Parameter {
	info := paramTensor(p).param
	return Parameter{Param: p, Name: info.name, Dims: info.shape, Values: Values(p)}
}

// Module is a group of parameters: an encoder, a head, a linear layer.
type Module = nn.Model

// Parameters lists the parameters of modules in the order of their fields, each
// once. All must have been made by this package.
func Parameters(modules ...Module) []Parameter {
	var all []Parameter
	seen := make(map[*nn.Param]bool)
	for _, m := range modules {
		nn.ForEachParam(m, func(p *nn.Param) {
			if seen[p] {
				return
			}
			seen[p] = true
			all = append(all, Describe(p))
		})
	}
	return all
}

// Forward gives the states after the embeddings and after every layer, the last
// one last: [tokens, hidden] each. A graph without gradients keeps only what
// keep names (0: the embeddings; nil: the last alone) and leaves nil for the
// others. Errors wrap ErrBatch.
func (e *Encoder) Forward(g *Graph, b *Batch, keep ...int) ([]mat.Tensor, error) {
	if err := b.Check(&e.Config); err != nil {
		return nil, err
	}
	states := make([]mat.Tensor, 0, len(e.Layers)+1)
	wanted := func(i int) bool {
		for _, k := range keep {
			if k == i {
				return true
			}
		}
		return g.train || i == len(e.Layers)
	}
	for x := range e.states(g, b, nil) {
		if n := len(states); n > 0 && !wanted(n-1) {
			g.give(Values(states[n-1]))
			states[n-1] = nil
		}
		states = append(states, x)
	}
	return states, nil
}

// ForwardRows gives the last states of some tokens, which are ascending: [rows,
// hidden]. It is Forward followed by Rows, except for the time: in the last
// layer the other tokens are only attended to. Errors wrap ErrBatch.
func (e *Encoder) ForwardRows(g *Graph, b *Batch, rows []int32) (mat.Tensor, error) {
	if err := b.Check(&e.Config); err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%w: no rows selected", ErrBatch)
	}
	if err := checkRows("row", rows, b.Tokens()); err != nil {
		return nil, err
	}
	for i, r := range rows[1:] {
		if r <= rows[i] {
			return nil, fmt.Errorf("%w: row %d after row %d", ErrBatch, r, rows[i])
		}
	}
	var last mat.Tensor
	for x := range e.states(g, b, rows) {
		if last != nil && !g.train {
			g.give(Values(last))
		}
		last = x
	}
	return last, nil
}

// states runs the blocks one after another, the last one for some rows alone
// unless rows is nil.
func (e *Encoder) states(g *Graph, b *Batch, rows []int32) iter.Seq[mat.Tensor] {
	return func(yield func(mat.Tensor) bool) {
		eps := float32(e.Config.LayerNormEps)
		kinds := b.Types
		if len(kinds) == 0 && e.Type != nil {
			kinds = make([]int32, b.Tokens())
		}
		x := g.run(&embedding{
			g: g, word: e.Word, position: e.Position, kind: e.Type, n: e.Norm, eps: eps,
			ids: b.IDs, positions: b.positions(), kinds: kinds, drop: g.dropout(e.Config.Dropout),
		})
		if !yield(x) {
			return
		}
		for i, l := range e.Layers {
			var only []int32
			if i == len(e.Layers)-1 {
				only = rows
			}
			mid := e.attention(g, l, x, b.Offsets, only)
			drop := g.dropout(e.Config.Dropout)
			drop.rows = only
			x = g.run(&feedForward{g: g, x: mid, l: l, residual: residual{g: g, n: l.OutputNorm, eps: eps, drop: drop}})
			if !g.train {
				g.give(Values(mid))
			}
			if !yield(x) {
				return
			}
		}
	}
}

// attention adds the first block of a layer. DistilBERT does not drop from its
// output.
func (e *Encoder) attention(g *Graph, l *Layer, x mat.Tensor, offsets, rows []int32) mat.Tensor {
	rate := e.Config.Dropout
	if e.Config.Architecture == DistilBERT {
		rate = 0
	}
	asking := x
	if rows != nil {
		asking = g.run(&gather{g: g, x: x, rows: rows})
	}
	inner, outer := g.dropout(e.Config.AttentionDropout), g.dropout(rate)
	outer.rows = rows
	y := g.run(&attention{
		g: g, x: x, asking: asking, rows: rows, l: l, heads: e.Config.Heads, offsets: offsets, drop: inner,
		residual: residual{g: g, n: l.AttentionNorm, eps: float32(e.Config.LayerNormEps), drop: outer},
	})
	if rows != nil && !g.train {
		g.give(Values(asking))
	}
	return y
}
