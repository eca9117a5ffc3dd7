package model

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// module is one entry of modules.json.
type module struct {
	Index int    `json:"idx"`
	Name  string `json:"name"`
	Path  string `json:"path"`
	Type  string `json:"type"`
}

// kind is the class without its package: the packages moved between the
// generations of sentence-transformers, the classes kept their names.
func (m module) kind() string {
	return m.Type[strings.LastIndexByte(m.Type, '.')+1:]
}

// pipeline reads the modules of a sentence-transformers folder into m.
func (m *Model) pipeline(s *source, modules []module) error {
	if len(modules) == 0 {
		return fmt.Errorf("%w: modules.json lists no modules", ErrNotModel)
	}
	slices.SortStableFunc(modules, func(a, b module) int { return a.Index - b.Index })
	pooled := false
	for i, mod := range modules {
		var err error
		switch kind := mod.kind(); {
		case i == 0 && (kind == "Transformer" || kind == "BERT" || kind == "DistilBERT"): // the last two until 2020
			err = m.readEncoder(s, mod.Path)
		case i == 0 && kind == "StaticEmbedding":
			pooled = true
			err = m.readStatic(s, mod.Path)
		case kind == "Pooling" && !pooled && i > 0:
			pooled = true
			err = m.readPooling(s, mod.Path)
		case kind == "Dense" && pooled && !m.Normalize:
			err = m.readDense(s, mod.Path)
		case kind == "Normalize" && pooled:
			m.Normalize = true
		case kind == "Dropout": // does nothing outside training
		default:
			err = fmt.Errorf("%w: modules.json: %s in place %d; semdex runs Transformer, Pooling, Dense, Normalize and StaticEmbedding, Dense, Normalize", ErrUnsupported, mod.Type, i)
		}
		if err != nil {
			return err
		}
	}
	if !pooled {
		// sentence-transformers would give no sentence vector at all.
		return fmt.Errorf("%w: modules.json has no Pooling module", ErrUnsupported)
	}
	return nil
}

// poolingKeys are the booleans of the old generation in the order in which
// their results are concatenated.
var poolingKeys = []struct {
	key  string
	mode PoolingMode
}{
	{"pooling_mode_cls_token", PoolCLS},
	{"pooling_mode_max_tokens", PoolMax},
	{"pooling_mode_mean_tokens", PoolMean},
	{"pooling_mode_mean_sqrt_len_tokens", PoolMeanSqrtLen},
	{"pooling_mode_weightedmean_tokens", PoolWeightedMean},
	{"pooling_mode_lasttoken", PoolLastToken},
}

// readPooling reads both generations of 1_Pooling/config.json: booleans with
// word_embedding_dimension, or pooling_mode with embedding_dimension.
func (m *Model) readPooling(s *source, dir string) error {
	name := path.Join(dir, "config.json")
	var c map[string]any
	if ok, err := s.json(name, &c); err != nil {
		return err
	} else if !ok {
		return fmt.Errorf("%w: %s is missing", ErrNotModel, name)
	}
	for _, key := range []string{"embedding_dimension", "word_embedding_dimension"} {
		if d, ok := c[key].(float64); ok && d != float64(m.Config.Hidden) {
			return fmt.Errorf("%w: %s: %s is %v, the encoder's hidden size %d", ErrTensor, name, key, d, m.Config.Hidden)
		}
	}
	if include, ok := c["include_prompt"].(bool); ok && !include {
		return fmt.Errorf("%w: %s: include_prompt false (pooling without the prompt's tokens)", ErrUnsupported, name)
	}
	modes, err := poolingModes(c)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	m.Pooling = PoolingMode(strings.Join(modes, "+"))
	return nil
}

func poolingModes(c map[string]any) ([]string, error) {
	var modes []string
	switch v := c["pooling_mode"].(type) {
	case string:
		modes = []string{v}
	case []any:
		for _, mode := range v {
			modes = append(modes, fmt.Sprint(mode))
		}
	default:
		for _, k := range poolingKeys {
			if on, _ := c[k.key].(bool); on {
				modes = append(modes, string(k.mode))
			}
		}
	}
	if len(modes) == 0 {
		modes = []string{string(PoolMean)} // as sentence-transformers does
	}
	for i, mode := range modes {
		mode = strings.ToLower(mode)
		if mode == "mean_sqrt_len_tokens" {
			mode = string(PoolMeanSqrtLen)
		}
		if !PoolingMode(mode).known() {
			return nil, fmt.Errorf("%w: pooling mode %q", ErrUnsupported, mode)
		}
		modes[i] = mode
	}
	return modes, nil
}

// known says that p is one of the single modes.
func (p PoolingMode) known() bool {
	for _, k := range poolingKeys {
		if p == k.mode {
			return true
		}
	}
	return false
}

// denseConfig is N_Dense/config.json.
type denseConfig struct {
	In         int    `json:"in_features"`
	Out        int    `json:"out_features"`
	Bias       *bool  `json:"bias"`
	Activation string `json:"activation_function"`
	Input      string `json:"module_input_name,omitempty"`
	Output     string `json:"module_output_name,omitempty"`
	Residual   bool   `json:"use_residual,omitempty"`
}

// denseActivations maps the last path element of a torch class to our name.
var denseActivations = map[string]string{"Identity": "identity", "Tanh": "tanh"}

func (m *Model) readDense(s *source, dir string) error {
	name := path.Join(dir, "config.json")
	var c denseConfig
	if ok, err := s.json(name, &c); err != nil {
		return err
	} else if !ok {
		return fmt.Errorf("%w: %s is missing", ErrNotModel, name)
	}
	const sentence = "sentence_embedding"
	if c.Residual || c.Input != "" && c.Input != sentence || c.Output != "" && c.Output != sentence {
		return fmt.Errorf("%w: %s: Dense with a residual or on other than %s", ErrUnsupported, name, sentence)
	}
	activation := "tanh" // torch's default when the field is absent
	if c.Activation != "" {
		activation = denseActivations[c.Activation[strings.LastIndexByte(c.Activation, '.')+1:]]
	}
	if activation == "" {
		return fmt.Errorf("%w: %s: activation_function %q; Tanh and Identity are known", ErrUnsupported, name, c.Activation)
	}
	if c.In != m.fullDims() {
		return fmt.Errorf("%w: %s: in_features is %d, the modules before give %d", ErrTensor, name, c.In, m.fullDims())
	}
	named, err := s.weights(dir)
	if err != nil {
		return err
	}
	d := Dense{Activation: activation}
	slots := []slot{{"linear.weight", []int{c.Out, c.In}, &d.Weight}}
	if or(c.Bias, true) {
		slots = append(slots, slot{"linear.bias", []int{c.Out}, &d.Bias})
	}
	if err := takeExactly(named, slots); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	m.Dense = append(m.Dense, d)
	return nil
}

// takeExactly fills the slots and refuses any other tensor.
func takeExactly(named map[string]*Tensor, slots []slot) error {
	for _, s := range slots {
		t := named[s.name]
		if t == nil {
			return fmt.Errorf("%w: tensor %s of shape %v is missing%s", ErrTensor, s.name, s.shape, someNames(named))
		}
		if !slices.Equal(t.Shape, s.shape) || !t.DType.Float() {
			return fmt.Errorf("%w: tensor %s is %s %v, want floats %v", ErrTensor, s.name, t.DType, t.Shape, s.shape)
		}
		*s.at = t
	}
	if len(named) > len(slots) {
		return fmt.Errorf("%w: unexpected tensors%s", ErrTensor, someNames(named))
	}
	return nil
}
