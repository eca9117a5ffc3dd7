package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"semdex/embed"
	"semdex/index"
)

// TestPassagesOfTokens: with the tokenizer of the built-in model no passage has more
// tokens than its size, whatever the text.
func TestPassagesOfTokens(t *testing.T) {
	m, err := (&app{}).loadModel(t.Context(), builtinName, embed.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	e := &textEncoder{Model: m}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	parts := []string{
		" ", " ", " ", "\n", "\n\n", ". ", "다. ", "! ", "?", "…", "。", "”", "[3]", "word", "Wörter", "3.14", "한국어를", "그러나", "# ", "e\u0301", "👩\u200d💻",
		"漢字", "カタカナ", "ภาษาไทย", "\u200b", "[SEP]", strings.Repeat("x", 50), strings.Repeat("가나", 70), "QmFzZTY0IGlzIG5vdCBhIHdvcmQ", "unbelievably",
	}
	for range 400 {
		var b strings.Builder
		for range rng.IntN(400) {
			b.WriteString(parts[rng.IntN(len(parts))])
		}
		d := index.Document{Text: b.String()}
		o := index.SplitOptions{Unit: index.Tokens, Size: 16 + rng.IntN(150), Overlap: rng.IntN(40), Headings: rng.IntN(2) == 0}
		d.Headings = index.TextHeadings(d.Text)
		runes := []rune(d.Text)
		for _, s := range index.SplitDocument(d, o, e.TokenSpans) {
			text := string(runes[s.Start:s.End])
			if n := len(e.TokenSpans(text)); n > o.Size {
				t.Fatalf("%v: passage %q has %d tokens, more than %d", o, text, n, o.Size)
			}
		}
	}
}

func TestSplitFlagsFit(t *testing.T) {
	info := index.Info{Name: "c", Settings: index.Settings{Split: index.SplitOptions{Size: 600}}}
	for flags, fits := range map[index.SplitOptions]bool{
		{}: true, {Size: 600}: true, {Size: 600, Title: index.PrefixTitle, Unit: index.Columns}: true,
		{Size: 600, Headings: true}: false, {Size: 601}: false, {Late: true}: false,
	} {
		err := (&splitFlags{split: flags}).fit(info)
		if fits != (err == nil) || err != nil && !strings.Contains(fmt.Sprint(err), "600 columns") {
			t.Errorf("%v: %v", flags, err)
		}
	}
}
