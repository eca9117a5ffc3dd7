package tokenize

import (
	"errors"
	"fmt"
	"sync"
)

// Tokenizer splits text into WordPieces. It is immutable and safe for
// concurrent use.
type Tokenizer struct {
	vocab  *Vocab
	config Config
	added  map[int32]*AddedToken
	ids    map[string]int32 // of added tokens
	size   int

	raw        matcher // added tokens found in the original text
	normalized matcher // added tokens found in the normalized text
	rules      rules

	unknown, class, separator, pad, mask int32

	pool sync.Pool // of *scratch
}

// New makes a tokenizer. It keeps no reference to what c points to.
func New(v *Vocab, c Config) (*Tokenizer, error) {
	t := &Tokenizer{vocab: v, config: c.clone(), added: map[int32]*AddedToken{}, ids: map[string]int32{}}
	if c.MaxWordRunes < 0 || c.MaxLength < 0 {
		return nil, fmt.Errorf("tokenizer: negative limit (MaxWordRunes %d, MaxLength %d)", c.MaxWordRunes, c.MaxLength)
	}
	if c.MaxWordRunes == 0 {
		t.config.MaxWordRunes = defaultWordRunes
	}
	t.rules = newRules(&t.config)
	if err := t.addTokens(); err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	if err := t.findSpecials(); err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	t.pool.New = func() any { return &scratch{} }
	t.buildMatchers()
	return t, nil
}

// addTokens gives the added tokens their ids.
func (t *Tokenizer) addTokens() error {
	c := &t.config
	listed := map[string]bool{}
	for _, a := range c.Added {
		listed[a.Content] = true
	}
	for _, content := range []string{c.Pad, c.Unknown, c.Class, c.Separator, c.Mask} {
		if _, ok := t.vocab.ID(content); ok && !listed[content] {
			c.Added = append(c.Added, AddedToken{Content: content, Special: true})
			listed[content] = true
		}
	}
	t.size = t.vocab.Len()
	for i := range c.Added {
		a := &c.Added[i]
		if err := t.assignID(a); err != nil {
			return err
		}
		t.added[a.ID], t.ids[a.Content] = a, a.ID
		t.size = max(t.size, int(a.ID)+1)
	}
	return nil
}

// maxGap bounds how far beyond the vocabulary an added id may lie: the table
// of an embedding has a row for every id below it.
const maxGap = 1 << 20

func (t *Tokenizer) assignID(a *AddedToken) error {
	if a.Content == "" {
		return errors.New("an added token is empty")
	}
	if _, ok := t.ids[a.Content]; ok {
		return fmt.Errorf("added token %q is there twice", a.Content)
	}
	id, inVocab := t.vocab.ID(a.Content)
	switch {
	case inVocab && a.ID != 0 && a.ID != id:
		return fmt.Errorf("added token %q has id %d, but %d in the vocabulary", a.Content, a.ID, id)
	case inVocab:
		a.ID = id
	case a.ID == 0:
		a.ID = int32(t.size)
	case a.ID < 0 || int(a.ID) > t.vocab.Len()+maxGap:
		return fmt.Errorf("added token %q has id %d, far from a vocabulary of %d", a.Content, a.ID, t.vocab.Len())
	}
	if other := t.Token(a.ID); !inVocab && other != "" {
		return fmt.Errorf("added token %q has id %d, which is %q", a.Content, a.ID, other)
	}
	return nil
}

// findSpecials looks the special tokens up.
func (t *Tokenizer) findSpecials() error {
	c := &t.config
	if _, ok := t.vocab.ID(c.Unknown); !ok {
		return fmt.Errorf("unknown token %q is not in the vocabulary", c.Unknown)
	}
	for _, s := range []struct {
		id       *int32
		role     string
		content  string
		required bool
	}{
		{&t.unknown, "unknown", c.Unknown, true},
		{&t.class, "class", c.Class, true},
		{&t.separator, "separator", c.Separator, true},
		{&t.pad, "padding", c.Pad, false},
		{&t.mask, "mask", c.Mask, false},
	} {
		id, ok := t.ID(s.content)
		if !ok && s.required && s.content != "" {
			return fmt.Errorf("%s token %q is not in the vocabulary", s.role, s.content)
		}
		*s.id = id
	}
	return nil
}

// buildMatchers sorts the added tokens by where they are looked for.
func (t *Tokenizer) buildMatchers() {
	for i := range t.config.Added {
		a := &t.config.Added[i]
		if !a.Normalized {
			t.raw.add(a.Content, a)
			continue
		}
		t.normalized.add(t.normalize(a.Content), a)
	}
	t.raw.finish()
	t.normalized.finish()
}

// Vocab gives the vocabulary, without added tokens beyond it.
func (t *Tokenizer) Vocab() *Vocab { return t.vocab }

// Config gives the configuration with defaults and ids filled in.
func (t *Tokenizer) Config() Config { return t.config.clone() }

// Len is the number of ids, added tokens included: the rows an embedding
// table needs.
func (t *Tokenizer) Len() int { return t.size }

// ID gives the id of a token of the vocabulary or an added one, -1 and false
// if there is none.
func (t *Tokenizer) ID(token string) (int32, bool) {
	if id, ok := t.ids[token]; ok {
		return id, true
	}
	return t.vocab.ID(token)
}

// Token gives the token of an id, "" for an unknown id.
func (t *Tokenizer) Token(id int32) string {
	if a, ok := t.added[id]; ok {
		return a.Content
	}
	return t.vocab.Token(id)
}

// MaxLength is the model_max_length of the folder in tokens, 0 if it has none.
func (t *Tokenizer) MaxLength() int { return t.config.MaxLength }

// PadID is the id of the padding token, -1 if there is none.
func (t *Tokenizer) PadID() int32 { return t.pad }

// UnknownID is the id of the token for words the vocabulary cannot spell.
func (t *Tokenizer) UnknownID() int32 { return t.unknown }

// ClassID is the id of the token that opens an input, -1 if there is none.
func (t *Tokenizer) ClassID() int32 { return t.class }

// SeparatorID is the id of the token that closes a text, -1 if there is none.
func (t *Tokenizer) SeparatorID() int32 { return t.separator }

// MaskID is the id of the mask token, -1 if there is none.
func (t *Tokenizer) MaskID() int32 { return t.mask }

// IsSpecial says whether an id is a special token.
func (t *Tokenizer) IsSpecial(id int32) bool {
	a, ok := t.added[id]
	return ok && a.Special
}
