package model

import (
	"fmt"
	"maps"
	"path"
)

// sentenceConfigs are the names that sentence_bert_config.json has had.
var sentenceConfigs = []string{
	"sentence_bert_config.json", "sentence_distilbert_config.json", "sentence_roberta_config.json",
}

// readMaxTokens settles the longest input: the sentence-transformers setting,
// else the tokenizer's, and never more than there are positions.
func (m *Model) readMaxTokens(s *source, dir string) error {
	limit := m.Config.MaxPositions
	for _, name := range sentenceConfigs {
		var c struct {
			Max       *int `json:"max_seq_length"`
			LowerCase bool `json:"do_lower_case"`
		}
		name = path.Join(dir, name)
		found, err := s.json(name, &c)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if c.LowerCase && !m.Tokenizer.Config().Lowercase {
			return fmt.Errorf("%w: %s: do_lower_case before a cased tokenizer", ErrUnsupported, name)
		}
		if c.Max != nil {
			if *c.Max < 3 {
				return fmt.Errorf("%w: %s: max_seq_length %d leaves no room for text", ErrUnsupported, name, *c.Max)
			}
			m.MaxTokens = min(*c.Max, limit)
			return nil
		}
		break
	}
	m.MaxTokens = limit
	if n := m.Tokenizer.MaxLength(); n >= 3 {
		m.MaxTokens = min(n, limit)
	}
	return nil
}

// pipelineConfig is config_sentence_transformers.json.
type pipelineConfig struct {
	Prompts       map[string]*string `json:"prompts"`
	DefaultPrompt *string            `json:"default_prompt_name"`
	Similarity    *string            `json:"similarity_fn_name"`
	TruncateDim   *int               `json:"truncate_dim"`
	ModelType     string             `json:"model_type,omitempty"`
}

const pipelineFile = "config_sentence_transformers.json"

func (m *Model) readSettings(s *source) error {
	var c pipelineConfig
	if _, err := s.json(pipelineFile, &c); err != nil {
		return err
	}
	switch c.ModelType {
	case "", "SentenceTransformer":
	default:
		return fmt.Errorf("%w: %s: a %s, not a SentenceTransformer", ErrUnsupported, pipelineFile, c.ModelType)
	}
	for name, text := range c.Prompts {
		if text != nil {
			if m.Prompts == nil {
				m.Prompts = make(map[string]string)
			}
			m.Prompts[name] = *text
		}
	}
	m.DefaultPrompt = or(c.DefaultPrompt, "")
	if _, ok := c.Prompts[m.DefaultPrompt]; !ok && m.DefaultPrompt != "" {
		return fmt.Errorf("%w: %s: default_prompt_name %q is not among the prompts", ErrUnsupported, pipelineFile, m.DefaultPrompt)
	}
	m.Similarity = or(c.Similarity, "cosine")
	switch m.Similarity {
	case "cosine", "dot", "euclidean", "manhattan":
	case "dot_score":
		m.Similarity = "dot"
	default:
		return fmt.Errorf("%w: %s: similarity_fn_name %q", ErrUnsupported, pipelineFile, m.Similarity)
	}
	m.TruncateDim = or(c.TruncateDim, 0)
	if m.TruncateDim < 0 || m.TruncateDim > m.fullDims() {
		return fmt.Errorf("%w: %s: truncate_dim %d of %d dims", ErrUnsupported, pipelineFile, m.TruncateDim, m.fullDims())
	}
	return nil
}

// settings is config_sentence_transformers.json of m.
func (m *Model) settings() pipelineConfig {
	c := pipelineConfig{Prompts: map[string]*string{}, ModelType: "SentenceTransformer"}
	for name, text := range maps.All(m.Prompts) {
		c.Prompts[name] = &text
	}
	if m.DefaultPrompt != "" {
		c.DefaultPrompt = &m.DefaultPrompt
	}
	similarity := m.Similarity
	if similarity == "" {
		similarity = "cosine"
	}
	c.Similarity = &similarity
	if m.TruncateDim > 0 {
		c.TruncateDim = &m.TruncateDim
	}
	return c
}
