package tokenize

import (
	"reflect"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

func TestAccessors(t *testing.T) {
	c := DefaultConfig(false)
	c.Added = []AddedToken{{Content: "<x>"}, {Content: "<y>", ID: 30, Special: true}}
	tok := newSmall(t, c)
	if got := []int32{tok.PadID(), tok.UnknownID(), tok.ClassID(), tok.SeparatorID(), tok.MaskID()}; !reflect.DeepEqual(got, []int32{0, 1, 2, 3, 4}) {
		t.Errorf("special ids %v", got)
	}
	if tok.Len() != 31 || tok.Vocab().Len() != len(small) {
		t.Errorf("Len %d, vocabulary %d", tok.Len(), tok.Vocab().Len())
	}
	for id, want := range map[int32]string{-1: "", 6: "dog", 20: "<x>", 30: "<y>", 25: "", 31: "", 1 << 30: ""} {
		if got := tok.Token(id); got != want {
			t.Errorf("Token(%d) = %q, want %q", id, got, want)
		}
	}
	for token, want := range map[string]int32{"<x>": 20, "<y>": 30, "##s": 7, "##": -1, "": -1, "nothing": -1} {
		if got, ok := tok.ID(token); got != want || ok != (want >= 0) {
			t.Errorf("ID(%q) = %d, %v, want %d", token, got, ok, want)
		}
	}
	for id, want := range map[int32]bool{0: true, 4: true, 5: false, 20: false, 30: true, -1: false} {
		if tok.IsSpecial(id) != want {
			t.Errorf("IsSpecial(%d) is not %v", id, want)
		}
	}
	got := tok.Config()
	got.Added[0].Content = "changed"
	if tok.Config().Added[0].Content != "<x>" {
		t.Error("Config gives the tokenizer's own slice away")
	}
}

func TestNegativeLimits(t *testing.T) {
	v, err := NewVocab(small)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Config{{MaxWordRunes: -1}, {MaxLength: -1}} {
		if _, err := New(v, c); err == nil || !strings.Contains(err.Error(), "negative limit") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// Bytes that are not UTF-8 count as one rune each, and are removed like U+FFFD.
func TestInvalidUTF8(t *testing.T) {
	text := "\xff the\xc0 \xed\xa0\x80dogs\xe2\x80 \xf0\x9f"
	for _, c := range []struct {
		config Config
		want   string
	}{
		{DefaultConfig(false), "the|dog|##s|"},
		{Config{Unknown: "[UNK]"}, "[UNK]|[UNK]|[UNK]|[UNK]|"},
	} {
		tok := newSmall(t, c.config)
		if got := tok.spell(tok.AppendIDs(nil, text)); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
		checkOffsets(t, tok, text)
	}
	tok := newSmall(t, DefaultConfig(false))
	e := tok.Encode(text, Options{NoSpecials: true})
	runes := []rune(text)
	for i, want := range []string{"the", "dog", "s"} {
		if got := string(runes[e.Offsets[i].Start:e.Offsets[i].End]); got != want {
			t.Errorf("token %d comes from %q, want %q", i, got, want)
		}
	}
}

func TestTruncationNeverTooLong(t *testing.T) {
	tok := newSmall(t, DefaultConfig(true))
	long := strings.Repeat("the dogs. ", 50)
	for _, how := range []Truncation{LongestFirst, OnlyFirst, OnlySecond} {
		for _, left := range []bool{false, true} {
			for n := 1; n < 30; n++ {
				o := Options{MaxTokens: n, Truncation: how, Left: left}
				if e := tok.Encode(long, o); len(e.IDs) != max(n, 2) || !e.Truncated {
					t.Fatalf("Encode %+v: %d tokens", o, len(e.IDs))
				}
				for _, pair := range [][2]string{{long, long}, {long, "the"}, {"the dogs", long}} {
					if e := tok.EncodePair(pair[0], pair[1], o); len(e.IDs) != max(n, 3) || !e.Truncated {
						t.Fatalf("EncodePair %+v: %d tokens", o, len(e.IDs))
					}
				}
			}
		}
	}
	if e := tok.EncodePair("the", "dogs", Options{MaxTokens: 6}); len(e.IDs) != 6 || e.Truncated {
		t.Errorf("a pair that fits: %+v", e)
	}
	bare := tok.Encode(long, Options{MaxTokens: 4, NoSpecials: true})
	if got := tok.spell(bare.IDs); got != "the|dog|##s|.|" {
		t.Errorf("without specials: %s", got)
	}
}

// Windows and splits lose no token, overlap as asked and are never too long,
// however absurd the limits.
func TestWindowsCover(t *testing.T) {
	tok := newSmall(t, DefaultConfig(true))
	long := strings.Repeat("the dogs. ", 40)
	for _, question := range []string{"", "the dog", long} {
		for limit := 0; limit < 60; limit += 1 + limit/8 {
			for stride := -1; stride < 70; stride += 3 {
				for _, left := range []bool{false, true} {
					o := Options{MaxTokens: limit, Left: left}
					checkWindows(t, tok, long, o, tok.Windows(question, long, o, stride), 1, 5)
					checkWindows(t, tok, long, o, tok.Split(long, o, stride), 0, 3)
				}
			}
		}
	}
}

// checkWindows follows the tokens of the sequence that is cut; smallest is the
// length below which limits are not kept.
func checkWindows(t *testing.T, tok *Tokenizer, text string, o Options, windows []Encoding, sequence int8, smallest int) {
	t.Helper()
	all := tok.Encode(text, Options{NoSpecials: true})
	place := map[Offset]int{}
	for i, at := range all.Offsets {
		place[at] = i
	}
	covered := 0
	for _, w := range windows {
		if o.MaxTokens > 0 && len(w.IDs) > max(o.MaxTokens, smallest) {
			t.Fatalf("%+v: a window of %d tokens", o, len(w.IDs))
		}
		if len(windows) > 1 && !w.Truncated {
			t.Fatalf("%+v: one of many windows is not marked as truncated", o)
		}
		last := -1
		for i, s := range w.Sequence {
			if s != sequence {
				continue
			}
			at, ok := place[w.Offsets[i]]
			if !ok || all.IDs[at] != w.IDs[i] || at > covered || last >= 0 && at != last+1 {
				t.Fatalf("%+v: token %d after %d, %d covered", o, at, last, covered)
			}
			last, covered = at, max(covered, at+1)
		}
	}
	if covered != len(all.IDs) {
		t.Fatalf("%+v: %d of %d tokens covered", o, covered, len(all.IDs))
	}
}

// A limit must not change the tokens in front of it, wherever text is parted
// to work on it.
func TestLongText(t *testing.T) {
	g := readGolden(t)
	for _, k := range g.Tokenizers[:5] {
		tok := k.open(t)
		text := strings.Repeat(strings.Join(g.Texts, " "), 20)
		all := tok.Encode(text, Options{NoSpecials: true})
		if ids := tok.AppendIDs(nil, text); !reflect.DeepEqual(ids, all.IDs) {
			t.Fatalf("%s: AppendIDs differs from Encode", k.Name)
		}
		var want []int32
		runes := int32(0)
		for piece := range strings.SplitAfterSeq(text, " ") {
			e := tok.Encode(piece, Options{NoSpecials: true})
			want = append(want, e.IDs...)
			for i, o := range e.Offsets {
				e.Offsets[i] = Offset{o.Start + runes, o.End + runes}
			}
			if n := len(want) - len(e.IDs); !reflect.DeepEqual(e.Offsets, all.Offsets[n:len(want)]) && len(e.Offsets) > 0 {
				t.Fatalf("%s: offsets differ in %q", k.Name, piece)
			}
			runes += int32(utf8.RuneCountInString(piece))
		}
		if !reflect.DeepEqual(want, all.IDs) {
			t.Fatalf("%s: word by word there are %d tokens, together %d", k.Name, len(want), len(all.IDs))
		}
		for _, n := range []int{1, 100, 5000} {
			e := tok.Encode(text, Options{MaxTokens: n, NoSpecials: true})
			if !reflect.DeepEqual(e.IDs, all.IDs[:n]) || !e.Truncated {
				t.Fatalf("%s: the first %d tokens differ", k.Name, n)
			}
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	g := readGolden(t)
	tok := g.Tokenizers[0].open(t)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 5 {
				for i, text := range g.Texts {
					if got := tok.Encode(text, Options{NoSpecials: true}).IDs; !reflect.DeepEqual(got, g.Tokenizers[0].Texts[i].IDs) {
						t.Errorf("%q: %v", text, got)
					}
				}
			}
		})
	}
	wait.Wait()
}

func TestAppendIDsAppends(t *testing.T) {
	tok := newSmall(t, DefaultConfig(true))
	ids := tok.AppendIDs([]int32{9, 8}, "the dogs")
	if !reflect.DeepEqual(ids, []int32{9, 8, 5, 6, 7}) {
		t.Errorf("got %v", ids)
	}
	text := strings.Repeat("The dogs of 한국어. ", 100)
	ids = tok.AppendIDs(nil, text)
	if n := testing.AllocsPerRun(50, func() { ids = tok.AppendIDs(ids[:0], text) }); n >= 1 && !underRace {
		t.Errorf("%v allocations", n)
	}
}

func TestDecodeSkipsUnknownIDs(t *testing.T) {
	tok := newSmall(t, DefaultConfig(true))
	if got := tok.Decode([]int32{2, 5, -1, 6, 7, 999, 14, 4, 3}, true); got != "the dogs." {
		t.Errorf("got %q", got)
	}
	if got := tok.Decode([]int32{7, 2}, false); got != "##s [CLS]" {
		t.Errorf("got %q", got)
	}
}

// Added tokens that normalization empties match nothing.
func TestAddedTokenOfMarks(t *testing.T) {
	c := DefaultConfig(true)
	c.Added = []AddedToken{{Content: "\u0301", Normalized: true}}
	tok := newSmall(t, c)
	if got := tok.spell(tok.AppendIDs(nil, "the\u0301 \u0301 dog")); got != "the|dog|" {
		t.Errorf("got %s", got)
	}
}
