package model

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

// slot is one tensor of an architecture: its name in transformers, its shape
// and where it lives in Transformer. The same list reads, writes, counts and
// fingerprints a model.
type slot struct {
	name  string
	shape []int
	at    **Tensor
}

// check verifies that the slot is filled as it must be.
func (s slot) check() error {
	t := *s.at
	if t == nil {
		return fmt.Errorf("%w: tensor %s of shape %v is missing", ErrTensor, s.name, s.shape)
	}
	if !slices.Equal(t.Shape, s.shape) || !t.DType.Float() {
		return fmt.Errorf("%w: tensor %s is %s %v, want floats %v", ErrTensor, s.name, t.DType, t.Shape, s.shape)
	}
	if len(t.Data) != t.Len()*t.DType.Size() {
		return fmt.Errorf("%w: tensor %s holds %d bytes for %s %v", ErrTensor, s.name, len(t.Data), t.DType, t.Shape)
	}
	return nil
}

// layout lists the tensors of t for an architecture and its configuration, in
// canonical order, and gives t its layers. The pooler is apart: see
// poolerLayout.
func layout(arch Architecture, c Config, t *Transformer) iter.Seq[slot] {
	return func(yield func(slot) bool) {
		h := c.Hidden
		one := func(name string, at **Tensor, shape ...int) bool {
			return yield(slot{name, shape, at})
		}
		linear := func(name string, l *Linear, out, in int) bool {
			return one(name+".weight", &l.Weight, out, in) && one(name+".bias", &l.Bias, out)
		}
		norm := func(name string, n *Norm) bool {
			return one(name+".weight", &n.Weight, h) && one(name+".bias", &n.Bias, h)
		}
		ok := one(wordKey, &t.Word, c.VocabSize, h) &&
			one("embeddings.position_embeddings.weight", &t.Position, c.MaxPositions, h) &&
			(arch != BERT || one("embeddings.token_type_embeddings.weight", &t.Type, c.TypeVocabSize, h)) &&
			norm("embeddings.LayerNorm", &t.Norm)
		if !ok {
			return
		}
		names := layerNames[arch]
		for i := range c.Layers {
			if i == len(t.Layers) {
				t.Layers = append(t.Layers, Layer{})
			}
			l, at := &t.Layers[i], fmt.Sprintf("%s%d.", names.prefix, i)
			ok := linear(at+names.query, &l.Query, h, h) &&
				linear(at+names.key, &l.Key, h, h) &&
				linear(at+names.value, &l.Value, h, h) &&
				linear(at+names.output, &l.Output, h, h) &&
				norm(at+names.attentionNorm, &l.AttentionNorm) &&
				linear(at+names.up, &l.Up, c.Intermediate, h) &&
				linear(at+names.down, &l.Down, h, c.Intermediate) &&
				norm(at+names.outputNorm, &l.OutputNorm)
			if !ok {
				return
			}
		}
	}
}

// wordKey ends the name of the word table in every folder; what precedes it is
// the prefix of the encoder.
const wordKey = "embeddings.word_embeddings.weight"

// poolerLayout is BERT's optional pooler.
func poolerLayout(c Config, p *Linear) []slot {
	return []slot{
		{"pooler.dense.weight", []int{c.Hidden, c.Hidden}, &p.Weight},
		{"pooler.dense.bias", []int{c.Hidden}, &p.Bias},
	}
}

// layerNames are transformers' names inside one layer.
var layerNames = map[Architecture]struct {
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

// encoderParts begin the names that belong to the encoder itself.
var encoderParts = []string{"embeddings.", "encoder.", "transformer."}

// ignored are buffers that older versions of transformers saved.
var ignored = map[string]bool{"embeddings.position_ids": true, "embeddings.token_type_ids": true}

// transformer takes the encoder's tensors out of named. Heads are what is left.
func (m *Model) transformer(named map[string]*Tensor) error {
	prefix, err := findPrefix(named)
	if err != nil {
		return err
	}
	named = modernNames(named)
	t := new(Transformer)
	take := func(s slot) error {
		found := named[prefix+s.name]
		if found == nil {
			return fmt.Errorf("%w: tensor %s of shape %v is missing; %s", ErrTensor, prefix+s.name, s.shape, m.sizes())
		}
		if !slices.Equal(found.Shape, s.shape) || !found.DType.Float() {
			return fmt.Errorf("%w: tensor %s is %s %v, want floats %v; %s", ErrTensor, found.Name, found.DType, found.Shape, s.shape, m.sizes())
		}
		*s.at = found
		delete(named, prefix+s.name)
		return nil
	}
	for s := range layout(m.Architecture, m.Config, t) {
		if err := take(s); err != nil {
			return err
		}
	}
	if m.Architecture == BERT && named[prefix+"pooler.dense.weight"] != nil {
		t.Pooler = new(Linear)
		for _, s := range poolerLayout(m.Config, t.Pooler) {
			if err := take(s); err != nil {
				return err
			}
		}
	}
	m.Transformer = t
	return m.takeHeads(named, prefix)
}

// takeHeads keeps the tensors beyond the encoder and refuses encoder tensors
// that the configuration has no place for.
func (m *Model) takeHeads(named map[string]*Tensor, prefix string) error {
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if inner, ok := strings.CutPrefix(name, prefix); ok {
			if ignored[inner] {
				continue
			}
			for _, part := range encoderParts {
				if strings.HasPrefix(inner, part) {
					t := named[name]
					return fmt.Errorf("%w: unexpected tensor %s %v; %s", ErrTensor, t.Name, t.Shape, m.sizes())
				}
			}
		}
		if m.Heads == nil {
			m.Heads = make(map[string]*Tensor)
		}
		m.Heads[name] = named[name]
	}
	return nil
}

// sizes is the hint of tensor errors.
func (m *Model) sizes() string {
	c := m.Config
	return fmt.Sprintf("config.json says %s with vocabulary %d, hidden %d, %d layers, intermediate %d, %d positions",
		m.Architecture, c.VocabSize, c.Hidden, c.Layers, c.Intermediate, c.MaxPositions)
}

// findPrefix finds what the folder puts before the encoder's names: nothing,
// "bert.", "distilbert.", "model.", "0.auto_model." and so on.
func findPrefix(named map[string]*Tensor) (string, error) {
	var found []string
	for name := range named {
		if p, ok := strings.CutSuffix(name, wordKey); ok && (p == "" || strings.HasSuffix(p, ".")) {
			found = append(found, p)
		}
	}
	slices.Sort(found)
	switch len(found) {
	case 0:
		return "", fmt.Errorf("%w: no tensor is named %s, with or without a prefix%s", ErrTensor, wordKey, someNames(named))
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%w: several encoders in one file, under the prefixes %q", ErrTensor, found)
}

// someNames shows what a file holds instead.
func someNames(named map[string]*Tensor) string {
	if len(named) == 0 {
		return "; the file has no tensors"
	}
	names := slices.Sorted(maps.Keys(named))
	return fmt.Sprintf("; the file has %d tensors, such as %s", len(names), strings.Join(names[:min(3, len(names))], ", "))
}

// modernNames renames the LayerNorm parameters of TensorFlow's time, gamma and
// beta, in a copy of the map.
func modernNames(named map[string]*Tensor) map[string]*Tensor {
	out := make(map[string]*Tensor, len(named))
	for name, t := range named {
		if base, ok := strings.CutSuffix(name, ".gamma"); ok {
			name = base + ".weight"
		} else if base, ok := strings.CutSuffix(name, ".beta"); ok {
			name = base + ".bias"
		}
		out[name] = t
	}
	return out
}
