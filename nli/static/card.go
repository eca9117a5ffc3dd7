package static

import (
	"fmt"
	"strings"
)

// card is the model card (README.md) of a trained table: what it is, what it
// was trained on under which licences, and how it did on the dev sets.
func card(r Report) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Static subword embeddings")
	line("")
	line("One vector of %d dimensions per subword; the vector of a text is the mean of its", r.Config.Dims)
	line("subwords' vectors, and texts are compared by cosine. It is stored as a")
	line("sentence-transformers folder with a StaticEmbedding module.")
	if len(r.Config.Nested) > 0 {
		line("The leading %s dimensions are trained to work alone (Matryoshka): vectors may be", join(r.Config.Nested))
		line("cut to them and normalised again.")
	}
	line("")
	line("## Training")
	line("")
	line("`semdex train static`: InfoNCE in both directions with the other pairs of a batch")
	line("as negatives; %d steps of up to %d pairs, each batch from one source; Adam, rate %g", r.Config.Steps, r.Config.Batch, r.Config.Rate)
	line("falling linearly to 0; texts cut at %d tokens; seed %d. Final loss %.3f.", r.Config.MaxTokens, r.Config.Seed, r.Loss)
	line("")
	line("| source | licence | pairs | drawn |")
	line("|---|---|---:|---:|")
	for _, s := range r.Sources {
		line("| %s | %s | %d | %d |", s.Name, s.Licence, s.Pairs, s.Drawn)
	}
	if len(r.Scores) > 0 {
		line("")
		line("## Scores on dev sets")
		line("")
		cardScores(line, r)
	}
	line("")
	line("## Limits")
	line("")
	line("Word order, negation and who did what to whom are invisible to a mean of subword")
	line("vectors. Long texts blur: split them into passages. Languages other than those of")
	line("the training data are not covered.")
	return b.String()
}

// cardScores writes a table with a column per width.
func cardScores(line func(string, ...any), r Report) {
	widths := r.Config.widths()
	head, rule := "| set | measure |", "|---|---|"
	for _, w := range widths {
		head, rule = head+fmt.Sprintf(" %d |", w), rule+"---:|"
	}
	line("%s", head)
	line("%s", rule)
	for _, first := range r.Scores {
		if first.Dims != widths[0] {
			continue
		}
		row := fmt.Sprintf("| %s | %s |", first.Set, first.Measure)
		for _, w := range widths {
			for _, s := range r.Scores {
				if s.Set == first.Set && s.Dims == w {
					row += fmt.Sprintf(" %.1f |", 100*s.Value)
				}
			}
		}
		line("%s", row)
	}
}

func join(widths []int) string {
	parts := make([]string, len(widths))
	for i, w := range widths {
		parts[i] = fmt.Sprint(w)
	}
	return strings.Join(parts, " or ")
}
