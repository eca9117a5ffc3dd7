package local

import (
	"cmp"
	"context"
	"slices"

	"semdex/index"
	"semdex/index/local/analysis"
)

// keywordQuery is an index.Words, analyzed.
type keywordQuery struct {
	terms []queryTerm
	also  []expansion
}

// expansion is an index.Expansion, analyzed.
type expansion struct {
	own      []queryTerm // of the stretch, as far as the query looks for them
	synonyms []synonymTerms
}

type synonymTerms struct {
	terms  []queryTerm
	phrase analysis.Phrase // nil for a single word
}

func (c *Collection) keywordQuery(words index.Words) keywordQuery {
	q := keywordQuery{terms: c.queryTerms(words.Text)}
	if len(words.Also) == 0 {
		return q
	}
	weights := make(map[string]float64, len(q.terms))
	for _, t := range q.terms {
		weights[t.term] = t.weight
	}
	cut := newCutter(words.Text)
	for _, also := range words.Also {
		var e expansion
		for _, t := range c.queryTerms(cut.runes(also.Start, also.End)) {
			if w, ok := weights[t.term]; ok {
				e.own = append(e.own, queryTerm{t.term, w})
			}
		}
		for _, s := range also.Synonyms {
			st := synonymTerms{terms: c.queryTerms(s)}
			if p := c.text.analyzer.Phrase(s); len(p) > 1 {
				st.phrase = p
			}
			e.synonyms = append(e.synonyms, st)
		}
		q.also = append(q.also, e)
	}
	return q
}

// alternatives are an expansion with its postings.
type alternatives struct {
	own      [][]weightedList // by piece
	synonyms []alternative
}

type alternative struct {
	lists  [][]weightedList
	phrase analysis.Phrase
	factor float64 // of its score
}

// prepareAlternatives finds the postings of expansions; see index.Thesaurus for
// what they count.
func (s *textSearch) prepareAlternatives(ctx context.Context, also []expansion) error {
	for _, e := range also {
		own, most, err := s.weigh(ctx, e.own)
		if err != nil {
			return err
		}
		a := &alternatives{own: own}
		for _, st := range e.synonyms {
			lists, theirs, err := s.weigh(ctx, st.terms)
			if err != nil {
				return err
			}
			factor := index.SynonymWeight
			if len(e.own) > 0 && most < theirs {
				factor *= most / theirs
			}
			a.synonyms = append(a.synonyms, alternative{lists, st.phrase, factor})
		}
		s.also = append(s.also, a)
	}
	return nil
}

// gain is what a phrase adds to a passage's score if it stands there. Of the
// gains of one expansion the largest counts.
type gain struct {
	expansion int
	phrase    analysis.Phrase
	score     float64
}

// pending is a passage of which gains are open.
type pending struct {
	scored
	gains []gain
}

// grow adds to a piece's scores what synonyms of one word add. What those of
// several add is open: it depends on how the words stand.
func (s *textSearch) grow(piece int, keys []textKey, scores []float64) (open map[int][]gain, err error) {
	open = make(map[int][]gain)
	for i, a := range s.also {
		if err := s.growBy(i, a, piece, keys, scores, open); err != nil {
			return nil, err
		}
	}
	return open, nil
}

func (s *textSearch) growBy(i int, a *alternatives, piece int, keys []textKey, scores []float64, open map[int][]gain) error {
	level, done := scoreBuffer(len(keys)) // what the stretch has brought so far
	defer done()
	if err := s.score(a.own[piece], keys, level); err != nil {
		return err
	}
	for _, synonym := range a.synonyms {
		if synonym.phrase == nil && len(synonym.lists[piece]) > 0 {
			if err := s.raise(synonym, piece, keys, level, scores); err != nil {
				return err
			}
		}
	}
	for _, synonym := range a.synonyms {
		if synonym.phrase != nil && len(synonym.lists[piece]) > 0 {
			if err := s.raiseOpen(i, synonym, piece, keys, level, open); err != nil {
				return err
			}
		}
	}
	return nil
}

