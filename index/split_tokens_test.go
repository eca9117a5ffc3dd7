package index

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// pieces is a tokenizer in the manner of WordPiece: words and signs, a word in
// pieces of up to three letters from the left but of one letter after "x", and one
// unknown token for words of more than 20 letters.
func pieces(text string) []Span {
	var out []Span
	runes := []rune(text)
	word := func(start, end int) {
		if end-start > 20 {
			out = append(out, Span{start, end})
			return
		}
		for i := start; i < end; {
			n := 3
			if runes[i] == 'x' {
				n = 1
			}
			n = min(n, end-i)
			out = append(out, Span{i, i + n})
			i += n
		}
	}
	start := 0
	for i, r := range runes {
		if unicode.IsSpace(r) || unicode.IsPunct(r) {
			word(start, i)
			if unicode.IsPunct(r) {
				out = append(out, Span{i, i + 1})
			}
			start = i + 1
		}
	}
	word(start, len(runes))
	return out
}

// TestSplitTokensProperties: no passage has more tokens than its size when it is
// tokenised alone, whatever was cut to get there.
func TestSplitTokensProperties(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 8))
	mended := 0
	for range 3000 {
		d := Document{Text: randomText(rng)}
		if rng.IntN(3) == 0 { // words without end
			d.Text = strings.ReplaceAll(d.Text, " ", "")
		}
		d.Headings = TextHeadings(d.Text)
		o := SplitOptions{Size: 16 + rng.IntN(100), Overlap: rng.IntN(60), Unit: Tokens, Headings: rng.IntN(2) == 0}
		spans := SplitDocument(d, o, pieces)
		checkCover(t, d.Text, spans)
		runes := []rune(d.Text)
		for i, s := range spans {
			if n := len(pieces(string(runes[s.Start:s.End]))); n > o.Size && s.End-s.Start > 1 {
				t.Fatalf("passage %d of %q, %q, has %d tokens, more than %d", i, d.Text, string(runes[s.Start:s.End]), n, o.Size)
			}
		}
		s := &splitter{text: runes, options: o.normal(), tokens: pieces, sums: prefixTokens(runes, pieces(d.Text))}
		s.pack(sentences(runes))
		mended += len(s.seams)
	}
	if mended == 0 {
		t.Error("no word was ever cut: the test does not test much")
	}
}

// checkCover is the part of checkSpans that does not measure.
func checkCover(t *testing.T, text string, spans []Span) {
	t.Helper()
	o := SplitOptions{Size: 1 << 30, Overlap: 1 << 29}
	checkSpans(t, text, o, spans)
}

func TestSplitTokens(t *testing.T) {
	text := "One two three. Four five six. Seven eight nine ten."
	o := SplitOptions{Size: 16, Unit: Tokens}
	var got []string
	for _, s := range SplitDocument(Document{Text: text}, o, pieces) {
		got = append(got, text[s.Start:s.End])
	}
	// One two thr-ee . | Fou-r fiv-e six . are 5 and 6 tokens, the third sentence 8.
	if want := []string{"One two three. Four five six.", "Seven eight nine ten."}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if o := (SplitOptions{Unit: Tokens}).normal(); o.Size != 256 || o.Overlap != 32 {
		t.Errorf("the default is %v", o)
	}
}

func TestPrefixTokens(t *testing.T) {
	long := strings.Repeat("z", 70)
	text := []rune("ab c " + long)
	sums := prefixTokens(text, []Span{{0, 2}, {3, 4}, {5, 75}})
	for at, want := range map[int]int32{0: 0, 1: 1, 3: 1, 4: 2, 5: 2, 6: 3, 37: 3, 38: 4, 70: 5, 75: 5} {
		if sums[at] != want {
			t.Errorf("%d tokens before rune %d, want %d", sums[at], at, want)
		}
	}
}

func TestSplitOptions(t *testing.T) {
	for _, o := range []SplitOptions{{Size: -1}, {Overlap: -1}, {Unit: "words"}, {Title: "both"}} {
		if err := o.Check(); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	for text, o := range map[string]SplitOptions{
		"1200 columns, 150 repeated":             {},
		"300 columns, 0 repeated, without title": {Size: 300, Title: PrefixNone},
		"256 tokens, 32 repeated, from heading to heading, with title and headings, encoded within the document": {Unit: Tokens, Headings: true, Title: PrefixPath, Late: true},
	} {
		if err := o.Check(); err != nil || o.String() != text {
			t.Errorf("%q, %v, want %q", o, err, text)
		}
	}
	if !(SplitOptions{}).Equal(SplitOptions{Size: 1200, Overlap: 150, Unit: Columns, Title: PrefixTitle}) || (SplitOptions{}).Equal(SplitOptions{Late: true}) {
		t.Error("options are compared by more or less than what they mean")
	}
}
