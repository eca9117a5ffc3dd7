package local

import (
	"context"
	"fmt"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"semdex/index"
	"semdex/index/local/analysis"
	"semdex/index/local/postings"
)

// The text leg stores no positions: they would make it half as large again for
// what few queries ask. Its postings give the passages that have all words of
// the phrases; these are read and compared word by word, the best first.

// wording is an index.Wording, analyzed.
type wording struct {
	analyzer           *analysis.Analyzer
	split              index.SplitOptions
	required, excluded []analysis.Phrase
}

func (c *Collection) wording(w index.Wording) wording {
	out := wording{analyzer: c.text.analyzer, split: c.split}
	for _, text := range w.Phrases {
		if p := out.analyzer.Phrase(text); len(p) > 0 {
			out.required = append(out.required, p)
		}
	}
	for _, text := range w.Excluded {
		if p := out.analyzer.Phrase(text); len(p) > 0 {
			out.excluded = append(out.excluded, p)
		}
	}
	return out
}

// allows reports for some passages of a record whether they fulfil the
// conditions; ordinals that the record does not have are refused.
func (w wording) allows(r *index.Record, ordinals []uint32) []bool {
	cut, prefixes := newCutter(r.Text), w.split.Prefixes(r)
	out := make([]bool, len(ordinals))
	for i, n := range ordinals {
		if int(n) < len(r.Passages) {
			p := r.Passages[n]
			out[i] = w.allow(w.analyzer.Words(prefixes[n]), w.analyzer.Words(cut.runes(p.Start, p.End)))
		}
	}
	return out
}

func (w wording) allow(title, body analysis.Words) bool {
	has := func(p analysis.Phrase) bool { return p.In(body) || p.In(title) }
	for _, p := range w.required {
		if !has(p) {
			return false
		}
	}
	return !slices.ContainsFunc(w.excluded, has)
}

// KeywordWording implements index.Collection. It reads at most
// index.MaxVerified passages, the best first, and the documents of each once.
func (c *Collection) KeywordWording(ctx context.Context, words index.Words, w index.Wording, k int, f index.Filter) (index.Leg, error) {
	parsed := c.wording(w)
	if len(parsed.required) == 0 {
		return index.Leg{}, fmt.Errorf("%w: there is no phrase to look for", index.ErrInvalidQuery)
	}
	if err := c.enter(ctx); err != nil {
		return index.Leg{}, err
	}
	defer c.leave()
	query := c.keywordQuery(words)
	for attempt := 0; ; attempt++ { // as Keyword
		v, accepted, err := c.snapshot(f)
		if err != nil {
			return index.Leg{}, err
		}
		s := &textSearch{view: v, accepted: accepted, analyzer: c.text.analyzer, phrases: &phraseSearch{wording: parsed}}
		if err := c.searchText(ctx, s, query); err != nil {
			return index.Leg{}, err
		}
		if s.stale && attempt < 3 {
			continue
		}
		return s.phrases.verify(ctx, s, max(k, 0))
	}
}

// phraseSearch collects the passages that have all words of the phrases.
type phraseSearch struct {
	wording
	found []scored
}

// piece adds a piece's passages.
func (p *phraseSearch) piece(s *textSearch, piece *textPiece, scores []float64, open map[int][]gain) error {
	keys := piece.keys
	all, err := withWords(piece, p.required...)
	if err != nil {
		return err
	}
	for it := all.Iterator(); it.HasNext(); {
		n := it.Next()
		if int(n) >= len(keys) {
			return errBeyond
		}
		if keys[n].sequence > piece.limit {
			continue
		}
		s.examined++
		doc, ok := s.find(keys[n])
		if !ok {
			continue
		}
		found := &pending{scored{scores[n], doc, keys[n].ordinal}, open[int(n)]}
		if err := s.verify(found); err != nil {
			return err
		}
		p.found = append(p.found, found.scored)
	}
	return nil
}

