package tokenize

import (
	"encoding/json"
	"fmt"
	"slices"
)

// tokenizerJSON is the file tokenizer.json, as far as BERT's needs it.
// Truncation and padding in it are defaults of another program's calls.
type tokenizerJSON struct {
	Added         []jsonAdded     `json:"added_tokens"`
	Normalizer    *jsonNormalizer `json:"normalizer"`
	PreTokenizer  *jsonSplitter   `json:"pre_tokenizer"`
	PostProcessor *jsonProcessor  `json:"post_processor"`
	Model         jsonModel       `json:"model"`
}

type jsonAdded struct {
	ID int32
	jsonToken
}

func (a *jsonAdded) UnmarshalJSON(data []byte) error {
	var id struct {
		ID int32 `json:"id"`
	}
	if err := json.Unmarshal(data, &id); err != nil {
		return err
	}
	a.ID = id.ID
	return json.Unmarshal(data, &a.jsonToken)
}

type jsonNormalizer struct {
	Type         string           `json:"type"`
	CleanText    bool             `json:"clean_text"`
	ChineseChars bool             `json:"handle_chinese_chars"`
	StripAccents *bool            `json:"strip_accents"`
	Lowercase    bool             `json:"lowercase"`
	Normalizers  []jsonNormalizer `json:"normalizers"`
}

type jsonSplitter struct {
	Type      string         `json:"type"`
	Behavior  string         `json:"behavior"`
	Splitters []jsonSplitter `json:"pretokenizers"`
}

type jsonModel struct {
	Type         string          `json:"type"`
	Unknown      string          `json:"unk_token"`
	Prefix       *string         `json:"continuing_subword_prefix"`
	MaxWordRunes *int            `json:"max_input_chars_per_word"`
	Vocab        json.RawMessage `json:"vocab"`
	Merges       json.RawMessage `json:"merges"`
}

func parseTokenizerJSON(data []byte) (*Vocab, Config, error) {
	var j tokenizerJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return nil, Config{}, err
	}
	c := Config{Pad: "[PAD]", Mask: "[MASK]"}
	v, err := j.Model.read(&c)
	if err != nil {
		return nil, c, err
	}
	if j.Normalizer != nil {
		if err := j.Normalizer.read(&c); err != nil {
			return nil, c, err
		}
	}
	if err := j.PreTokenizer.check(); err != nil {
		return nil, c, err
	}
	if j.PostProcessor != nil {
		if c.Class, c.Separator, err = j.PostProcessor.read(); err != nil {
			return nil, c, err
		}
	}
	slices.SortStableFunc(j.Added, func(x, y jsonAdded) int { return int(x.ID) - int(y.ID) })
	for _, a := range j.Added {
		c.Added = append(c.Added, a.added(a.ID))
	}
	return v, c, nil
}

// read takes over the model: WordPiece with BERT's prefix.
func (m *jsonModel) read(c *Config) (*Vocab, error) {
	switch {
	case m.Type == "" && m.Merges != nil:
		return nil, fmt.Errorf("%w: model is BPE, want WordPiece", ErrUnsupported)
	case m.Type != "WordPiece" && m.Type != "":
		return nil, fmt.Errorf("%w: model is %q, want WordPiece", ErrUnsupported, m.Type)
	case m.Prefix != nil && *m.Prefix != continuation:
		return nil, fmt.Errorf("%w: continuing_subword_prefix is %q, want %q", ErrUnsupported, *m.Prefix, continuation)
	}
	c.Unknown = m.Unknown
	if m.MaxWordRunes != nil {
		c.MaxWordRunes = *m.MaxWordRunes
	}
	return parseVocab(string(m.Vocab))
}

// read takes over a normalizer that BERT's can stand in for.
func (n *jsonNormalizer) read(c *Config) error {
	switch {
	case n.Type == "Sequence" && len(n.Normalizers) == 1:
		return n.Normalizers[0].read(c)
	case n.Type == "BertNormalizer":
		c.CleanText, c.ChineseChars, c.Lowercase, c.StripAccents = n.CleanText, n.ChineseChars, n.Lowercase, n.StripAccents
		return nil
	case n.Type == "Lowercase":
		never := false
		c.Lowercase, c.StripAccents = true, &never
		return nil
	}
	return fmt.Errorf("%w: normalizer is %s, want BertNormalizer", ErrUnsupported, n.name())
}

func (n *jsonNormalizer) name() string {
	name := n.Type
	for _, part := range n.Normalizers {
		name += " " + part.Type
	}
	return name
}

// check accepts BERT's pre-tokenizer and its two halves in a row.
func (p *jsonSplitter) check() error {
	if p == nil {
		return fmt.Errorf("%w: no pre_tokenizer, want BertPreTokenizer", ErrUnsupported)
	}
	name := p.Type
	switch s := p.Splitters; {
	case p.Type == "BertPreTokenizer":
		return nil
	case p.Type == "Sequence" && len(s) == 1:
		return s[0].check()
	case p.Type == "Sequence" && len(s) == 2:
		if s[0].Type == "WhitespaceSplit" && s[1].Type == "Punctuation" && (s[1].Behavior == "" || s[1].Behavior == "Isolated") {
			return nil
		}
		name += " of " + s[0].Type + " and " + s[1].Type
	}
	return fmt.Errorf("%w: pre_tokenizer is %s, want BertPreTokenizer", ErrUnsupported, name)
}
