package adapt

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"semdex/nli/pairs"
)

// Trial is questions to held-out documents.
type Trial struct {
	Candidates []Candidate
	Queries    []Query
}

// Candidate is a passage without its title, and without the sentence that asks for
// it. Two of one ID are never in a trial.
type Candidate struct {
	ID, Text string
}

// The kinds of queries.
const (
	ByTitle    = "title"    // finds the passages of its document
	BySentence = "sentence" // finds the passage it was taken from
)

// Query is a question and the places of its answers among the candidates.
type Query struct {
	Kind, Text string
	Relevant   []int32
}

// Dev is the questions that choose when to stop.
func (s *Set) Dev() *Trial { return s.trial(Dev, max(1, s.Options.Candidates/4)) }

// Test is the questions that measure.
func (s *Set) Test() *Trial { return s.trial(Test, s.Options.Candidates) }

// Retrieval is the trial as a development set.
func (t *Trial) Retrieval(name string) pairs.RetrievalSet {
	set := pairs.RetrievalSet{Name: name}
	for _, c := range t.Candidates {
		set.Documents = append(set.Documents, c.Text)
	}
	for _, q := range t.Queries {
		relevant := make([]int, len(q.Relevant))
		for i, r := range q.Relevant {
			relevant[i] = int(r)
		}
		set.Queries, set.Relevant = append(set.Queries, q.Text), append(set.Relevant, relevant)
	}
	return set
}

// cloze is a sentence of a passage that asks for the rest.
type cloze struct{ passage, sentence int }

// trial draws the questions to the documents of a role, and other passages to make
// it hard to find the right one.
func (s *Set) trial(role Role, most int) *Trial {
	var titles []int   // documents
	var clozes []cloze // one of a passage
	for i, d := range s.docs {
		if d.role != role {
			continue
		}
		if d.title != "" {
			titles = append(titles, i)
		}
		for j := d.first; j < d.end; j++ {
			if list := s.clozes(s.passages[j]); len(list) > 0 {
				pick := s.lot("cloze", s.name(j)) % uint64(len(list))
				clozes = append(clozes, cloze{j, list[pick]})
			}
		}
	}
	sortBy(titles, func(i int) uint64 { return s.lot("title", s.docs[i].id) })
	sortBy(clozes, func(c cloze) uint64 { return s.lot("sentence", s.name(c.passage)) })
	half := s.Queries / 2
	titles = titles[:min(len(titles), max(half, s.Queries-len(clozes)))]
	clozes = clozes[:min(len(clozes), s.Queries-len(titles))]
	return s.ask(role, titles, clozes, most)
}

// sortBy sorts by lots, which differ but for an unlikely chance.
func sortBy[T any](list []T, lot func(T) uint64) {
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(lot(a), lot(b)) })
}

// ask makes a trial of chosen questions.
func (s *Set) ask(role Role, titles []int, clozes []cloze, most int) *Trial {
	t := &Trial{}
	place := make(map[int]int32)
	removed := make(map[int]int, len(clozes))
	for _, c := range clozes {
		removed[c.passage] = c.sentence
	}
	add := func(i int) {
		without := -1
		if sentence, ok := removed[i]; ok {
			without = sentence
		}
		place[i] = int32(len(t.Candidates))
		t.Candidates = append(t.Candidates, Candidate{s.name(i), s.passages[i].text(without)})
	}
	for _, c := range clozes {
		add(c.passage)
	}
	for _, d := range titles {
		for i := s.docs[d].first; i < s.docs[d].end; i++ {
			if _, ok := place[i]; !ok {
				add(i)
			}
		}
	}
	var others []int
	for i := range s.passages {
		if _, ok := place[i]; !ok {
			others = append(others, i)
		}
	}
	sortBy(others, func(i int) uint64 { return s.lot("other", s.name(i)) })
	for _, i := range others[:max(0, min(len(others), most-len(t.Candidates)))] {
		add(i)
	}
	for _, d := range titles {
		q := Query{Kind: ByTitle, Text: s.docs[d].title}
		for i := s.docs[d].first; i < s.docs[d].end; i++ {
			q.Relevant = append(q.Relevant, place[i])
		}
		t.Queries = append(t.Queries, q)
	}
	for _, c := range clozes {
		t.Queries = append(t.Queries, Query{BySentence, s.passages[c.passage].sentences[c.sentence].Text, []int32{place[c.passage]}})
	}
	return t
}

// name is a passage's name within the set.
func (s *Set) name(i int) string {
	d := s.passages[i].doc
	return fmt.Sprintf("%d-%d", d, i-s.docs[d].first)
}

// Worn is the trial with the questions that keywords do not answer: those for which
// BM25 finds another passage first, as they are or after they have lost the words
// that lead there, the weightiest first and at most half of them. Questions that
// hold out are left out.
func (t *Trial) Worn(ctx context.Context, tok Tokenizer, workers int) (*Trial, error) {
	texts := make([][]int32, len(t.Candidates))
	for i, c := range t.Candidates {
		texts[i] = tok.AppendIDs(nil, c.Text)
	}
	x := newBM25(texts)
	worn := make([]string, len(t.Queries))
	err := x.each(ctx, workers, len(t.Queries), func(s *scorer, i int) {
		worn[i] = wear(s, tok, t.Queries[i])
	})
	if err != nil {
		return nil, err
	}
	out := &Trial{Candidates: t.Candidates}
	for i, q := range t.Queries {
		if worn[i] != "" {
			out.Queries = append(out.Queries, Query{q.Kind, worn[i], q.Relevant})
		}
	}
	return out, nil
}

// wear takes words off a question until BM25 finds another passage first; "" if it
// does not come to that.
func wear(s *scorer, tok Tokenizer, q Query) string {
	list := strings.Fields(q.Text)
	for left := (len(list) + 1) / 2; ; {
		s.score(tok.AppendIDs(nil, strings.Join(list, " ")))
		if s.rank(q.Relevant) > 1 {
			return strings.Join(list, " ")
		}
		heaviest, top := -1, 0.0
		for i, word := range list {
			var sum float64
			for _, id := range tok.AppendIDs(nil, word) {
				for _, r := range q.Relevant {
					sum += s.of(id, r)
				}
			}
			if sum > top {
				heaviest, top = i, sum
			}
		}
		if heaviest < 0 || len(list) <= left || len(list) == 1 {
			return ""
		}
		list = slices.Delete(list, heaviest, heaviest+1)
	}
}
