package tokenize

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// goldenFile holds what the original tokenizer answers; testdata/gen/tokenizer
// makes it.
type goldenFile struct {
	Texts      []string
	Pairs      [][2]string
	Tokenizers []goldenTokenizer
}

type goldenTokenizer struct {
	Name   string
	Vocab  string
	JSON   map[string]any
	Texts  []goldenText
	Pairs  []goldenCut
	Splits []goldenCut
}

type goldenText struct {
	IDs     []int32
	Offsets []int32 // pairs
	Decoded *string // with special tokens
	Clean   *string // without
}

// goldenCut is a truncated input or the windows over it.
type goldenCut struct {
	Text      int
	Pair      int
	Plain     bool // without special tokens
	MaxLength int
	Strategy  string
	Direction string
	Stride    int
	All       bool
	Windows   []struct {
		IDs         []int32
		Types, Mask string // a digit a token
		Offsets     []int32
	}
}

func goldenPath(name string) string {
	return filepath.Join("..", "..", "testdata", "tokenizer", name)
}

func readGolden(t testing.TB) *goldenFile {
	t.Helper()
	data, err := os.ReadFile(goldenPath("golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g goldenFile
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return &g
}

func readVocabFile(t testing.TB, path string) *Vocab {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	v, err := ReadVocab(f)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// open makes the tokenizer through its tokenizer.json, the vocabulary put back
// in.
func (g *goldenTokenizer) open(t testing.TB) *Tokenizer {
	t.Helper()
	g.JSON["model"].(map[string]any)["vocab"] = vocabObject{readVocabFile(t, goldenPath(g.Vocab))}
	data, err := json.Marshal(g.JSON)
	if err != nil {
		t.Fatal(err)
	}
	v, c, err := parseTokenizerJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := New(v, c)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func flat(offsets []Offset) []int32 {
	out := make([]int32, 0, 2*len(offsets))
	for _, o := range offsets {
		out = append(out, o.Start, o.End)
	}
	return out
}

func digits(numbers []int32) string {
	var b strings.Builder
	for _, n := range numbers {
		fmt.Fprint(&b, n)
	}
	return b.String()
}

func mask(sequence []int8) string {
	var b strings.Builder
	for _, s := range sequence {
		if s < 0 {
			b.WriteByte('1')
		} else {
			b.WriteByte('0')
		}
	}
	return b.String()
}

func (t *Tokenizer) spell(ids []int32) string {
	var b strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&b, "%s|", t.Token(id))
	}
	return b.String()
}

func TestGoldenTexts(t *testing.T) {
	g := readGolden(t)
	for _, k := range g.Tokenizers {
		t.Run(k.Name, func(t *testing.T) {
			tok := k.open(t)
			if len(k.Texts) != len(g.Texts) {
				t.Fatalf("%d answers for %d texts", len(k.Texts), len(g.Texts))
			}
			for i, want := range k.Texts {
				text := g.Texts[i]
				got := tok.Encode(text, Options{NoSpecials: true})
				if !reflect.DeepEqual(got.IDs, want.IDs) {
					t.Errorf("%q:\n got %s\nwant %s", text, tok.spell(got.IDs), tok.spell(want.IDs))
					continue
				}
				if !reflect.DeepEqual(flat(got.Offsets), want.Offsets) {
					t.Errorf("%q: %s\n got offsets %v\nwant offsets %v", text, tok.spell(got.IDs), flat(got.Offsets), want.Offsets)
				}
				if ids := tok.AppendIDs(nil, text); len(ids)+len(want.IDs) > 0 && !reflect.DeepEqual(ids, want.IDs) {
					t.Errorf("%q: AppendIDs gives %v, want %v", text, ids, want.IDs)
				}
				if want.Decoded == nil {
					continue
				}
				whole := tok.Encode(text, Options{}).IDs
				if d := tok.Decode(whole, false); d != *want.Decoded {
					t.Errorf("decode %q:\n got %q\nwant %q", text, d, *want.Decoded)
				}
				if d := tok.Decode(whole, true); d != *want.Clean {
					t.Errorf("decode %q without specials:\n got %q\nwant %q", text, d, *want.Clean)
				}
			}
		})
	}
}

func (c *goldenCut) options(t *testing.T) Options {
	strategies := map[string]Truncation{"": LongestFirst, "LongestFirst": LongestFirst, "OnlyFirst": OnlyFirst, "OnlySecond": OnlySecond}
	how, ok := strategies[c.Strategy]
	if !ok {
		t.Fatalf("unknown strategy %q", c.Strategy)
	}
	return Options{MaxTokens: c.MaxLength, Truncation: how, NoSpecials: c.Plain, Left: c.Direction == "left"}
}

func (c *goldenCut) compare(t *testing.T, got []Encoding) {
	t.Helper()
	if len(got) != len(c.Windows) {
		t.Errorf("%+v: %d windows, want %d", *c, len(got), len(c.Windows))
		return
	}
	for i, want := range c.Windows {
		e := got[i]
		if !reflect.DeepEqual(e.IDs, want.IDs) || digits(e.Types) != want.Types || mask(e.Sequence) != want.Mask || !reflect.DeepEqual(flat(e.Offsets), want.Offsets) {
			t.Errorf("window %d of %+v:\n got %+v\nwant %+v", i, *c, e, want)
		}
		if n := len(e.IDs); len(e.Types) != n || len(e.Offsets) != n || len(e.Sequence) != n {
			t.Errorf("%+v: slices of different lengths", *c)
		}
	}
}

func TestGoldenPairs(t *testing.T) {
	g := readGolden(t)
	cases := 0
	for _, k := range g.Tokenizers {
		tok := k.open(t)
		for _, c := range k.Pairs {
			a, b := g.Pairs[c.Pair][0], g.Pairs[c.Pair][1]
			if c.All {
				c.compare(t, tok.Windows(a, b, c.options(t), c.Stride))
			} else {
				c.compare(t, []Encoding{tok.EncodePair(a, b, c.options(t))})
			}
			cases++
		}
		for _, c := range k.Splits {
			c.compare(t, tok.Split(g.Texts[c.Text], c.options(t), c.Stride))
			first := tok.Encode(g.Texts[c.Text], c.options(t))
			at := 0
			if c.Direction == "left" {
				at = len(c.Windows) - 1
			}
			if !reflect.DeepEqual(first.IDs, c.Windows[at].IDs) || first.Truncated != (len(c.Windows) > 1) {
				t.Errorf("%+v: Encode gives %v", c, first)
			}
			cases++
		}
	}
	if cases < 200 {
		t.Errorf("only %d golden cases", cases)
	}
}

// Offsets count what a range loop over the text counts.
func TestGoldenOffsetsInside(t *testing.T) {
	g := readGolden(t)
	for _, k := range g.Tokenizers {
		tok := k.open(t)
		for _, text := range g.Texts {
			checkOffsets(t, tok, text)
		}
	}
}

func checkOffsets(t *testing.T, tok *Tokenizer, text string) {
	t.Helper()
	e := tok.Encode(text, Options{NoSpecials: true})
	n := int32(utf8.RuneCountInString(text))
	last := Offset{}
	for i, o := range e.Offsets {
		if o.Start < last.Start || o.End < last.End || o.Start >= o.End || o.End > n {
			t.Fatalf("%q: offset %d is %v after %v in %d runes", text, i, o, last, n)
		}
		last = o
	}
}
