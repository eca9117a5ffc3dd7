package local

import (
	"context"

	"semdex/index"
	"semdex/index/local/analysis"
)

// thesaurus is a collection's synonyms, analyzed. It does not change; a nil one
// has none.
type thesaurus struct {
	rules   int
	entries map[string][]*thesaurusEntry // by the terms of their first word
}

// thesaurusEntry is a word or phrase and what counts as it; that may be itself.
type thesaurusEntry struct {
	phrase   analysis.Phrase
	synonyms []synonym
}

type synonym struct {
	text   string
	phrase analysis.Phrase
}

// newThesaurus reads synonyms; index.ErrInvalidSynonyms.
func newThesaurus(a *analysis.Analyzer, text string) (*thesaurus, error) {
	rules, err := index.ParseSynonyms(text)
	if err != nil || len(rules) == 0 {
		return nil, err
	}
	t := &thesaurus{rules: len(rules), entries: make(map[string][]*thesaurusEntry)}
	for _, r := range rules {
		var synonyms []synonym
		for _, s := range r.To {
			synonyms = append(synonyms, synonym{s, a.Phrase(s)})
		}
		for _, from := range r.From {
			e := &thesaurusEntry{a.Phrase(from), synonyms}
			if len(e.phrase) == 0 { // letters that the analyzer does not know
				continue
			}
			for _, term := range e.phrase.Terms()[0] {
				t.entries[term] = append(t.entries[term], e)
			}
		}
	}
	return t, nil
}

// count is the number of rules.
func (t *thesaurus) count() int {
	if t == nil {
		return 0
	}
	return t.rules
}

// expand finds the entries in a text.
func (t *thesaurus) expand(a *analysis.Analyzer, text string) []index.Expansion {
	if t == nil {
		return nil
	}
	words := a.Words(cutQuery(text))
	var out []index.Expansion
	for i := 0; i < len(words) && len(out) < index.MaxExpansions; {
		n, synonyms := t.longest(words[i:])
		if n == 0 {
			i++
			continue
		}
		if list := others(analysis.Phrase(words[i:i+n]), synonyms); len(list) > 0 {
			span := words[i : i+n].Span()
			out = append(out, index.Expansion{Span: index.Span{Start: span.Start, End: span.End}, Synonyms: list})
		}
		i += n
	}
	return out
}

// longest is the number of words of the longest entry that a text begins with,
// and the synonyms of all of that length.
func (t *thesaurus) longest(words analysis.Words) (n int, synonyms []synonym) {
	seen := make(map[*thesaurusEntry]bool)
	for _, term := range analysis.Phrase(words[:1]).Terms()[0] {
		for _, e := range t.entries[term] {
			k := len(e.phrase)
			if seen[e] || k < n || k > len(words) || !e.phrase.Begins(words) {
				continue
			}
			if k > n {
				n, synonyms = k, nil
			}
			seen[e] = true
			synonyms = append(synonyms, e.synonyms...)
		}
	}
	return n, synonyms
}

// others are the synonyms that differ from a stretch and from each other.
func others(stretch analysis.Phrase, synonyms []synonym) []string {
	var out []string
	have := []analysis.Phrase{stretch}
next:
	for _, s := range synonyms {
		if len(s.phrase) == 0 || len(out) == index.MaxSynonymLine {
			continue
		}
		for _, p := range have {
			if len(p) == len(s.phrase) && p.Begins(analysis.Words(s.phrase)) {
				continue next
			}
		}
		have = append(have, s.phrase)
		out = append(out, s.text)
	}
	return out
}

// SetSynonyms implements index.Collection.
func (c *Collection) SetSynonyms(ctx context.Context, text string) error {
	t, err := newThesaurus(c.text.analyzer, text)
	if err != nil {
		return err
	}
	return c.configure(ctx, func(m *manifest) { m.Synonyms = text }, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.synonyms, c.thesaurus = text, t
	})
}

// openSynonyms reads what the manifest has. A newer program may have written
// what this one cannot read; that keeps nobody from the documents.
func (c *Collection) openSynonyms() {
	c.synonyms = c.manifest.Synonyms
	t, err := newThesaurus(c.text.analyzer, c.synonyms)
	if err != nil {
		c.log.Warn("the synonyms cannot be used", "error", err)
		return
	}
	c.thesaurus = t
}

// Synonyms implements index.Collection.
func (c *Collection) Synonyms(ctx context.Context) (string, error) {
	if err := c.enter(ctx); err != nil {
		return "", err
	}
	defer c.leave()
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.synonyms, nil
}

// Expand implements index.Collection.
func (c *Collection) Expand(ctx context.Context, text string) ([]index.Expansion, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	defer c.leave()
	return c.expand(text), nil
}

func (c *Collection) expand(text string) []index.Expansion {
	c.mu.RLock()
	t := c.thesaurus
	c.mu.RUnlock()
	return t.expand(c.text.analyzer, text)
}

// Matches implements index.Collection.
func (c *Collection) Matches(words index.Words, passage string) []index.Span {
	a := c.text.analyzer
	queries, phrases := []string{words.Text}, []analysis.Phrase(nil)
	for _, e := range words.Also {
		for _, s := range e.Synonyms {
			if p := a.Phrase(s); len(p) > 1 {
				phrases = append(phrases, p)
			} else {
				queries = append(queries, s)
			}
		}
	}
	matches := a.Matches(queries, phrases, passage)
	if len(matches) == 0 {
		return nil
	}
	spans := make([]index.Span, len(matches))
	for i, m := range matches {
		spans[i] = index.Span{Start: m.Start, End: m.End}
	}
	return spans
}
