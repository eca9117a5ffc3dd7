package tokenize

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzEncode checks what holds for every text and every configuration.
func FuzzEncode(f *testing.F) {
	g := readGolden(f)
	var toks []*Tokenizer
	for i := range g.Tokenizers {
		toks = append(toks, g.Tokenizers[i].open(f))
	}
	for _, text := range g.Texts {
		f.Add(text, 7, 2)
	}
	f.Add("\xff\xfe\xed\xa0\x80", 3, 1)
	f.Add(strings.Repeat("ab ", 3000), 100, 50)
	f.Fuzz(func(t *testing.T, text string, limit, stride int) {
		for i, tok := range toks {
			checkOffsets(t, tok, text)
			plain := tok.Encode(text, Options{NoSpecials: true})
			if ids := tok.AppendIDs(nil, text); !slices.Equal(ids, plain.IDs) {
				t.Fatalf("%q: AppendIDs %v, Encode %v", text, ids, plain.IDs)
			}
			checkLimits(t, tok, text, limit, stride)
			// Added tokens may match elsewhere once normalization is over.
			if len(g.Tokenizers[i].JSON["added_tokens"].([]any)) == 5 && !slices.Contains(plain.IDs, tok.UnknownID()) {
				checkRoundTrip(t, tok, text, plain.IDs)
			}
		}
	})
}

func checkLimits(t *testing.T, tok *Tokenizer, text string, limit, stride int) {
	t.Helper()
	o := Options{MaxTokens: limit}
	if e := tok.Encode(text, o); limit > 0 && len(e.IDs) > max(limit, 2) {
		t.Fatalf("%q: %d tokens of %d", text, len(e.IDs), limit)
	}
	if e := tok.EncodePair(text, text, o); limit > 0 && len(e.IDs) > max(limit, 3) {
		t.Fatalf("%q: %d tokens of %d in a pair", text, len(e.IDs), limit)
	}
	if len(text) > 1000 {
		return // the windows together may be as long as its square
	}
	for _, w := range tok.Windows(text, text, o, stride) {
		if limit > 0 && len(w.IDs) > max(limit, 5) {
			t.Fatalf("%q: %d tokens of %d in a window", text, len(w.IDs), limit)
		}
	}
}

// checkRoundTrip says that a text all of whose words are known survives.
func checkRoundTrip(t *testing.T, tok *Tokenizer, text string, ids []int32) {
	t.Helper()
	decoded := tok.Decode(ids, false)
	if again := tok.AppendIDs(nil, decoded); !slices.Equal(again, ids) {
		t.Fatalf("%q comes back as %q:\n%s\n%s", text, decoded, tok.spell(ids), tok.spell(again))
	}
}

// FuzzReadVocab checks that what is read can be written and read again.
func FuzzReadVocab(f *testing.F) {
	for _, text := range []string{"", "a\nb\n", "a\r\n\r\nb", "\uFEFFa", "##\n#", "a\n\n\nb", "a\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := ReadVocab(strings.NewReader(text))
		if err != nil {
			return
		}
		var b strings.Builder
		if _, err := v.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		again, err := ReadVocab(strings.NewReader(b.String()))
		if err != nil || !reflect.DeepEqual(again.Tokens(), v.Tokens()) {
			t.Fatalf("%q: %q, then %q, %v", text, v.Tokens(), b.String(), err)
		}
		for id := range int32(v.Len()) {
			token := v.Token(id)
			if got, ok := v.ID(token); token != "" && (!ok || got != id) {
				t.Fatalf("%q: token %q has id %d, %v", text, token, got, ok)
			}
			if !utf8.ValidString(token) {
				t.Fatalf("%q: token %q", text, token)
			}
		}
	})
}

// FuzzLoad feeds arbitrary files to Load.
func FuzzLoad(f *testing.F) {
	data, err := encodeJSON(newSmall(f, DefaultConfig(true)).tokenizerJSON())
	if err != nil {
		f.Fatal(err)
	}
	vocab := string(lines(small))
	f.Add(string(data), `{"do_lower_case": false}`, "", "")
	f.Add("", `{"strip_accents": null, "model_max_length": 1e30}`, `{"<x>": 20}`, vocab)
	f.Add("", `{"added_tokens_decoder": {"20": {"content": "<x>"}}, "cls_token": null}`, "", vocab)
	f.Fuzz(func(t *testing.T, tokenizer, config, added, vocab string) {
		files := map[string]string{}
		for name, text := range map[string]string{tokenizerFile: tokenizer, configFile: config, addedFile: added, vocabFile: vocab} {
			if text != "" {
				files[name] = text
			}
		}
		tok, err := Load(folder(files))
		if err != nil {
			return
		}
		checkOffsets(t, tok, "the dogs É 한국어 <x>")
		if tok.Len() < tok.Vocab().Len() {
			t.Fatalf("%d ids, %d in the vocabulary", tok.Len(), tok.Vocab().Len())
		}
		dir := t.TempDir()
		if err := tok.Save(dir); err != nil {
			t.Fatal(err)
		}
		again, err := Load(os.DirFS(dir))
		if err != nil || again.Fingerprint() != tok.Fingerprint() {
			t.Fatalf("saved and loaded: %v\n%+v", err, tok.config)
		}
	})
}
