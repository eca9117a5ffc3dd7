package analysis

import "slices"

// Span is a stretch of runes, half open.
type Span struct{ Start, End int }

// Matches returns where the terms of queries, and phrases, stand in a text,
// ordered; spans that overlap or touch are one.
func (a *Analyzer) Matches(queries []string, phrases []Phrase, text string) []Span {
	wanted := make(map[string]bool)
	for _, q := range queries {
		for _, t := range a.Query(q) {
			wanted[t.Term] = true
		}
	}
	if len(wanted)+len(phrases) == 0 {
		return nil
	}
	var spans []Span
	if len(phrases) > 0 {
		words := a.Words(text)
		for _, p := range phrases {
			spans = append(spans, p.Find(words)...)
		}
	}
	for _, t := range a.Document(text) {
		if wanted[t.Term] {
			spans = append(spans, Span{t.Start, t.End})
		}
	}
	return merge(spans)
}

func merge(spans []Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int { return a.Start - b.Start })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.Start <= out[n-1].End {
			out[n-1].End = max(out[n-1].End, s.End)
		} else {
			out = append(out, s)
		}
	}
	return out
}
