package tokenize

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
)

var small = []string{
	"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "dog", "##s", "é", "E", "e", "É", "한국", "##어", ".", "t", "##h", "##e", "中", "##文",
}

func lines(tokens []string) []byte { return []byte(strings.Join(tokens, "\n") + "\n") }

func mustLoad(t *testing.T, files map[string]string) *Tokenizer {
	t.Helper()
	tok, err := Load(folder(files))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func folder(files map[string]string) fs.FS {
	m := fstest.MapFS{}
	for name, data := range files {
		m[name] = &fstest.MapFile{Data: []byte(data)}
	}
	return m
}

func TestLoadVocabFolder(t *testing.T) {
	vocab := string(lines(small))
	for _, c := range []struct {
		name  string
		files map[string]string
		text  string
		want  string
		max   int
	}{
		{"vocabulary alone is lowered", nil, "THE Dogs É", "the|dog|##s|e|", 0},
		{"cased", map[string]string{configFile: `{"do_lower_case": false}`}, "the É 한국어 THE", "the|É|한국|##어|[UNK]|", 0},
		{"accents kept", map[string]string{configFile: `{"strip_accents": false, "model_max_length": 512}`}, "É 한국어", "é|한국|##어|", 512},
		{"accents stripped", map[string]string{configFile: `{"do_lower_case": false, "strip_accents": true}`}, "É", "E|", 0},
		{"ideographs kept together", map[string]string{configFile: `{"tokenize_chinese_chars": false}`}, "中文", "中|##文|", 0},
		{"ideographs apart", map[string]string{configFile: `{"tokenizer_class": "BertTokenizerFast"}`}, "中文", "中|[UNK]|", 0},
		{"no limit", map[string]string{configFile: `{"model_max_length": 1000000000000000019884624838656}`}, "the", "the|", 0},
		{"no limit as float", map[string]string{configFile: `{"model_max_length": 1e+30}`}, "the", "the|", 0},
		{
			"added tokens",
			map[string]string{addedFile: `{"<b>": 21, "<a>": 20}`, specialsFile: `{"additional_special_tokens": ["<a>"], "mask_token": {"content": "[MASK]", "lstrip": true}}`},
			"the<a>the <B> dog", "the|<a>|the|<b>|dog|", 0,
		},
		{
			"added tokens of the configuration",
			map[string]string{configFile: `{"added_tokens_decoder": {"20": {"content": "<A>", "special": true, "single_word": true}}}`},
			"the <A> the<A>the <a>", "the|<A>|the|[UNK]|[UNK]|[UNK]|the|[UNK]|[UNK]|[UNK]|", 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{vocabFile: vocab}
			for name, data := range c.files {
				files[name] = data
			}
			tok := mustLoad(t, files)
			if got := tok.spell(tok.AppendIDs(nil, c.text)); got != c.want {
				t.Errorf("%q: got %s, want %s", c.text, got, c.want)
			}
			if tok.MaxLength() != c.max {
				t.Errorf("MaxLength %d, want %d", tok.MaxLength(), c.max)
			}
		})
	}
}

func TestLoadSpecialNames(t *testing.T) {
	tokens := append([]string{"<pad>", "<unk>", "<s>", "</s>", "<mask>"}, small[5:]...)
	tok := mustLoad(t, map[string]string{
		vocabFile:    string(lines(tokens)),
		configFile:   `{"unk_token": "<unk>", "cls_token": {"content": "<s>"}, "sep_token": "</s>"}`,
		specialsFile: `{"pad_token": "<pad>", "mask_token": null}`,
	})
	if got := []int32{tok.PadID(), tok.UnknownID(), tok.ClassID(), tok.SeparatorID(), tok.MaskID()}; !reflect.DeepEqual(got, []int32{0, 1, 2, 3, -1}) {
		t.Errorf("special ids %v", got)
	}
	if got := tok.spell(tok.Encode("dogs", Options{}).IDs); got != "<s>|dog|##s|</s>|" {
		t.Errorf("got %s", got)
	}
}

