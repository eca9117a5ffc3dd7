package embed

import (
	"fmt"
	"maps"

	"semdex/embed/model"
)

// Info describes a model.
type Info struct {
	Name         string             `json:"name"`
	Architecture model.Architecture `json:"architecture"`
	Parameters   int64              `json:"parameters"`
	DType        model.DType        `json:"dtype"`  // of the stored weights
	Engine       string             `json:"engine"` // what runs it here
	Vocabulary   int                `json:"vocabulary"`
	Layers       int                `json:"layers,omitempty"`
	Heads        int                `json:"heads,omitempty"`
	Hidden       int                `json:"hidden"`
	Intermediate int                `json:"intermediate,omitempty"`

	Pooling        model.PoolingMode `json:"pooling"`
	PoolingAssumed bool              `json:"pooling_assumed,omitempty"` // the folder does not say
	Dense          []int             `json:"dense,omitempty"`           // widths of the Dense modules
	Normalize      bool              `json:"normalize"`                 // a Normalize module is in the folder
	Dims           int               `json:"dims"`
	FullDims       int               `json:"full_dims"` // before truncate_dim; EncodeOptions.Dims goes up to it
	MaxTokens      int               `json:"max_tokens"`
	Similarity     string            `json:"similarity"`

	Prompts       map[string]string `json:"prompts,omitempty"`
	DefaultPrompt string            `json:"default_prompt,omitempty"`
	Fingerprint   string            `json:"fingerprint"`
}

// Info describes the model. Like Fingerprint it reads all weights the first
// time. After Close the error is ErrClosed.
func (m *Model) Info() (Info, error) {
	done, err := m.use()
	if err != nil {
		return Info{}, err
	}
	defer done()
	c := m.model.Config
	i := Info{
		Name:           m.model.Name,
		Architecture:   m.model.Architecture,
		Parameters:     m.model.Parameters(),
		Engine:         fmt.Sprint(m.encoder),
		Vocabulary:     m.model.Tokenizer.Len(),
		Layers:         c.Layers,
		Heads:          c.Heads,
		Hidden:         m.model.Hidden(),
		Intermediate:   c.Intermediate,
		Pooling:        m.model.Pooling,
		PoolingAssumed: m.model.PoolingAssumed,
		Normalize:      m.model.Normalize,
		Dims:           m.Dims(),
		FullDims:       m.encoder.Dims(),
		MaxTokens:      m.MaxTokens(),
		Similarity:     m.model.Similarity,
		Prompts:        maps.Clone(m.model.Prompts),
		DefaultPrompt:  m.model.DefaultPrompt,
		Fingerprint:    m.model.Fingerprint(),
	}
	for _, d := range m.model.Dense {
		i.Dense = append(i.Dense, d.Weight.Rows())
	}
	if s := m.model.Static; s != nil {
		i.DType = s.Rows.DType
	} else {
		i.DType = m.model.Transformer.Word.DType
	}
	return i, nil
}
