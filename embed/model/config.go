package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// hfConfig is config.json as far as it is read: BERT's and DistilBERT's names
// side by side. Pointers tell an absent field from a zero.
type hfConfig struct {
	ModelType     string            `json:"model_type"`
	Architectures []string          `json:"architectures"`
	VocabSize     *int              `json:"vocab_size"`
	PadID         *int32            `json:"pad_token_id"`
	MaxPositions  *int              `json:"max_position_embeddings"`
	InitRange     *float64          `json:"initializer_range"`
	PositionType  string            `json:"position_embedding_type"`
	IsDecoder     bool              `json:"is_decoder"`
	ID2Label      map[string]string `json:"id2label"`

	// BERT
	HiddenSize   *int     `json:"hidden_size"`
	NumLayers    *int     `json:"num_hidden_layers"`
	NumHeads     *int     `json:"num_attention_heads"`
	Intermediate *int     `json:"intermediate_size"`
	TypeVocab    *int     `json:"type_vocab_size"`
	NormEps      *float64 `json:"layer_norm_eps"`
	HiddenAct    string   `json:"hidden_act"`
	HiddenDrop   *float64 `json:"hidden_dropout_prob"`
	AttnDrop     *float64 `json:"attention_probs_dropout_prob"`

	// DistilBERT
	Dim              *int     `json:"dim"`
	NLayers          *int     `json:"n_layers"`
	NHeads           *int     `json:"n_heads"`
	HiddenDim        *int     `json:"hidden_dim"`
	Activation       string   `json:"activation"`
	Dropout          *float64 `json:"dropout"`
	AttentionDropout *float64 `json:"attention_dropout"`

	// model2vec
	Normalize bool `json:"normalize"`
}

// or is the value behind p, or def if the field is absent.
func or[T any](p *T, def T) T {
	if p == nil {
		return def
	}
	return *p
}

// architecture is the model_type. Folders of early 2020 may lack it; then the
// names of the sizes tell DistilBERT, and two token types tell BERT from RoBERTa,
// which has one.
func (h *hfConfig) architecture() Architecture {
	switch {
	case h.ModelType != "":
		return Architecture(h.ModelType)
	case h.Dim != nil && h.NLayers != nil:
		return DistilBERT
	case h.HiddenSize != nil && or(h.TypeVocab, 0) == 2:
		return BERT
	}
	return ""
}

// config translates to our names. Absent fields take the defaults of
// transformers' BertConfig and DistilBertConfig.
func (h *hfConfig) config() (Architecture, Config, error) {
	c := Config{
		VocabSize:    or(h.VocabSize, 30522),
		MaxPositions: or(h.MaxPositions, 512),
		PadID:        or(h.PadID, 0),
		InitRange:    or(h.InitRange, 0.02),
		LayerNormEps: 1e-12,
	}
	arch := h.architecture()
	activation := ""
	switch arch {
	case BERT:
		c.Hidden, c.Layers = or(h.HiddenSize, 768), or(h.NumLayers, 12)
		c.Heads, c.Intermediate = or(h.NumHeads, 12), or(h.Intermediate, 3072)
		c.TypeVocabSize, c.LayerNormEps = or(h.TypeVocab, 2), or(h.NormEps, 1e-12)
		c.Dropout, c.AttentionDropout = or(h.HiddenDrop, 0.1), or(h.AttnDrop, 0.1)
		activation = h.HiddenAct
	case DistilBERT:
		c.Hidden, c.Layers = or(h.Dim, 768), or(h.NLayers, 6)
		c.Heads, c.Intermediate = or(h.NHeads, 12), or(h.HiddenDim, 4*768)
		c.Dropout, c.AttentionDropout = or(h.Dropout, 0.1), or(h.AttentionDropout, 0.1)
		activation = h.Activation
	case "":
		return "", c, fmt.Errorf(`%w: config.json names no model_type; set it to "bert" or "distilbert"`, ErrUnsupported)
	default:
		return "", c, fmt.Errorf("%w: config.json: model_type %q; semdex runs bert, distilbert and static tables", ErrUnsupported, h.ModelType)
	}
	if h.PositionType != "" && h.PositionType != "absolute" {
		return "", c, fmt.Errorf("%w: config.json: position_embedding_type %q; only absolute positions are known", ErrUnsupported, h.PositionType)
	}
	if h.IsDecoder {
		return "", c, fmt.Errorf("%w: config.json: is_decoder; semdex runs encoders", ErrUnsupported)
	}
	var err error
	if c.Activation, err = activationName(activation); err != nil {
		return "", c, err
	}
	if c.Labels, err = labels(h.ID2Label); err != nil {
		return "", c, err
	}
	return arch, c, c.check()
}

