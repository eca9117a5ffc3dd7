package index

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// Stretches are those of the text as a slice of runes, whatever the order in
// which they are asked for.
func TestRuneText(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, text := range []string{"", "a", "한", strings.Repeat("abc ", 300), strings.Repeat("a한🙂é", 200), strings.Repeat("글", runeStep), strings.Repeat("글", 2*runeStep) + "x"} {
		runes, r := []rune(text), newRuneText(text)
		for range 500 {
			start := rng.IntN(len(runes) + 1)
			end := start + rng.IntN(len(runes)+1-start)
			if got, want := r.slice(start, end), string(runes[start:end]); got != want {
				t.Fatalf("runes %d to %d of %.20q... are %q, want %q", start, end, text, got, want)
			}
		}
		if got := r.slice(len(runes), len(runes)+1000); got != "" {
			t.Errorf("behind %.20q... there is %q", text, got)
		}
		if got := r.slice(0, len(runes)+1000); got != text {
			t.Errorf("%.20q... up to behind its end is %.20q", text, got)
		}
	}
}
