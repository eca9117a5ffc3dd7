package tokenize

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func TestReadVocab(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"final newline":      {"a\nb\n", []string{"a", "b"}},
		"no final newline":   {"a\nb", []string{"a", "b"}},
		"CRLF":               {"a\r\nb\r\n", []string{"a", "b"}},
		"blank lines at end": {"a\nb\n\n\n", []string{"a", "b"}},
		"blank line inside":  {"a\n\nb\n", []string{"a", "", "b"}},
		"byte order mark":    {"\uFEFFa\nb\n", []string{"a", "b"}},
		"other separators":   {"a\u2028\n\u0085\n\u3000\n", []string{"a\u2028", "\u0085", "\u3000"}},
		"prefix alone":       {"##\n##a\na\n#\n", []string{"##", "##a", "a", "#"}},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := ReadVocab(strings.NewReader(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := v.Tokens(); !reflect.DeepEqual(got, c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			for id, token := range c.want {
				got, ok := v.ID(token)
				if token == "" && !ok {
					continue
				}
				if !ok || got != int32(id) || v.Token(got) != token {
					t.Errorf("token %q has id %d %v", token, got, ok)
				}
			}
			var out bytes.Buffer
			n, err := v.WriteTo(&out)
			if err != nil || n != int64(out.Len()) {
				t.Fatalf("wrote %d of %d: %v", n, out.Len(), err)
			}
			again, err := ReadVocab(&out)
			if err != nil || !reflect.DeepEqual(again.Tokens(), c.want) {
				t.Errorf("read again: %q, %v", again.Tokens(), err)
			}
		})
	}
}

func TestVocabErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":             "no tokens",
		"\n\n":         "no tokens",
		"\na\n":        "line 1 is blank",
		"a\n\n\nb\n":   "line 3 is blank",
		"a\nb\na\n":    `line 3 repeats token "a" of line 1`,
		"##a\na\n##a":  `line 3 repeats token "##a" of line 1`,
		"a\nb\xff\n":   "line 2 is not valid UTF-8",
		"ab\na\nc\nab": `line 4 repeats token "ab" of line 1`,
		"a\n" + strings.Repeat("x", maxTokenBytes+1): "line 2 is longer than",
	} {
		if _, err := ReadVocab(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want %s", text, err, want)
		}
	}
	for _, c := range []struct {
		tokens []string
		want   string
	}{
		{nil, "no tokens"},
		{[]string{"a", ""}, "token 1 is empty"},
		{[]string{"a", "b\nc"}, "token 1, \"b\\nc\", has a line break"},
		{[]string{"a", "\xff"}, "token 1, \"\\xff\", is not valid UTF-8"},
		{[]string{"a", "b", "b"}, `token "b" is there twice, with ids 1 and 2`},
		{[]string{strings.Repeat("x", maxTokenBytes+1)}, "token 0 is longer"},
	} {
		if _, err := NewVocab(c.tokens); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: error %v, want %s", c.tokens, err, c.want)
		}
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error)  { return 0, fmt.Errorf("no disk") }
func (failing) Write([]byte) (int, error) { return 0, fmt.Errorf("no disk") }

func TestVocabInputOutputErrors(t *testing.T) {
	if _, err := ReadVocab(failing{}); err == nil || !strings.Contains(err.Error(), "no disk") {
		t.Errorf("read: %v", err)
	}
	v, err := NewVocab([]string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.WriteTo(failing{}); err == nil || !strings.Contains(err.Error(), "no disk") {
		t.Errorf("write: %v", err)
	}
}

// The trie agrees with a map on random vocabularies.
func TestTrieAgainstMap(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for round := range 30 {
		alphabet := 2 + r.IntN(300)
		word := func() string {
			var b strings.Builder
			for n := r.IntN(6); n >= 0; n-- {
				b.WriteRune(rune('a' + r.IntN(alphabet)))
			}
			return b.String()
		}
		ids := map[string]int32{}
		var tokens []string
		for range 1 + r.IntN(3000) {
			token := word()
			if r.IntN(3) == 0 {
				token = continuation + token
			}
			if _, ok := ids[token]; !ok {
				ids[token] = int32(len(tokens))
				tokens = append(tokens, token)
			}
		}
		v, err := NewVocab(tokens)
		if err != nil {
			t.Fatalf("seed %d, round %d: %v", seed, round, err)
		}
		for range 3000 {
			text := word() + word()
			for root, prefix := range map[uint32]string{startRoot: "", continueRoot: continuation} {
				wantID, wantN := none, 0
				for n := 1; n <= len(text); n++ {
					if id, ok := ids[prefix+text[:n]]; ok {
						wantID, wantN = id, n
					}
				}
				if id, n := v.trie.longest(root, []byte(text)); id != wantID || n != wantN {
					t.Fatalf("seed %d, round %d: longest(%q%q) = %d, %d; want %d, %d", seed, round, prefix, text, id, n, wantID, wantN)
				}
				want, ok := ids[prefix+text]
				if id, found := v.ID(prefix + text); found != ok || ok && id != want {
					t.Fatalf("seed %d, round %d: ID(%q) = %d, %v; want %d, %v", seed, round, prefix+text, id, found, want, ok)
				}
			}
		}
	}
}
