// Package adapt makes what a model needs to learn a user's own texts: pairs that
// belong together (a title and its text, a heading and its section, a sentence and
// the passage it was taken from, neighbours, near duplicates), each with a passage
// that shares its words and belongs elsewhere, and questions to documents that are
// never trained on.
//
//	set, err := adapt.New(ctx, documents, tokenizer, adapt.Options{})
//	m, report, err := static.Tune(ctx, config, tuning, base, set.Data(nil), nil)
//	trial := set.Test()
package adapt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"runtime"
	"slices"
	"strings"

	"semdex/nli/pairs"
)

// A Tokenizer gives the subword ids of a text, without special tokens. It is
// safe for concurrent use.
type Tokenizer interface {
	AppendIDs(dst []int32, text string) []int32
}

// Document is a text cut into passages as a search finds them, and these into
// sentences.
type Document struct {
	ID       string
	Title    string
	Passages [][]Sentence
}

// Sentence is a sentence, or the heading of those that follow it.
type Sentence struct {
	Text    string
	Heading bool
}

// Options of New. Zero values stand for the defaults.
type Options struct {
	// HeldOut is the share of documents that are held out, .2: half of them choose
	// when to stop, half measure.
	HeldOut float64
	// Passages bounds what is read, 40,000; documents beyond are left out by chance.
	Passages int
	// Queries bounds the questions of each half, 1,000.
	Queries int
	// Candidates bounds the passages among which a question has to find its own,
	// 15,000; for the choice of when to stop, a quarter.
	Candidates int
	// Seed of every random choice.
	Seed uint64
	// Workers is the number of goroutines, all cores if it is 0.
	Workers int
}

func (o Options) withDefaults() (Options, error) {
	o.HeldOut = cmp.Or(o.HeldOut, 0.2)
	o.Passages = cmp.Or(o.Passages, 40000)
	o.Queries = cmp.Or(o.Queries, 1000)
	o.Candidates = cmp.Or(o.Candidates, 15000)
	o.Workers = cmp.Or(o.Workers, runtime.GOMAXPROCS(0))
	if !(o.HeldOut > 0 && o.HeldOut <= 0.5) {
		return o, fmt.Errorf("held-out share %g; above 0 and up to .5 make sense", o.HeldOut)
	}
	if o.Passages < 1 || o.Queries < 1 || o.Candidates < 1 || o.Workers < 1 {
		return o, fmt.Errorf("%d passages, %d queries, %d candidates, %d workers: want at least 1 of each", o.Passages, o.Queries, o.Candidates, o.Workers)
	}
	return o, nil
}

// Role is what a document is used for.
type Role uint8

// The roles.
const (
	Train Role = iota
	Dev        // chooses when to stop
	Test       // measures
)

// Counts say what became of the documents.
type Counts struct {
	Documents  int    `json:"documents"`
	Passages   int    `json:"passages"`
	Sentences  int    `json:"sentences"`
	LeftOut    int    `json:"left_out,omitempty"` // documents beyond Options.Passages
	Duplicates int    `json:"near_duplicates"`    // pairs of passages
	Roles      [3]int `json:"documents_train_dev_test"`
}

// What New asks for: fewer documents cannot be held out, fewer questions say
// nothing, fewer pairs teach nothing.
const (
	minDocuments = 8
	minQueries   = 20
	minPairs     = 100
)

// ErrTooLittle says that there is too little text to learn from and to measure on.
var ErrTooLittle = errors.New("too little text")

// Set is texts with their roles.
type Set struct {
	Options
	tok      Tokenizer
	docs     []document
	passages []passage
	common   map[uint64]bool // sentences that stand in several documents
	twins    [][2]int32      // passages that are nearly the same
	counts   Counts
}

type document struct {
	id, title string
	role      Role
	group     int32 // documents with near duplicates of each other share one; from 1
	first     int   // passage
	end       int
}

type passage struct {
	doc       int32
	sentences []Sentence
}

// New reads the documents and gives them their roles. Documents that hold near
// duplicates of each other have the same role, so that nothing is measured on what
// was trained on. Errors wrap ErrTooLittle, or are ctx's.
func New(ctx context.Context, docs []Document, tok Tokenizer, o Options) (*Set, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Set{Options: o, tok: tok, common: map[uint64]bool{}}
	s.read(docs)
	s.markCommon()
	if len(s.docs) < minDocuments {
		return nil, fmt.Errorf("%w: %d documents with %d sentences; it takes at least %d documents, of which some are held out",
			ErrTooLittle, len(s.docs), s.counts.Sentences, minDocuments)
	}
	if err := s.findTwins(ctx); err != nil {
		return nil, err
	}
	s.assign()
	return s, s.check()
}

// Counts says how much text there is.
func (s *Set) Counts() Counts { return s.counts }

// Role is that of a document, by its place among those given to New that have
// text.
func (s *Set) Role(i int) Role { return s.docs[i].role }

// read keeps documents with text, up to Options.Passages.
func (s *Set) read(docs []Document) {
	order := make([]int, len(docs))
	total := 0
	for i := range docs {
		order[i] = i
		total += len(docs[i].Passages)
	}
	if total > s.Options.Passages { // a sample that does not depend on the order
		slices.SortFunc(order, func(a, b int) int {
			return cmp.Or(cmp.Compare(s.lot("read", docs[a].ID), s.lot("read", docs[b].ID)), cmp.Compare(a, b))
		})
	}
	for _, i := range order {
		if len(s.passages) > 0 && len(s.passages)+len(docs[i].Passages) > s.Options.Passages {
			s.counts.LeftOut++
			continue
		}
		s.add(docs[i])
	}
	s.counts.Documents, s.counts.Passages = len(s.docs), len(s.passages)
}

