package tokenize

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestSplitterAgrees compares the words of a Splitter with those that a
// tokenizer finds: with a vocabulary of all of them, each is one token.
func TestSplitterAgrees(t *testing.T) {
	g := readGolden(t)
	for i := range g.Tokenizers {
		config := g.Tokenizers[i].open(t).Config()
		config.Added = nil
		split := NewSplitter(config)
		for _, text := range g.Texts {
			tokens := []string{"[UNK]", "[CLS]", "[SEP]"}
			var words []string
			for w := range split.Words(text) {
				words = append(words, string(w))
				if !slices.Contains(tokens, string(w)) && !strings.HasPrefix(string(w), continuation) {
					tokens = append(tokens, string(w))
				}
			}
			v, err := NewVocab(tokens)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			tok, err := New(v, Config{
				Lowercase: config.Lowercase, StripAccents: config.StripAccents, CleanText: config.CleanText,
				ChineseChars: config.ChineseChars, MaxWordRunes: config.MaxWordRunes, Unknown: "[UNK]",
			})
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(text, "[UNK]") {
				continue
			}
			var got []string
			for _, id := range tok.AppendIDs(nil, text) {
				if token := tok.Token(id); token != "[UNK]" { // too long to be spelt
					got = append(got, token)
				}
			}
			if !slices.Equal(got, words) {
				t.Errorf("%q: words %q, tokens %q", text, words, got)
			}
		}
	}
}

func TestSplitterAlone(t *testing.T) {
	plain := DefaultConfig(true)
	plain.ChineseChars = false
	for _, c := range []struct {
		config Config
		r      rune
		alone  bool
	}{
		{DefaultConfig(true), ',', true},
		{DefaultConfig(true), '。', true},
		{DefaultConfig(true), '語', true},
		{plain, '語', false},
		{DefaultConfig(true), '한', false},
		{DefaultConfig(true), 'a', false},
	} {
		if got := NewSplitter(c.config).Alone(c.r); got != c.alone {
			t.Errorf("%q: %v", c.r, got)
		}
	}
}

