package index_test

import (
	"slices"
	"testing"

	"semdex/index"
)

func TestSentences(t *testing.T) {
	got := index.Sentences("  오늘은 맑다. 내일은 비가 온다!\n\nDr. Smith came at 3.5 p.m. on foot. He left.\nHeading\n")
	want := []string{"오늘은 맑다.", "내일은 비가 온다!", "Dr. Smith came at 3.5 p.m. on foot.", "He left.", "Heading"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := index.Sentences(" \n"); len(got) != 0 {
		t.Errorf("%q of nothing", got)
	}
}
