package local

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"unicode/utf8"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"semdex/index"
)

// The parameters of BM25 (Robertson and Zaragoza, The Probabilistic Relevance
// Framework: BM25 and Beyond, 2009). They and titleWeight were chosen on
// SciFact's train judgements and the train queries of MIRACL and Mr. TyDi over
// Korean Wikipedia, where they are near the best of a grid for both languages.
const (
	bm25K1 = 1.2
	bm25B  = 0.6
)

// Bounds of the work of a query: a longer one, which is a document rather than a
// question, is searched by its first terms.
const (
	maxQueryTerms = 1024
	maxQueryBytes = 64 << 10
)

// Keyword implements index.Collection. The score of a passage is the sum over
// the query's distinct terms of
//
//	weight * idf * tf (k1 + 1) / (tf + k1 (1 - b + b length / average))
//
// with idf = ln(1 + (N - n + 0.5) / (n + 0.5)) for a term in n of N passages.
func (c *Collection) Keyword(ctx context.Context, text string, k int, f index.Filter) (index.Leg, error) {
	if err := c.enter(ctx); err != nil {
		return index.Leg{}, err
	}
	defer c.leave()
	query := c.queryTerms(text)
	// A write that comes between the two snapshots shows as passages of one
	// that the other does not know. That is rare, so the search is repeated.
	for attempt := 0; ; attempt++ {
		v, accepted, err := c.snapshot(f)
		if err != nil {
			return index.Leg{}, err
		}
		s := &textSearch{view: v, accepted: accepted}
		s.best = newTopK(v, max(k, 0)+1)
		if err := c.searchText(ctx, s, query); err != nil {
			return index.Leg{}, err
		}
		if s.stale && attempt < 3 {
			continue
		}
		leg := index.Leg{Plan: "bm25", Examined: s.examined}
		leg.Candidates, leg.More = s.best.candidates(max(k, 0))
		return leg, nil
	}
}

type queryTerm struct {
	term   string
	weight float64
}

func (c *Collection) queryTerms(text string) []queryTerm {
	if len(text) > maxQueryBytes {
		n := maxQueryBytes
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n]
	}
	var out []queryTerm
	at := make(map[string]int)
	for _, t := range c.text.analyzer.Query(text) {
		if i, ok := at[t.Term]; ok {
			out[i].weight = max(out[i].weight, t.Weight)
			continue
		}
		if len(out) == maxQueryTerms {
			break
		}
		at[t.Term] = len(out)
		out = append(out, queryTerm{t.Term, t.Weight})
	}
	return out
}

// searchText scores the passages of all segments.
func (c *Collection) searchText(ctx context.Context, s *textSearch, query []queryTerm) (err error) {
	// Damage that came after the files were verified makes bleve panic.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: text leg: %v", index.ErrCorrupt, r)
		}
	}()
	return c.text.read(func(snapshot *scorch.IndexSnapshot) error {
		c.text.forget(snapshot)
		if err := s.prepare(ctx, snapshot, query); err != nil {
			return err
		}
		for i, seg := range snapshot.Segments() {
			if err := ctx.Err(); err != nil {
				return err
			}
			keys, err := c.text.segmentKeys(seg)
			if err != nil {
				return err
			}
			if err := s.segment(i, seg, keys); err != nil {
				return err
			}
		}
		return nil
	})
}

// textSearch is one keyword query on its way through the segments.
type textSearch struct {
	view     *view
	accepted *roaring.Bitmap // all, if nil
	examined int
	stale    bool // the view and the text leg disagreed about a passage

	// Passages go to one of these: the best of those with any of the terms, or
	// the passages that may hold all of the phrases, or, for counting, all
	// documents with any of the terms.
	best     *topK
	phrases  *phraseSearch
	matching *roaring.Bitmap

	lists   [][]weightedList // by segment
	average float64          // length of a passage
}