// The configuration beside a tokenizer.json overrules it, except for the class
// that takes the file as it is.
func TestConfigOverrulesTokenizerJSON(t *testing.T) {
	dir := t.TempDir()
	tok := newSmall(t, DefaultConfig(true))
	if err := tok.Save(dir); err != nil {
		t.Fatal(err)
	}
	for config, want := range map[string]string{
		`{"do_lower_case": false}`: "[UNK]|É|",
		`{"strip_accents": false}`: "the|é|",
		`{"strip_accents": null}`:  "the|e|",
		`{}`:                       "the|e|",
		`{"do_lower_case": false, "tokenizer_class": "PreTrainedTokenizerFast"}`: "the|e|",
	} {
		if err := os.WriteFile(filepath.Join(dir, configFile), []byte(config), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := Load(os.DirFS(dir))
		if err != nil {
			t.Fatal(err)
		}
		if s := got.spell(got.AppendIDs(nil, "THE É")); s != want {
			t.Errorf("%s: got %s, want %s", config, s, want)
		}
	}
}

func newSmall(t testing.TB, c Config) *Tokenizer {
	t.Helper()
	v, err := NewVocab(small)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := New(v, c)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestSaveAndLoad(t *testing.T) {
	g := readGolden(t)
	for _, k := range g.Tokenizers {
		t.Run(k.Name, func(t *testing.T) {
			tok := k.open(t)
			dir := t.TempDir()
			if err := tok.Save(dir); err != nil {
				t.Fatal(err)
			}
			for _, form := range []string{tokenizerFile, vocabFile} {
				again, err := Load(os.DirFS(dir))
				if err != nil {
					t.Fatal(err)
				}
				inText := tok.config.CleanText && tok.config.MaxWordRunes == defaultWordRunes // vocab.txt cannot say otherwise
				if form == tokenizerFile || inText {
					same(t, form, tok, again, g.Texts)
				}
				if err := os.Remove(filepath.Join(dir, tokenizerFile)); form == tokenizerFile && err != nil {
					t.Fatal(err)
				}
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) > 4 {
				t.Errorf("files left: %v, %v", entries, err)
			}
		})
	}
}

func same(t *testing.T, form string, a, b *Tokenizer, texts []string) {
	t.Helper()
	if a.Fingerprint() != b.Fingerprint() {
		t.Errorf("%s: fingerprints differ:\n%+v\n%+v", form, a.config, b.config)
	}
	if a.Len() != b.Len() || a.PadID() != b.PadID() || a.MaskID() != b.MaskID() || a.UnknownID() != b.UnknownID() {
		t.Errorf("%s: special ids differ", form)
	}
	for _, text := range texts {
		if x, y := a.Encode(text, Options{}), b.Encode(text, Options{}); !reflect.DeepEqual(x, y) {
			t.Errorf("%s: %q: %v and %v", form, text, x, y)
		}
	}
}

func TestFingerprint(t *testing.T) {
	no, yes := false, true
	base := newSmall(t, DefaultConfig(true))
	differs := map[string]func(*Config){
		"case":      func(c *Config) { c.Lowercase = false },
		"accents":   func(c *Config) { c.StripAccents = &no },
		"cleaning":  func(c *Config) { c.CleanText = false },
		"ideograph": func(c *Config) { c.ChineseChars = false },
		"words":     func(c *Config) { c.MaxWordRunes = 50 },
		"class":     func(c *Config) { c.Class = "the" },
		"none":      func(c *Config) { c.Class = "" },
		"separator": func(c *Config) { c.Separator = "dog" },
		"unknown":   func(c *Config) { c.Unknown = "e" },
		"added":     func(c *Config) { c.Added = []AddedToken{{Content: "<x>"}} },
		"strip":     func(c *Config) { c.Added = []AddedToken{{Content: "[MASK]", Special: true, LeftStrip: true}} },
	}
	seen := map[[32]byte]string{base.Fingerprint(): "base"}
	for name, change := range differs {
		c := DefaultConfig(true)
		change(&c)
		print := newSmall(t, c).Fingerprint()
		if other, ok := seen[print]; ok {
			t.Errorf("%s has the fingerprint of %s", name, other)
		}
		seen[print] = name
	}
	equal := map[string]func(*Config){
		"accents stated": func(c *Config) { c.StripAccents = &yes },
		"default words":  func(c *Config) { c.MaxWordRunes = 0 },
		"length":         func(c *Config) { c.MaxLength = 128 },
		"mask listed":    func(c *Config) { c.Added = []AddedToken{{Content: "[MASK]", ID: 4, Special: true}} },
	}
	for name, change := range equal {
		c := DefaultConfig(true)
		change(&c)
		if newSmall(t, c).Fingerprint() != base.Fingerprint() {
			t.Errorf("%s changes the fingerprint", name)
		}
	}
}

// edited is a saved tokenizer.json with a change.
func edited(t *testing.T, change func(map[string]any)) map[string]string {
	t.Helper()
	data, err := encodeJSON(newSmall(t, DefaultConfig(true)).tokenizerJSON())
	if err != nil {
		t.Fatal(err)
	}
	var j map[string]any
	if err := json.Unmarshal(data, &j); err != nil {
		t.Fatal(err)
	}
	change(j)
	if data, err = json.Marshal(j); err != nil {
		t.Fatal(err)
	}
	return map[string]string{tokenizerFile: string(data)}
}

func TestLoadEquivalents(t *testing.T) {
	type m = map[string]any
	for name, change := range map[string]func(m){
		"as saved":    func(m) {},
		"normalizers": func(j m) { j["normalizer"] = m{"type": "Sequence", "normalizers": []any{j["normalizer"]}} },
		"two halves": func(j m) {
			j["pre_tokenizer"] = m{"type": "Sequence", "pretokenizers": []m{{"type": "WhitespaceSplit"}, {"type": "Punctuation", "behavior": "Isolated"}}}
		},
		"bert processing": func(j m) {
			j["post_processor"] = m{"type": "BertProcessing", "sep": []any{"[SEP]", 3}, "cls": []any{"[CLS]", 2}}
		},
		"old model":        func(j m) { delete(j["model"].(m), "type") },
		"truncation given": func(j m) { j["truncation"] = m{"max_length": 3}; j["padding"] = m{"strategy": "BatchLongest"} },
	} {
		got := mustLoad(t, edited(t, change))
		if want := newSmall(t, DefaultConfig(true)); got.Fingerprint() != want.Fingerprint() {
			t.Errorf("%s: %+v", name, got.config)
		}
	}
	blank := mustLoad(t, edited(t, func(j m) {
		v := j["model"].(m)["vocab"].(m)
		v[""], v["\"quoted\" \u2028"] = 20, 22
	}))
	if blank.Len() != 23 || blank.Token(20) != "" || blank.Token(21) != "" || blank.Token(22) != "\"quoted\" \u2028" {
		t.Errorf("ids without a token: %q", blank.Vocab().Tokens()[20:])
	}
	bare := mustLoad(t, edited(t, func(j m) { j["post_processor"] = nil }))
	if got := bare.spell(bare.Encode("the", Options{}).IDs); got != "the|" {
		t.Errorf("without post_processor: %s", got)
	}
	lower := mustLoad(t, edited(t, func(j m) { j["normalizer"] = m{"type": "Lowercase"} }))
	if got := lower.spell(lower.AppendIDs(nil, "THE É 中文")); got != "the|é|中|##文|" {
		t.Errorf("only lower-cased: %s", got)
	}
	none := mustLoad(t, edited(t, func(j m) { j["normalizer"] = nil }))
	if got := none.spell(none.AppendIDs(nil, "the É THE")); got != "the|É|[UNK]|" {
		t.Errorf("without normalizer: %s", got)
	}
}

func TestLoadErrors(t *testing.T) {
	type m = map[string]any
	model := func(change func(m)) map[string]string {
		return edited(t, func(j m) { change(j["model"].(m)) })
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  string
		is    error
	}{
		"nothing":       {map[string]string{"config.json": "{}"}, "neither tokenizer.json nor vocab.txt", fs.ErrNotExist},
		"sentencepiece": {map[string]string{"spiece.model": "x"}, "found spiece.model", ErrUnsupported},
		"BPE":           {model(func(j m) { j["type"] = "BPE" }), `model is "BPE", want WordPiece`, ErrUnsupported},
		"old BPE":       {model(func(j m) { delete(j, "type"); j["merges"] = []string{} }), "model is BPE", ErrUnsupported},
		"Unigram":       {model(func(j m) { j["type"] = "Unigram"; j["vocab"] = []any{} }), `model is "Unigram"`, ErrUnsupported},
		"prefix":        {model(func(j m) { j["continuing_subword_prefix"] = "@@" }), `continuing_subword_prefix is "@@"`, ErrUnsupported},
		"shared id":     {model(func(j m) { j["vocab"].(m)["zz"] = 5 }), "share id 5", nil},
		"far id":        {model(func(j m) { j["vocab"].(m)["zz"] = 1 << 40 }), `token "zz" has id`, nil},
		"negative id":   {model(func(j m) { j["vocab"].(m)["zz"] = -1 }), `token "zz" has id -1`, nil},
		"no vocab":      {model(func(j m) { delete(j, "vocab") }), "model.vocab is not an object", nil},
		"empty vocab":   {model(func(j m) { j["vocab"] = m{} }), "no tokens", nil},
		"unknown":       {model(func(j m) { j["unk_token"] = "<unk>" }), `unknown token "<unk>" is not in the vocabulary`, nil},
		"normalizer": {edited(t, func(j m) {
			j["normalizer"] = m{"type": "Sequence", "normalizers": []m{{"type": "NFD"}, {"type": "Lowercase"}}}
		}), "normalizer is Sequence NFD Lowercase", ErrUnsupported},
		"pre-tokenizer": {edited(t, func(j m) { j["pre_tokenizer"] = m{"type": "Metaspace"} }), "pre_tokenizer is Metaspace", ErrUnsupported},
		"pre-tokenizers": {edited(t, func(j m) {
			j["pre_tokenizer"] = m{"type": "Sequence", "pretokenizers": []m{{"type": "Whitespace"}, {"type": "Digits"}}}
		}), "Sequence of Whitespace and Digits", ErrUnsupported},
		"no splitter":     {edited(t, func(j m) { j["pre_tokenizer"] = nil }), "no pre_tokenizer", ErrUnsupported},
		"post-processor":  {edited(t, func(j m) { j["post_processor"] = m{"type": "RobertaProcessing"} }), `post_processor is "RobertaProcessing"`, ErrUnsupported},
		"template":        {edited(t, func(j m) { j["post_processor"].(m)["pair"] = j["post_processor"].(m)["single"] }), "is not the template", ErrUnsupported},
		"added id":        {edited(t, func(j m) { j["added_tokens"] = []m{{"id": 3, "content": "[MASK]"}} }), `added token "[MASK]" has id 3, but 4`, nil},
		"added twice":     {edited(t, func(j m) { j["added_tokens"] = []m{{"id": 20, "content": "<x>"}, {"id": 21, "content": "<x>"}} }), `"<x>" is there twice`, nil},
		"added on others": {edited(t, func(j m) { j["added_tokens"] = []m{{"id": 6, "content": "<x>"}} }), `has id 6, which is "dog"`, nil},
		"added far":       {edited(t, func(j m) { j["added_tokens"] = []m{{"id": 1 << 30, "content": "<x>"}} }), "far from a vocabulary of 20", nil},
		"added empty":     {edited(t, func(j m) { j["added_tokens"] = []m{{"id": 20, "content": ""}} }), "an added token is empty", nil},
		"not JSON":        {map[string]string{tokenizerFile: "{"}, "load tokenizer.json: unexpected end", nil},
		"config not JSON": {map[string]string{vocabFile: string(lines(small)), configFile: "x"}, "load tokenizer_config.json: invalid character", nil},
		"class":           {map[string]string{vocabFile: string(lines(small)), configFile: `{"tokenizer_class": "BertJapaneseTokenizer"}`}, `tokenizer_class "BertJapaneseTokenizer"`, ErrUnsupported},
		"no class token":  {map[string]string{vocabFile: "[UNK]\na\n"}, `class token "[CLS]" is not in the vocabulary`, nil},
		"bad vocabulary":  {map[string]string{vocabFile: "[UNK]\n[CLS]\n[SEP]\n[UNK]\n"}, "load vocab.txt: vocabulary: line 4 repeats token \"[UNK]\" of line 1", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(folder(c.files))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want %q", err, c.want)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v is not %v", err, c.is)
			}
		})
	}
}

func TestSaveFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := newSmall(t, DefaultConfig(true)).Save(filepath.Join(file, "model")); err == nil {
		t.Error("a file was taken for a folder")
	}
}

// Saving again without added tokens leaves no old added_tokens.json.
func TestSaveReplaces(t *testing.T) {
	dir := t.TempDir()
	c := DefaultConfig(false)
	c.Added = []AddedToken{{Content: "<x>", Normalized: true}}
	if err := newSmall(t, c).Save(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, addedFile)); err != nil {
		t.Fatal(err)
	}
	want := newSmall(t, DefaultConfig(false))
	if err := want.Save(dir); err != nil {
		t.Fatal(err)
	}
	got, err := Load(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "again", want, got, []string{"the <x> dogs"})
	vocab, err := os.ReadFile(filepath.Join(dir, vocabFile))
	if err != nil || !bytes.Equal(vocab, lines(small)) {
		t.Errorf("vocab.txt: %q, %v", vocab, err)
	}
}
