package pairs

import (
	"strings"
	"testing"

	"semdex/nli"
)

// Entailed hypotheses are partners, contradicting ones of the same premise are
// given out in turn, neutral ones are left out.
func TestEntailed(t *testing.T) {
	list := []nli.Inference{
		{Premise: "A man eats.", Hypothesis: "Nobody eats.", Label: nli.Contradiction},
		{Premise: "A man eats.", Hypothesis: "Someone eats.", Label: nli.Entailment},
		{Premise: "A man eats.", Hypothesis: "A man eats bread.", Label: nli.Neutral},
		{Premise: "A man eats.", Hypothesis: "A person eats.", Label: nli.Entailment},
		{Premise: "A man eats.", Hypothesis: "A man sleeps.", Label: nli.Contradiction},
		{Premise: "A man eats.", Hypothesis: "He eats.", Label: nli.Entailment},
		{Premise: "A dog runs.", Hypothesis: "An animal runs.", Label: nli.Entailment},
		{Premise: "A dog runs.", Hypothesis: "AN ANIMAL RUNS", Label: nli.Entailment}, // twice
	}
	d, err := Entailed(Inferences{Name: "a", List: list}, Inferences{Name: "b", Weight: 7, List: list[6:]}, Inferences{Name: "none", List: list[:1]})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Sources) != 2 || d.Sources[0].Weight != 4 || d.Sources[1].Weight != 7 {
		t.Fatalf("sources %+v", d.Sources)
	}
	var got []string
	for i := range d.Sources[0].Len() {
		e := d.Sources[0].Draw(i, nil)
		got = append(got, d.Text(e.A)+d.Text(e.B)+d.Text(e.Not))
	}
	want := "A man eats.Someone eats.Nobody eats. A man eats.A person eats.A man sleeps. A man eats.He eats.Nobody eats. A dog runs.An animal runs."
	if s := strings.Join(got, " "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	if _, err := Entailed(Inferences{Name: "a", List: list[:1]}); err == nil {
		t.Error("nothing follows, and yet there are pairs")
	}
}
