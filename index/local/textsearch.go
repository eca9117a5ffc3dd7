package local

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"unicode/utf8"

	"github.com/RoaringBitmap/roaring/v2"

	"semdex/index"
	"semdex/index/local/analysis"
	"semdex/index/local/postings"
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
// with idf = ln(1 + (N - n + 0.5) / (n + 0.5)) for a term in n of N passages, and
// what index.Thesaurus says about synonyms.
func (c *Collection) Keyword(ctx context.Context, words index.Words, k int, f index.Filter) (index.Leg, error) {
	if err := c.enter(ctx); err != nil {
		return index.Leg{}, err
	}
	defer c.leave()
	query := c.keywordQuery(words)
	// A write that comes between the two snapshots shows as passages of one
	// that the other does not know. That is rare, so the search is repeated.
	for attempt := 0; ; attempt++ {
		v, accepted, err := c.snapshot(f)
		if err != nil {
			return index.Leg{}, err
		}
		s := &textSearch{view: v, accepted: accepted, analyzer: c.text.analyzer}
		s.best = newTopK(v, max(k, 0)+1)
		if err := c.searchText(ctx, s, query); err != nil {
			return index.Leg{}, err
		}
		if s.stale && attempt < 3 {
			continue
		}
		leg := index.Leg{Plan: "bm25", Full: s.full, Examined: s.examined, Verified: s.verified}
		leg.Candidates, leg.More = s.best.candidates(max(k, 0))
		return leg, nil
	}
}

type queryTerm struct {
	term   string
	weight float64
}

// cutQuery is the part of a query's text that is looked at.
func cutQuery(text string) string {
	if len(text) <= maxQueryBytes {
		return text
	}
	n := maxQueryBytes
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

func (c *Collection) queryTerms(text string) []queryTerm {
	text = cutQuery(text)
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

// searchText scores the passages of all pieces.
func (c *Collection) searchText(ctx context.Context, s *textSearch, query keywordQuery) (err error) {
	// Damage that came after the files were verified can make reading panic.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: text leg: %v", index.ErrCorrupt, r)
		}
	}()
	err = c.text.read(func(v *textView) error {
		pieces, err := c.text.pieces(v)
		if err != nil {
			return err
		}
		s.pieces = pieces
		if err := s.prepare(ctx, query); err != nil {
			return err
		}
		for i := range pieces {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.piece(i); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.verifyPending(ctx)
}

// textSearch is one keyword query on its way through the pieces.
type textSearch struct {
	view     *view
	analyzer *analysis.Analyzer
	accepted *roaring.Bitmap // all, if nil
	examined int
	stale    bool // the view and the text leg disagreed about a passage

	// Passages go to one of these: the best of those with any of the terms, or
	// the passages that may hold all of the phrases, or, for counting, all
	// documents with any of the terms.
	best     *topK
	phrases  *phraseSearch
	matching *roaring.Bitmap

	pieces []textPiece
	lists  [][]weightedList // by piece
	slope  float64          // of a term's part in the length of a passage
	full   float64          // index.Leg.Full

	also     []*alternatives // of stretches of the query
	pending  []*pending
	verified int // passages that were read
	read     readPassages
}

// weightedList is a term's passages in one piece, with the term's weight and idf.
type weightedList struct {
	textList
	weight float64
}

// prepare finds the passages of all terms and weighs them.
func (s *textSearch) prepare(ctx context.Context, query keywordQuery) error {
	average := max(1, float64(s.view.terms)/float64(max(s.view.passages, 1)))
	s.slope = bm25K1 * bm25B / average
	lists, most, err := s.weigh(ctx, query.terms)
	if err != nil {
		return err
	}
	s.lists, s.full = lists, most/(bm25K1+1)
	return s.prepareAlternatives(ctx, query.also)
}

// weigh finds the passages of terms, by piece, and weighs them; most is what a
// passage with all of them can score.
func (s *textSearch) weigh(ctx context.Context, query []queryTerm) (out [][]weightedList, most float64, err error) {
	out = make([][]weightedList, len(s.pieces))
	lists := make([]textList, len(s.pieces))
	for _, q := range query {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		n := 0
		for i := range s.pieces {
			if lists[i], err = s.pieces[i].list(q.term); err != nil {
				return nil, 0, err
			}
			n += lists[i].n
		}
		total := float64(max(s.view.passages, n))
		weight := q.weight * math.Log(1+(total-float64(n)+0.5)/(float64(n)+0.5)) * (bm25K1 + 1)
		most += weight
		for i, l := range lists {
			if l.n > 0 {
				out[i] = append(out[i], weightedList{l, weight})
			}
		}
	}
	return out, most, nil
}

// scorePool holds score buffers, all zeros.
var scorePool = sync.Pool{New: func() any { return new([]float64) }}

// scoreBuffer returns n zeros, and what gives them back.
func scoreBuffer(n int) (scores []float64, done func()) {
	buf := scorePool.Get().(*[]float64)
	if cap(*buf) < n {
		*buf = make([]float64, n)
	}
	scores = (*buf)[:n]
	return scores, func() {
		clear(scores)
		scorePool.Put(buf)
	}
}

// piece scores a piece's passages and offers them.
func (s *textSearch) piece(i int) error {
	keys, limit := s.pieces[i].keys, s.pieces[i].limit
	if len(s.lists[i]) == 0 && len(s.also) == 0 && s.phrases == nil {
		return nil
	}
	if s.best != nil && len(s.also) == 0 && s.pieces[i].content != nil {
		return s.promising(i)
	}
	scores, done := scoreBuffer(len(keys))
	defer done()
	if err := s.score(s.lists[i], keys, scores); err != nil {
		return err
	}
	open, err := s.grow(i, keys, scores)
	if err != nil {
		return err
	}
	if s.phrases != nil {
		return s.phrases.piece(s, &s.pieces[i], scores, open)
	}
	for n, score := range scores {
		if score <= 0 && len(open) == 0 || keys[n].sequence > limit {
			continue
		}
		if gains := open[n]; gains != nil {
			s.examined++
			if doc, ok := s.find(keys[n]); ok {
				s.pending = append(s.pending, &pending{scored{score, doc, keys[n].ordinal}, gains})
			}
			continue
		}
		if score <= 0 {
			continue
		}
		s.examined++
		if s.matching == nil && !s.best.wants(score) {
			continue
		}
		if doc, ok := s.find(keys[n]); ok {
			s.take(scored{score, doc, keys[n].ordinal})
		}
	}
	return nil
}

// take puts a passage where it belongs.
func (s *textSearch) take(p scored) {
	switch {
	case p.score <= 0:
	case s.matching != nil:
		s.matching.Add(p.doc)
	default:
		s.best.offer(p)
	}
}

// score adds up the scores of a piece's passages, term by term.
func (s *textSearch) score(lists []weightedList, keys []textKey, scores []float64) error {
	for _, l := range lists {
		err := l.each(func(p postings.Posting) {
			scores[p.Passage] += s.partial(l.weight, float64(p.Frequency), keys[p.Passage].length)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// partial is a term's part of a passage's score, in whole 2^-32ths: so a sum of
// parts is exact, in whatever order they are added, as long as it is below 2^20.
func (s *textSearch) partial(weight, tf float64, length uint32) float64 {
	const whole = 3 << 19 // its neighbours are 2^-32 away
	return weight*tf/(tf+bm25K1*(1-bm25B)+s.slope*float64(length)) + whole - whole
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