// weightedList is a term's postings in one segment, with the term's weight and
// idf.
type weightedList struct {
	postings segment.PostingsList
	weight   float64
}

// prepare finds the postings of all terms and weighs them.
func (s *textSearch) prepare(ctx context.Context, snapshot *scorch.IndexSnapshot, query []queryTerm) error {
	segments := snapshot.Segments()
	s.lists = make([][]weightedList, len(segments))
	s.average = max(1, float64(s.view.terms)/float64(max(s.view.passages, 1)))
	dicts := make([]segment.TermDictionary, len(segments))
	for i, seg := range segments {
		d, err := seg.Segment().Dictionary(termsField)
		if err != nil {
			return fmt.Errorf("read text leg: %w", err)
		}
		dicts[i] = d
	}
	lists := make([]segment.PostingsList, len(segments))
	for _, q := range query {
		if err := ctx.Err(); err != nil {
			return err
		}
		var n uint64
		for i, seg := range segments {
			p, err := dicts[i].PostingsList([]byte(q.term), seg.Deleted(), nil)
			if err != nil {
				return fmt.Errorf("read text leg: %w", err)
			}
			lists[i] = p
			n += p.Count()
		}
		total := float64(max(uint64(s.view.passages), n))
		weight := q.weight * math.Log(1+(total-float64(n)+0.5)/(float64(n)+0.5)) * (bm25K1 + 1)
		for i, p := range lists {
			if p.Count() > 0 {
				s.lists[i] = append(s.lists[i], weightedList{p, weight})
			}
		}
	}
	return nil
}

// scorePool holds score buffers, all zeros.
var scorePool = sync.Pool{New: func() any { return new([]float64) }}

// segment scores a segment's passages and offers them.
func (s *textSearch) segment(i int, seg *scorch.SegmentSnapshot, keys []textKey) error {
	if len(s.lists[i]) == 0 && s.phrases == nil {
		return nil
	}
	buf := scorePool.Get().(*[]float64)
	defer scorePool.Put(buf)
	if cap(*buf) < len(keys) {
		*buf = make([]float64, len(keys))
	}
	scores := (*buf)[:len(keys)]
	defer clear(scores)
	if err := s.score(i, keys, scores); err != nil {
		return err
	}
	if s.phrases != nil {
		return s.phrases.segment(s, seg, keys, scores)
	}
	for n, score := range scores {
		if score <= 0 {
			continue
		}
		s.examined++
		if s.matching == nil && !s.best.wants(score) {
			continue
		}
		doc, ok := s.find(keys[n])
		switch {
		case !ok:
		case s.matching != nil:
			s.matching.Add(doc)
		default:
			s.best.offer(scored{score, doc, keys[n].ordinal})
		}
	}
	return nil
}

// score adds up the scores of a segment's passages, term by term.
func (s *textSearch) score(i int, keys []textKey, scores []float64) error {
	var it segment.PostingsIterator
	for _, l := range s.lists[i] {
		it = l.postings.Iterator(true, false, false, it)
		for {
			p, err := it.Next()
			if err != nil {
				return fmt.Errorf("read text leg: %w", err)
			}
			if p == nil {
				break
			}
			n, tf := p.Number(), float64(p.Frequency())
			if n >= uint64(len(keys)) {
				return errBeyond
			}
			scores[n] += l.weight * tf / (tf + bm25K1*(1-bm25B+bm25B*float64(keys[n].length)/s.average))
		}
	}
	return nil
}

var errBeyond = errors.Join(index.ErrCorrupt, errors.New("text leg: a posting beyond its segment"))

// find returns the document of a passage, if it is live and accepted.
func (s *textSearch) find(key textKey) (doc uint32, ok bool) {
	doc, ok = s.view.find(key.sequence)
	if !ok || !s.view.live.Contains(doc) || int(key.ordinal) >= s.view.docs[doc].passages() {
		s.stale = true
		return 0, false
	}
	return doc, s.accepted == nil || s.accepted.Contains(doc)
}