// activationName maps transformers' names to the three functions there are.
func activationName(name string) (string, error) {
	switch name {
	case "", "gelu", "gelu_python":
		return "gelu", nil
	case "gelu_new", "gelu_fast", "gelu_pytorch_tanh":
		return "gelu_new", nil
	case "relu":
		return "relu", nil
	}
	return "", fmt.Errorf("%w: config.json: activation %q; gelu, gelu_new and relu are known", ErrUnsupported, name)
}

// check refuses sizes that no model has.
func (c *Config) check() error {
	sizes := []struct {
		name string
		n    int
	}{
		{"vocabulary size", c.VocabSize},
		{"hidden size", c.Hidden},
		{"number of layers", c.Layers},
		{"number of heads", c.Heads},
		{"intermediate size", c.Intermediate},
		{"number of positions", c.MaxPositions},
	}
	for _, s := range sizes {
		const most = 1 << 27
		if s.n < 1 || s.n > most {
			return fmt.Errorf("%w: config.json: the %s is %d, it must be between 1 and %d", ErrUnsupported, s.name, s.n, most)
		}
	}
	if c.Hidden%c.Heads != 0 {
		return fmt.Errorf("%w: config.json: hidden size %d is not a multiple of %d heads", ErrUnsupported, c.Hidden, c.Heads)
	}
	if c.TypeVocabSize < 0 || !(c.LayerNormEps >= 0 && c.LayerNormEps < 1) {
		return fmt.Errorf("%w: config.json: type_vocab_size %d, layer_norm_eps %g", ErrUnsupported, c.TypeVocabSize, c.LayerNormEps)
	}
	return nil
}

// labels orders id2label by id. The ids must be 0 to n-1.
func labels(byID map[string]string) ([]string, error) {
	if len(byID) == 0 {
		return nil, nil
	}
	out := make([]string, len(byID))
	for key, label := range byID {
		id, err := strconv.Atoi(key)
		if err != nil || id < 0 || id >= len(out) {
			return nil, fmt.Errorf("%w: config.json: id2label has the id %q among %d", ErrUnsupported, key, len(out))
		}
		out[id] = label
	}
	return out, nil
}

// hf is config.json of m for its architecture, with the type of the weights.
func (m *Model) hf(as DType) map[string]any {
	c := m.Config
	out := map[string]any{
		"model_type":              string(m.Architecture),
		"architectures":           []string{m.className()},
		"vocab_size":              c.VocabSize,
		"max_position_embeddings": c.MaxPositions,
		"pad_token_id":            c.PadID,
		"initializer_range":       c.InitRange,
		"torch_dtype":             map[DType]string{F32: "float32", F16: "float16", BF16: "bfloat16"}[as],
	}
	if m.Architecture == DistilBERT {
		out["dim"], out["n_layers"], out["n_heads"] = c.Hidden, c.Layers, c.Heads
		out["hidden_dim"], out["activation"] = c.Intermediate, c.Activation
		out["dropout"], out["attention_dropout"] = c.Dropout, c.AttentionDropout
		out["sinusoidal_pos_embds"], out["tie_weights_"] = false, true
	} else {
		out["hidden_size"], out["num_hidden_layers"], out["num_attention_heads"] = c.Hidden, c.Layers, c.Heads
		out["intermediate_size"], out["hidden_act"] = c.Intermediate, c.Activation
		out["type_vocab_size"], out["layer_norm_eps"] = c.TypeVocabSize, c.LayerNormEps
		out["hidden_dropout_prob"], out["attention_probs_dropout_prob"] = c.Dropout, c.AttentionDropout
		out["position_embedding_type"] = "absolute"
	}
	if len(c.Labels) > 0 {
		id2label, label2id := make(map[string]string), make(map[string]int)
		for i, l := range c.Labels {
			id2label[strconv.Itoa(i)], label2id[l] = l, i
		}
		out["id2label"], out["label2id"] = id2label, label2id
	}
	return out
}

// className is the class of transformers that has m's heads.
func (m *Model) className() string {
	base := map[Architecture]string{BERT: "Bert", DistilBERT: "DistilBert"}[m.Architecture]
	heads := []struct{ prefix, class string }{
		{"qa_outputs.", "ForQuestionAnswering"},
		{"classifier.", "ForSequenceClassification"},
		{"cls.predictions.", "ForMaskedLM"},
		{"vocab_", "ForMaskedLM"},
	}
	for _, h := range heads {
		if slices.ContainsFunc(m.headNames(), func(n string) bool { return strings.HasPrefix(n, h.prefix) }) {
			return base + h.class
		}
	}
	return base + "Model"
}
