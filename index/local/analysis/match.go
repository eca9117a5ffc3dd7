package analysis

import "slices"

// Span is a stretch of runes, half open.
type Span struct{ Start, End int }

// Matches returns where the terms of a query stand in a text, ordered; spans
// that overlap or touch are one.
func (a *Analyzer) Matches(query, text string) []Span {
	wanted := make(map[string]bool)
	for _, t := range a.Query(query) {
		wanted[t.Term] = true
	}
	if len(wanted) == 0 {
		return nil
	}
	var spans []Span
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