// withWords are the passages of a piece that have all words of phrases, of which
// there is one at least.
func withWords(piece *textPiece, phrases ...analysis.Phrase) (*roaring.Bitmap, error) {
	var all *roaring.Bitmap
	for _, phrase := range phrases {
		for _, terms := range phrase.Terms() {
			have := roaring.New()
			for _, term := range terms {
				list, err := piece.list(term)
				if err == nil {
					err = list.each(func(p postings.Posting) { have.Add(p.Passage) })
				}
				if err != nil {
					return nil, err
				}
			}
			if all == nil {
				all = have
			} else {
				all.And(have)
			}
			if all.IsEmpty() {
				return all, nil
			}
		}
	}
	return all, nil
}

// verify reads the passages found, the best first, until k fulfil the
// conditions and one more does.
func (p *phraseSearch) verify(ctx context.Context, s *textSearch, k int) (index.Leg, error) {
	leg := index.Leg{Plan: "phrase", Full: s.full, Examined: s.examined, Verified: s.verified}
	order := newTopK(s.view, 0)
	slices.SortFunc(p.found, func(a, b scored) int {
		if order.better(a, b) {
			return -1
		}
		return 1
	})
	byDoc := make(map[uint32][]uint32)
	for _, x := range p.found {
		byDoc[x.doc] = append(byDoc[x.doc], x.ordinal)
	}
	verdicts := make(map[uint32][]bool)
	next := make(map[uint32]int) // of the document's verdicts
	for _, x := range p.found {
		if _, known := verdicts[x.doc]; !known {
			if leg.Bounded = leg.Verified >= index.MaxVerified; leg.Bounded {
				return leg, nil
			}
			if err := ctx.Err(); err != nil {
				return index.Leg{}, err
			}
			r, ok, err := s.view.docs[x.doc].load()
			if err != nil {
				return index.Leg{}, err
			}
			verdicts[x.doc] = make([]bool, len(byDoc[x.doc])) // of a document gone meanwhile
			if ok {
				verdicts[x.doc] = p.allows(&r, byDoc[x.doc])
			}
			leg.Verified += len(byDoc[x.doc])
		}
		allowed := verdicts[x.doc][next[x.doc]]
		next[x.doc]++
		if !allowed {
			continue
		}
		if len(leg.Candidates) == k {
			leg.More = true
			return leg, nil
		}
		leg.Candidates = append(leg.Candidates, index.Candidate{Ref: s.view.ref(x.doc, x.ordinal), Score: x.score})
	}
	return leg, nil
}

// Allows implements index.Collection.
func (c *Collection) Allows(ctx context.Context, refs []index.Ref, w index.Wording) ([]bool, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	defer c.leave()
	parsed := c.wording(w)
	places := make(map[string][]int) // in refs, by document
	for i, ref := range refs {
		places[ref.Document] = append(places[ref.Document], i)
	}
	out := make([]bool, len(refs))
	for id, at := range places {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, err := c.record(id)
		if err != nil {
			return nil, err
		}
		if r == nil {
			continue
		}
		ordinals := make([]uint32, len(at))
		for i, n := range at {
			ordinals[i] = uint32(refs[n].Ordinal)
		}
		for i, allowed := range parsed.allows(r, ordinals) {
			out[at[i]] = allowed
		}
	}
	return out, nil
}

// Vectors implements index.Collection.
func (c *Collection) Vectors(ctx context.Context, refs []index.Ref) ([][]float32, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	defer c.leave()
	v, numbers := c.pinNumbers(refs)
	defer v.sealed.release()
	out := make([][]float32, len(refs))
	for i, ref := range refs {
		doc, ok := numbers[ref.Document]
		if !ok || ref.Ordinal < 0 || ref.Ordinal >= v.docs[doc].passages() {
			continue
		}
		if row := int(v.first[doc]) + ref.Ordinal; !v.store.Missing(row) {
			out[i] = slices.Clone(v.store.At(row))
		}
	}
	return out, nil
}

// pinNumbers is pin, with the numbers of the documents that there are.
func (c *Collection) pinNumbers(refs []index.Ref) (*view, map[string]uint32) {
	for {
		c.mu.RLock()
		v, numbers := c.state.view, make(map[string]uint32)
		for _, ref := range refs {
			if n, ok := c.state.byID[ref.Document]; ok {
				numbers[ref.Document] = n
			}
		}
		c.mu.RUnlock()
		if v.sealed.acquire() {
			return &v, numbers
		}
	}
}
