package local

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"semdex/index"
)

// maxProfileWords bounds the distinct words of a document that are weighed: the
// most frequent ones.
const maxProfileWords = 1024

// profileWord is a word of a document. Count has the title's words titleWeight
// times, once for the document.
type profileWord struct {
	term, text string
	count      int
	weight     float64
}

// Profile implements index.Collection.
func (c *Collection) Profile(ctx context.Context, id string, words int) (index.Profile, error) {
	if err := c.enter(ctx); err != nil {
		return index.Profile{}, err
	}
	defer c.leave()
	r, err := c.record(id)
	if err != nil {
		return index.Profile{}, err
	}
	if r == nil {
		return index.Profile{}, fmt.Errorf("%w: %q", index.ErrDocumentNotFound, id)
	}
	p := index.Profile{Passages: len(r.Passages)}
	v, numbers := c.pinNumbers([]index.Ref{{Document: id}})
	if doc, ok := numbers[id]; ok {
		for row := int(v.first[doc]); row < int(v.first[doc])+v.docs[doc].passages(); row++ {
			if !v.store.Missing(row) {
				p.Vectors = append(p.Vectors, slices.Clone(v.store.At(row)))
			}
		}
	}
	v.sealed.release()
	strongest, err := c.strongest(ctx, r, float64(v.passages))
	for _, w := range strongest[:min(max(words, 0), len(strongest))] {
		p.Words = append(p.Words, w.text)
	}
	return p, err
}

// strongest orders the words of a record by tf x idf. It counts the document's
// text, not its passages, which repeat each other's ends.
func (c *Collection) strongest(ctx context.Context, r *index.Record, passages float64) ([]*profileWord, error) {
	byTerm := make(map[string]*profileWord)
	title := r.Title
	if c.split.Title == index.PrefixNone && r.Text != "" {
		title = "" // the text leg does not have it
	}
	for i, text := range []string{title, r.Text} {
		for _, k := range c.text.analyzer.Keywords(text) {
			w := byTerm[k.Term]
			if w == nil {
				w = &profileWord{term: k.Term, text: k.Text}
				byTerm[k.Term] = w
			}
			w.count += []int{titleWeight, 1}[i]
		}
	}
	list := slices.Collect(maps.Values(byTerm))
	slices.SortFunc(list, func(a, b *profileWord) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.term, b.term))
	})
	list = list[:min(len(list), maxProfileWords)]
	if err := c.weigh(ctx, list, passages); err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b *profileWord) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.term, b.term))
	})
	return list, nil
}

// weigh gives words their weights: tf saturates as in BM25, for a passage of
// average length.
func (c *Collection) weigh(ctx context.Context, words []*profileWord, passages float64) (err error) {
	defer func() { // as in searchText
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: text leg: %v", index.ErrCorrupt, r)
		}
	}()
	return c.text.read(func(v *textView) error {
		pieces, err := c.text.pieces(v)
		if err != nil {
			return err
		}
		for _, w := range words {
			if err := ctx.Err(); err != nil {
				return err
			}
			found, err := countPassages(pieces, w.term)
			if err != nil {
				return err
			}
			n, tf := float64(found), float64(w.count)
			idf := math.Log(1 + (max(passages, n)-n+0.5)/(n+0.5))
			w.weight = idf * tf / (tf + bm25K1)
		}
		return nil
	})
}