func TestVocabAppend(t *testing.T) {
	v, err := ReadVocab(strings.NewReader("[UNK]\n\na\n##b\n"))
	if err != nil {
		t.Fatal(err)
	}
	more, err := v.Append("ab", "##c")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := more.Tokens(), []string{"[UNK]", "", "a", "##b", "ab", "##c"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if v.Len() != 4 {
		t.Error("the old vocabulary changed")
	}
	for _, bad := range [][]string{{"a"}, {"##b"}, {"x", "x"}, {""}, {"a\nb"}} {
		if _, err := v.Append(bad...); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestSpell(t *testing.T) {
	v, err := NewVocab([]string{"[UNK]", "ab", "a", "##b", "##bc", "##c"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		word  string
		ids   []int32
		whole bool
	}{
		{"abc", []int32{1, 5}, true},
		{"abbc", []int32{1, 4}, true},
		{"a한bc", []int32{2, 4}, false},
		{"한", nil, false},
		{"한c", []int32{5}, false},
		{"", nil, false},
	} {
		if ids, whole := v.Spell(c.word); !slices.Equal(ids, c.ids) || whole != c.whole {
			t.Errorf("%q: %v %v", c.word, ids, whole)
		}
	}
}

func TestExtendTokenizer(t *testing.T) {
	v, err := NewVocab([]string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "##b"})
	if err != nil {
		t.Fatal(err)
	}
	open := func(added ...AddedToken) *Tokenizer {
		config := DefaultConfig(true)
		config.Added = added
		tok, err := New(v, config)
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	for _, c := range []struct {
		name  string
		tok   *Tokenizer
		first int32 // id of the first new token
	}{
		{"plain", open(), 6},
		{"added", open(AddedToken{Content: "[KO]", Special: true}, AddedToken{Content: "Two Words"}), 8},
	} {
		more, err := c.tok.Extend("abb", "new")
		if err != nil {
			t.Fatal(c.name, err)
		}
		for i, token := range []string{"abb", "new"} {
			if id, ok := more.ID(token); !ok || id != c.first+int32(i) {
				t.Errorf("%s: %q has id %d", c.name, token, id)
			}
		}
		for id := range int32(c.tok.Len()) {
			if more.Token(id) != c.tok.Token(id) || more.IsSpecial(id) != c.tok.IsSpecial(id) {
				t.Errorf("%s: id %d was %q, is %q", c.name, id, c.tok.Token(id), more.Token(id))
			}
		}
		for _, text := range []string{"ab a [KO] ab", "two words Two Words a", "[CLS] [ko] x"} {
			if got, want := more.AppendIDs(nil, text), c.tok.AppendIDs(nil, text); !slices.Equal(got, want) {
				t.Errorf("%s: %q is %v, was %v", c.name, text, got, want)
			}
		}
		if got := more.AppendIDs(nil, "abb new"); !slices.Equal(got, []int32{c.first, c.first + 1}) {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	for _, bad := range []AddedToken{{Content: "word", SingleWord: true}, {Content: "##x"}, {Content: "[FAR]", ID: 20}} {
		if _, err := open(bad).Extend("new"); !errors.Is(err, errAdded) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestVocabAgainstMap compares look-ups with a map's, for small vocabularies of
// all shapes: without continuations, without starts, with every byte.
func TestVocabAgainstMap(t *testing.T) {
	const seed = 11
	r := rand.New(rand.NewPCG(seed, 0))
	letters := []rune("abc#가각ÿ\u0080\U0001F600")
	word := func() string {
		var b strings.Builder
		for range 1 + r.IntN(4) {
			b.WriteRune(letters[r.IntN(len(letters))])
		}
		return b.String()
	}
	for n := range 3000 {
		ids := map[string]int32{}
		var tokens []string
		for range 1 + r.IntN(12) {
			token := word()
			if n%3 == 0 {
				token = strings.TrimLeft(token, "#") // no continuations at all
			} else if n%3 == 1 {
				token = continuation + token
			}
			if _, ok := ids[token]; ok || token == "" {
				continue
			}
			ids[token] = int32(len(tokens))
			tokens = append(tokens, token)
		}
		if len(tokens) == 0 {
			continue
		}
		v, err := NewVocab(tokens)
		if err != nil {
			t.Fatalf("seed %d: %q: %v", seed, tokens, err)
		}
		tok, err := New(v, Config{Unknown: tokens[0]})
		if err != nil {
			t.Fatalf("seed %d: %q: %v", seed, tokens, err)
		}
		for range 20 {
			w := word()
			for _, token := range []string{w, continuation + w} {
				id, ok := v.ID(token)
				want, has := ids[token]
				if ok != has || ok && id != want {
					t.Fatalf("seed %d: %q: %q has id %d %v, want %d %v", seed, tokens, token, id, ok, want, has)
				}
			}
			got, whole := v.Spell(w)
			if want, spelt := spellByMap(ids, w); whole != spelt || whole && !slices.Equal(got, want) {
				t.Fatalf("seed %d: %q: %q is spelt %v %v, want %v %v", seed, tokens, w, got, whole, want, spelt)
			}
			tok.AppendIDs(nil, w+" \x00\xff"+w)
		}
	}
}

// spellByMap is WordPiece as BERT's paper has it.
func spellByMap(ids map[string]int32, word string) (out []int32, whole bool) {
	for at := 0; at < len(word); {
		end := len(word)
		for ; end > at; end-- {
			piece := word[at:end]
			if at > 0 {
				piece = continuation + piece
			} else if strings.HasPrefix(piece, continuation) {
				continue // stands for a continuation
			}
			if id, ok := ids[piece]; ok && utf8.ValidString(piece) && piece != continuation {
				out = append(out, id)
				break
			}
		}
		if end == at {
			return out, false
		}
		at = end
	}
	return out, word != ""
}