func (s *Set) add(d Document) {
	doc := document{id: d.ID, title: clean(d.Title), group: int32(len(s.docs) + 1), first: len(s.passages)}
	at := int32(len(s.docs))
	for _, sentences := range d.Passages {
		list := sentencesOf(sentences)
		if len(s.passages) == doc.first {
			list = withoutTitle(list, doc.title)
		}
		if len(list) > 0 {
			s.passages = append(s.passages, passage{at, list})
			s.counts.Sentences += len(list)
		}
	}
	if doc.end = len(s.passages); doc.end > doc.first {
		s.docs = append(s.docs, doc)
	}
}

// markCommon finds sentences that several documents share, such as notices: they
// belong to none of them.
func (s *Set) markCommon() {
	in := map[uint64]int32{}
	for _, p := range s.passages {
		for _, sentence := range p.sentences {
			k := key(sentence.Text)
			if doc, ok := in[k]; ok && doc != p.doc {
				s.common[k] = true
			}
			in[k] = p.doc
		}
	}
}

// assign draws the roles: for the test and then for the choice of when to stop,
// whole groups until there are documents and questions enough, and never so many
// that less than half is left to train on.
func (s *Set) assign() {
	groups := map[int32][]int{}
	for i, d := range s.docs {
		groups[d.group] = append(groups[d.group], i)
	}
	order := make([]int32, 0, len(groups))
	for g := range groups {
		order = append(order, g)
	}
	lot := func(g int32) uint64 { return s.lot("role", s.docs[groups[g][0]].id) }
	slices.SortFunc(order, func(a, b int32) int { return cmp.Or(cmp.Compare(lot(a), lot(b)), cmp.Compare(a, b)) })
	n := len(s.docs)
	want, most := max(1, int(float64(n)*s.HeldOut/2+.5)), n/4
	for _, role := range []Role{Test, Dev} {
		docs, queries := 0, 0
		for _, g := range order {
			members := groups[g]
			if s.docs[members[0]].role != Train || docs+len(members) > max(want, most) {
				continue
			}
			if docs >= want && queries >= minQueries || len(members) > max(1, want/2) {
				continue
			}
			for _, i := range members {
				s.docs[i].role = role
				queries += s.questions(i)
			}
			docs += len(members)
		}
	}
	for _, d := range s.docs {
		s.counts.Roles[d.role]++
	}
}

// check says what is missing.
func (s *Set) check() error {
	var queries [3]int
	pairs := 0
	for i, d := range s.docs {
		queries[d.role] += s.questions(i)
		if d.role == Train {
			pairs += s.questions(i)
		}
	}
	if queries[Dev] < minQueries || queries[Test] < minQueries || pairs < minPairs {
		return fmt.Errorf("%w: %d documents with %d sentences give %d training pairs and %d and %d held-out questions; it takes at least %d, and %d of each: some %d passages of two sentences or more, in several documents",
			ErrTooLittle, len(s.docs), s.counts.Sentences, pairs, queries[Dev], queries[Test], minPairs, minQueries, minPairs+2*minQueries)
	}
	return nil
}

// questions is the number of questions that a document can be asked: its title,
// and a sentence of every passage.
func (s *Set) questions(i int) int {
	n := 0
	if s.docs[i].title != "" {
		n++
	}
	for _, p := range s.passages[s.docs[i].first:s.docs[i].end] {
		if len(s.clozes(p)) > 0 {
			n++
		}
	}
	return n
}

// A sentence asks for its passage if it has so many letters and leaves as many.
const minLetters = 20

// clozes are the sentences of a passage that can ask for the rest of it.
func (s *Set) clozes(p passage) []int {
	total := 0
	for _, sentence := range p.sentences {
		total += letters(sentence.Text)
	}
	var out []int
	for i, sentence := range p.sentences {
		n := letters(sentence.Text)
		if !sentence.Heading && n >= minLetters && total-n >= minLetters && !s.common[key(sentence.Text)] {
			out = append(out, i)
		}
	}
	return out
}

// lot is a number that the seed, a purpose and a name decide.
func (s *Set) lot(purpose, name string) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d\x00%s\x00%s", s.Seed, purpose, name)
	x := h.Sum64()
	x ^= x >> 33 // the finalizer of MurmurHash3: FNV's upper bits change little between short names
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// text is a passage's sentences but one (-1: all) as one text.
func (p passage) text(without int) string {
	parts := make([]string, 0, len(p.sentences))
	for i, sentence := range p.sentences {
		if i != without {
			parts = append(parts, sentence.Text)
		}
	}
	return strings.Join(parts, " ")
}

// licence of everything that is trained on here.
const licence = "the user's own"

// Data is the training pairs, behind those of more, which may be nil and is not
// changed. Nothing of a held-out document is in it.
func (s *Set) Data(ctx context.Context, more *pairs.Data) (*pairs.Data, error) {
	b := &builder{Set: s, data: &pairs.Data{}}
	if more != nil {
		b.data.Texts = slices.Clone(more.Texts)
		b.data.Sources = slices.Clone(more.Sources)
	}
	if err := b.build(ctx); err != nil {
		return nil, err
	}
	return b.data, nil
}
