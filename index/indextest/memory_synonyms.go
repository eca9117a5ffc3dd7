package indextest

import (
	"context"
	"slices"

	"semdex/index"
)

// SetSynonyms implements index.Collection.
func (h *memoryHandle) SetSynonyms(ctx context.Context, text string) error {
	rules, err := index.ParseSynonyms(text)
	if err != nil {
		return err
	}
	return h.write(ctx, func() error {
		h.synonyms, h.rules = text, rules
		h.configured++
		return nil
	})
}

// Synonyms implements index.Collection.
func (h *memoryHandle) Synonyms(ctx context.Context) (text string, err error) {
	err = h.read(ctx, func() error {
		text = h.synonyms
		return nil
	})
	return text, err
}

// Expand implements index.Collection.
func (h *memoryHandle) Expand(ctx context.Context, text string) (out []index.Expansion, err error) {
	err = h.read(ctx, func() error {
		out = h.expand(text)
		return nil
	})
	return out, err
}

func (c *memoryCollection) expand(text string) (out []index.Expansion) {
	tokens := wholeWords(text)
	for i := 0; i < len(tokens) && len(out) < index.MaxExpansions; {
		n, synonyms := c.longest(tokens[i:])
		if n == 0 {
			i++
			continue
		}
		if len(synonyms) > 0 {
			out = append(out, index.Expansion{Span: index.Span{Start: tokens[i].span.Start, End: tokens[i+n-1].span.End}, Synonyms: synonyms})
		}
		i += n
	}
	return out
}

// longest is the number of words of the longest entry that a text begins with,
// and what else counts as it.
func (c *memoryCollection) longest(tokens []token) (n int, synonyms []string) {
	var stretch []string
	for _, t := range tokens {
		stretch = append(stretch, t.term)
	}
	begins := func(entry []string) bool {
		return len(entry) <= len(stretch) && slices.Equal(entry, stretch[:len(entry)])
	}
	for _, r := range c.rules {
		for _, from := range r.From {
			if entry := words(from); begins(entry) {
				n = max(n, len(entry))
			}
		}
	}
	have := [][]string{stretch[:n]}
	for _, r := range c.rules {
		for _, from := range r.From {
			if entry := words(from); len(entry) != n || n == 0 || !begins(entry) {
				continue
			}
			for _, to := range r.To {
				same := func(o []string) bool { return slices.Equal(o, words(to)) }
				if len(words(to)) > 0 && !slices.ContainsFunc(have, same) && len(synonyms) < index.MaxSynonymLine {
					have = append(have, words(to))
					synonyms = append(synonyms, to)
				}
			}
		}
	}
	return n, synonyms
}

// score is the reference of index.Thesaurus: the BM25 score of a passage for
// the words and what counts as them. full is index.Leg.Full.
func (c *memoryCollection) score(w index.Words) (of func(d *memoryDocument, ordinal int) float64, full float64) {
	query := queryTerms(w.Text)
	all := slices.Clone(query)
	for _, e := range w.Also {
		for _, s := range e.Synonyms {
			all = append(all, queryTerms(s)...)
		}
	}
	slices.Sort(all)
	idf, average := c.statistics(slices.Compact(all))
	most := func(terms []string) (sum float64) {
		for _, t := range terms {
			sum += idf[t]
		}
		return sum
	}
	text := []rune(w.Text)
	of = func(d *memoryDocument, ordinal int) float64 {
		terms := d.terms[ordinal]
		score := bm25(query, terms, idf, average)
		for _, e := range w.Also {
			own := queryTerms(string(text[e.Start:e.End]))
			var best float64
			for _, s := range e.Synonyms {
				if len(words(s)) > 1 && !d.allows(ordinal, index.Wording{Phrases: []string{s}}) {
					continue
				}
				theirs := queryTerms(s)
				best = max(best, index.SynonymWeight*min(1, most(own)/most(theirs))*bm25(theirs, terms, idf, average))
			}
			score += max(0, best-bm25(own, terms, idf, average))
		}
		return score
	}
	return of, most(query)
}