// raise lifts levels, and scores with them, to those of a synonym.
func (s *textSearch) raise(a alternative, piece int, keys []textKey, level, scores []float64) error {
	theirs, done := scoreBuffer(len(keys))
	defer done()
	if err := s.score(a.lists[piece], keys, theirs); err != nil {
		return err
	}
	for n, score := range theirs {
		if more := a.factor*score - level[n]; more > 0 {
			level[n] += more
			scores[n] += more
		}
	}
	return nil
}

// raiseOpen notes where a phrase would lift the level.
func (s *textSearch) raiseOpen(i int, a alternative, piece int, keys []textKey, level []float64, open map[int][]gain) error {
	theirs, done := scoreBuffer(len(keys))
	defer done()
	if err := s.score(a.lists[piece], keys, theirs); err != nil {
		return err
	}
	maybe, err := withWords(&s.pieces[piece], a.phrase)
	if err != nil {
		return err
	}
	for it := maybe.Iterator(); it.HasNext(); {
		n := int(it.Next())
		if n >= len(keys) {
			return errBeyond
		}
		if more := a.factor*theirs[n] - level[n]; more > 0 {
			open[n] = append(open[n], gain{i, a.phrase, more})
		}
	}
	return nil
}

// sum is what gains add up to: the largest of each expansion.
func sum(gains []gain) (total float64) {
	for i, g := range gains {
		largest := true
		for j, o := range gains {
			if o.expansion == g.expansion && (o.score > g.score || o.score == g.score && j < i) {
				largest = false
			}
		}
		if largest {
			total += g.score
		}
	}
	return total
}

// verifyPending decides the open passages, the most promising first, as far as
// they may come in.
func (s *textSearch) verifyPending(ctx context.Context) error {
	upper := make(map[*pending]float64, len(s.pending))
	for _, p := range s.pending {
		upper[p] = p.score + sum(p.gains)
	}
	slices.SortFunc(s.pending, func(a, b *pending) int {
		return cmp.Or(cmp.Compare(upper[b], upper[a]), cmp.Compare(a.doc, b.doc), cmp.Compare(a.ordinal, b.ordinal))
	})
	for _, p := range s.pending {
		if s.matching == nil && !s.best.wants(upper[p]) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.matching == nil || p.score <= 0 {
			if err := s.verify(p); err != nil {
				return err
			}
		}
		s.take(p.scored)
	}
	return nil
}

// verify adds to a passage's score the gains of the phrases that it holds.
func (s *textSearch) verify(p *pending) error {
	if len(p.gains) == 0 || s.verified >= index.MaxVerified {
		return nil
	}
	s.verified++
	title, body, ok, err := s.read.words(s, p.doc, p.ordinal)
	if err != nil || !ok {
		return err
	}
	p.gains = slices.DeleteFunc(p.gains, func(g gain) bool { return !g.phrase.In(body) && !g.phrase.In(title) })
	p.score += sum(p.gains)
	p.gains = nil
	return nil
}

// readPassages remembers the document that was read last.
type readPassages struct {
	doc    uint32
	record *index.Record
	title  analysis.Words
}

// words are those of a passage and its title; false if it is gone meanwhile.
func (r *readPassages) words(s *textSearch, doc, ordinal uint32) (title, body analysis.Words, ok bool, err error) {
	if r.record == nil || r.doc != doc {
		record, ok, err := s.view.docs[doc].load()
		if err != nil || !ok {
			return nil, nil, false, err
		}
		*r = readPassages{doc, &record, s.analyzer.Words(record.Title)}
	}
	if int(ordinal) >= len(r.record.Passages) {
		return nil, nil, false, nil
	}
	p := r.record.Passages[ordinal]
	return r.title, s.analyzer.Words(newCutter(r.record.Text).runes(p.Start, p.End)), true, nil
}
