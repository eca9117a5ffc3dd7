package tokenize

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Save writes vocab.txt, tokenizer.json, tokenizer_config.json,
// special_tokens_map.json and, if there are tokens beyond the vocabulary,
// added_tokens.json into dir, which it makes if need be. Each file is put in
// place whole.
func (t *Tokenizer) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("save tokenizer: %w", err)
	}
	var vocab bytes.Buffer
	if _, err := t.vocab.WriteTo(&vocab); err != nil {
		return fmt.Errorf("save tokenizer: %w", err)
	}
	files := []struct {
		name  string
		value any
	}{
		{vocabFile, vocab.Bytes()},
		{tokenizerFile, t.tokenizerJSON()},
		{configFile, t.configJSON()},
		{specialsFile, t.specialsJSON()},
		{addedFile, t.addedJSON()},
	}
	for _, f := range files {
		data, ok := f.value.([]byte)
		if !ok {
			var err error
			if data, err = encodeJSON(f.value); err != nil {
				return fmt.Errorf("save %s: %w", f.name, err)
			}
		}
		if err := replaceFile(filepath.Join(dir, f.name), data); err != nil {
			return fmt.Errorf("save tokenizer: %w", err)
		}
	}
	return nil
}

// replaceFile writes a file beside its place and moves it there; no data
// removes it.
func replaceFile(path string, data []byte) (err error) {
	if data == nil {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

type object map[string]any

func (t *Tokenizer) tokenizerJSON() any {
	c := &t.config
	added := []object{}
	for _, a := range t.addedByID() {
		o := tokenObject(a)
		o["id"] = a.ID
		added = append(added, o)
	}
	return object{
		"version":      "1.0",
		"truncation":   nil,
		"padding":      nil,
		"added_tokens": added,
		"normalizer": object{
			"type": "BertNormalizer", "clean_text": c.CleanText, "handle_chinese_chars": c.ChineseChars,
			"strip_accents": c.StripAccents, "lowercase": c.Lowercase,
		},
		"pre_tokenizer":  object{"type": "BertPreTokenizer"},
		"post_processor": t.templateJSON(),
		"decoder":        object{"type": "WordPiece", "prefix": continuation, "cleanup": true},
		"model": object{
			"type": "WordPiece", "unk_token": c.Unknown, "continuing_subword_prefix": continuation,
			"max_input_chars_per_word": c.MaxWordRunes, "vocab": vocabObject{t.vocab},
		},
	}
}

func (t *Tokenizer) templateJSON() any {
	if t.class < 0 && t.separator < 0 {
		return nil
	}
	c := &t.config
	special := object{}
	for _, s := range []struct {
		token string
		id    int32
	}{{c.Class, t.class}, {c.Separator, t.separator}} {
		if s.id >= 0 {
			special[s.token] = object{"id": s.token, "ids": []int32{s.id}, "tokens": []string{s.token}}
		}
	}
	return object{
		"type":           "TemplateProcessing",
		"single":         placesJSON(bertTemplate(c.Class, c.Separator, "A")),
		"pair":           placesJSON(bertTemplate(c.Class, c.Separator, "A", "B")),
		"special_tokens": special,
	}
}

func placesJSON(pieces []jsonPiece) []object {
	var out []object
	for _, p := range pieces {
		if p.Special != nil {
			out = append(out, object{"SpecialToken": p.Special})
		} else {
			out = append(out, object{"Sequence": p.Sequence})
		}
	}
	return out
}

func (t *Tokenizer) configJSON() any {
	c := &t.config
	decoder := map[string]object{}
	for _, a := range c.Added {
		decoder[strconv.Itoa(int(a.ID))] = tokenObject(a)
	}
	o := object{
		"tokenizer_class":        "BertTokenizer",
		"do_lower_case":          c.Lowercase,
		"tokenize_chinese_chars": c.ChineseChars,
		"strip_accents":          c.StripAccents,
		"added_tokens_decoder":   decoder,
	}
	if c.MaxLength > 0 {
		o["model_max_length"] = c.MaxLength
	}
	for name, token := range t.specialsJSON() {
		o[name] = token
	}
	return o
}

// specialsJSON names the special tokens that there are.
func (t *Tokenizer) specialsJSON() object {
	c := &t.config
	o := object{}
	for _, s := range []struct {
		name, token string
		id          int32
	}{
		{"unk_token", c.Unknown, t.unknown},
		{"sep_token", c.Separator, t.separator},
		{"cls_token", c.Class, t.class},
		{"pad_token", c.Pad, t.pad},
		{"mask_token", c.Mask, t.mask},
	} {
		if s.id >= 0 {
			o[s.name] = s.token
		}
	}
	return o
}

// addedJSON lists the tokens beyond the vocabulary, nil if there are none.
func (t *Tokenizer) addedJSON() any {
	ids := map[string]int32{}
	for _, a := range t.config.Added {
		if _, ok := t.vocab.ID(a.Content); !ok {
			ids[a.Content] = a.ID
		}
	}
	if len(ids) == 0 {
		return []byte(nil)
	}
	return ids
}

func tokenObject(a AddedToken) object {
	return object{
		"content": a.Content, "single_word": a.SingleWord, "lstrip": a.LeftStrip, "rstrip": a.RightStrip,
		"normalized": a.Normalized, "special": a.Special,
	}
}

// vocabObject writes the tokens in order of id, which a map would not.
type vocabObject struct{ *Vocab }

func (v vocabObject) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for id, token := range v.tokens {
		if token == "" {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(token)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(id))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
