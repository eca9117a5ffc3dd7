package indextest

import (
	"context"
	"slices"
	"strings"

	"semdex/index"
)

// Correct knows words by their terms and looks at every term that there is.
func (h *memoryHandle) Correct(ctx context.Context, text string) (corrected string, changes map[string]string, err error) {
	err = h.read(ctx, func() error {
		count := make(map[string]int)
		for _, d := range h.documents {
			for _, terms := range d.terms {
				for t := range terms.count {
					count[t]++
				}
			}
		}
		runes, done, known := []rune(text), 0, h.expand(text)
		for _, t := range analyze(text) {
			word := strings.ToLower(string(runes[t.span.Start:t.span.End]))
			if len(word) < 4 || len(word) > 24 || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" || count[t.term] > 0 {
				continue
			}
			if slices.ContainsFunc(known, func(e index.Expansion) bool { return e.Start <= t.span.Start && t.span.End <= e.End }) {
				continue
			}
			best := ""
			for term, n := range count {
				if oneEdit(word, term) && (best == "" || n > count[best] || n == count[best] && term < best) {
					best = term
				}
			}
			if best == "" {
				continue
			}
			if changes == nil {
				changes = make(map[string]string)
			}
			changes[string(runes[t.span.Start:t.span.End])] = best
			corrected += string(runes[done:t.span.Start]) + best
			done = t.span.End
		}
		corrected += string(runes[done:])
		return nil
	})
	return corrected, changes, err
}

// oneEdit reports whether two words of the same first letter are one edit apart.
func oneEdit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if a == b || a == "" || a[0] != b[0] || len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	swapped := i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
	return swapped || a[i+1:] == b[i+1:]
}
