// Package answercache remembers questions with their answers: it finds the
// answer that a question got before, that of a question that says the same in
// nearly the same words, and questions that are similar.
package answercache

import (
	"cmp"
	"container/list"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"semdex/internal/kernel"
)

// Options of a cache.
type Options struct {
	Entries int // questions at most
	Bytes   int // of all questions, vectors and answers, about
	// Similarity is the least cosine of a question whose answer is given to
	// another one, Suggest that of a question that is suggested.
	Similarity, Suggest float64
	// OtherWords gives the answer also to a question in other words, as long as
	// none of them contradicts.
	OtherWords bool
}

// Place is where a question was asked. Questions of different places know
// nothing of each other.
type Place struct {
	Collection string
	Created    int64  // of the collection, so that one made anew is another
	Filter     string // in its text form
}

// Question is what was asked.
type Question struct {
	Place
	Text    string
	Vector  []float32 // of length 1; nil finds no others
	Options string    // what else the answer depends on
	State   uint64    // of the collection: answers of an earlier one are never given
}

// Match is a question of the past.
type Match struct {
	Text       string
	Similarity float64   // the cosine; 1 for the same text
	Answered   time.Time // when Answer was found
	Asked      time.Time // the last time
	Times      int       // that it was asked
	Answer     []byte    // of Exact and Near alone; not to be modified
	vector     []float32
}

// Stats of a cache.
type Stats struct {
	Entries, Bytes int
	Evicted        uint64 // to make room
}

// Cache is safe for concurrent use.
type Cache struct {
	o     Options
	level kernel.Level

	mu     sync.Mutex
	places map[Place]map[asked]*entry
	used   list.List // of *entry, the last used in front
	stats  Stats
}

// asked is a question within its place.
type asked struct{ normal, options string }

type entry struct {
	Question
	asked
	wording  wording
	answer   []byte // nil once the collection has changed
	found    bool   // whether there was anything to answer
	answered time.Time
	last     time.Time
	times    int
	at       *list.Element
}

// New returns an empty cache. The error is one of kernel.Choose.
func New(o Options) (*Cache, error) {
	level, err := kernel.Choose(os.Getenv(kernel.EnvLevel))
	if err != nil {
		return nil, fmt.Errorf("answer cache: %w", err)
	}
	return &Cache{o: o, level: level, places: make(map[Place]map[asked]*entry)}, nil
}

// Exact finds the answer to the very question; its vector is not needed.
func (c *Cache) Exact(q Question, now time.Time) (Match, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.places[q.Place][asked{Normal(q.Text), q.Options}]
	if e == nil || !c.valid(e, q) {
		return Match{}, false
	}
	c.used.MoveToFront(e.at)
	e.times++
	e.last = now
	return e.match(1, true), true
}

// Near finds the answer to the most similar question that may stand for q.
func (c *Cache) Near(q Question) (Match, bool) {
	if q.Vector == nil {
		return Match{}, false
	}
	agree := sameWords
	if c.o.OtherWords {
		agree = similarWords
	}
	w := wordingOf(Normal(q.Text))
	c.mu.Lock()
	defer c.mu.Unlock()
	var best *entry
	var similarity float64
	for _, e := range c.places[q.Place] {
		if !c.valid(e, q) || e.options != q.Options {
			continue
		}
		s := c.cosine(q.Vector, e.Vector)
		if s < c.o.Similarity || best != nil && (s < similarity || s == similarity && best.normal < e.normal) || !agree(w, e.wording) {
			continue
		}
		best, similarity = e, s
	}
	if best == nil {
		return Match{}, false
	}
	c.used.MoveToFront(best.at)
	return best.match(similarity, true), true
}

// valid reports whether e's answer holds in the collection as q sees it. One of
// an earlier state never will again, and is dropped.
func (c *Cache) valid(e *entry, q Question) bool {
	if e.State < q.State && e.answer != nil {
		c.stats.Bytes -= len(e.answer)
		e.answer = nil
	}
	return e.State == q.State && e.answer != nil
}

func (c *Cache) cosine(a, b []float32) float64 {
	if len(a) != len(b) {
		return -1
	}
	return min(1, max(-1, float64(c.level.Dot(a, b))))
}

func (e *entry) match(similarity float64, answer bool) Match {
	m := Match{Text: e.Text, Similarity: similarity, Answered: e.answered, Asked: e.last, Times: e.times, vector: e.Vector}
	if answer {
		m.Answer = e.answer
	}
	return m
}

// Put remembers an answer, which stays as it is from now on; found says that it
// is worth suggesting its question. The question must have its vector. What was
// used the longest time ago makes room.
func (c *Cache) Put(q Question, answer []byte, found bool, now time.Time) {
	e := &entry{
		Question: q, asked: asked{Normal(q.Text), q.Options},
		answer: answer, found: found, answered: now, last: now, times: 1,
	}
	e.wording = wordingOf(e.normal)
	if e.bytes() > c.o.Bytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.places[q.Place][e.asked]; old != nil {
		if old.State > q.State {
			return // somebody answered it since
		}
		e.times += old.times
		c.remove(old)
	}
	if c.places[q.Place] == nil {
		c.places[q.Place] = make(map[asked]*entry)
	}
	c.places[q.Place][e.asked] = e
	e.at = c.used.PushFront(e)
	c.stats.Entries++
	c.stats.Bytes += e.bytes()
	for c.stats.Entries > c.o.Entries || c.stats.Bytes > c.o.Bytes {
		c.remove(c.used.Back().Value.(*entry))
		c.stats.Evicted++
	}
}

// overhead is what an entry takes beside its texts, about.
const overhead = 512

// bytes counts the text four times: as it is, normal, and its words.
func (e *entry) bytes() int {
	return overhead + len(e.Collection) + len(e.Filter) + 4*len(e.Text) + len(e.options) + 4*len(e.Vector) + len(e.answer)
}

func (c *Cache) remove(e *entry) {
	delete(c.places[e.Place], e.asked)
	if len(c.places[e.Place]) == 0 {
		delete(c.places, e.Place)
	}
	c.used.Remove(e.at)
	c.stats.Entries--
	c.stats.Bytes -= e.bytes()
}

// Typed finds up to n questions that got an answer for a text that is perhaps
// still being typed: first those that begin as it does, then those near to its
// vector, which may be nil, the most similar first.
func (c *Cache) Typed(p Place, text string, vector []float32, n int) []Match {
	typed := Normal(text)
	return c.list(p, n, func(e *entry) (float64, bool) {
		similarity := c.cosine(vector, e.Vector)
		return similarity, similarity >= c.o.Suggest || typed != "" && strings.HasPrefix(e.normal, typed)
	}, func(a, b *candidate) int {
		return cmp.Or(
			-compareBool(strings.HasPrefix(a.normal, typed), strings.HasPrefix(b.normal, typed)),
			cmp.Compare(b.match.Similarity, a.match.Similarity))
	})
}

// Similar finds up to n questions that got an answer and are similar to q, the
// most similar first, but neither q itself nor the match whose answer it got, if
// any.
func (c *Cache) Similar(q Question, m Match, n int) []Match {
	vector, same, given := q.Vector, Normal(q.Text), Normal(m.Text)
	if vector == nil {
		vector = m.vector
	}
	return c.list(q.Place, n, func(e *entry) (float64, bool) {
		similarity := c.cosine(vector, e.Vector)
		return similarity, similarity >= c.o.Suggest && e.normal != same && e.normal != given
	}, func(a, b *candidate) int { return cmp.Compare(b.match.Similarity, a.match.Similarity) })
}

// Recent lists up to n questions that got an answer, the last asked first.
func (c *Cache) Recent(p Place, n int) []Match {
	return c.list(p, n, func(*entry) (float64, bool) { return 0, true }, func(*candidate, *candidate) int { return 0 })
}

// candidate is a question that was asked with whatever options.
type candidate struct {
	normal string
	match  Match
}

// list gives questions that got an answer and that accept takes, each once, in
// order; of equal ones the last asked comes first.
func (c *Cache) list(p Place, n int, accept func(*entry) (float64, bool), order func(a, b *candidate) int) []Match {
	c.mu.Lock()
	defer c.mu.Unlock()
	byText := make(map[string]*candidate)
	for _, e := range c.places[p] {
		similarity, ok := accept(e)
		if !ok || !e.found {
			continue
		}
		k := byText[e.normal]
		if k == nil {
			byText[e.normal] = &candidate{e.normal, e.match(similarity, false)}
			continue
		}
		times := k.match.Times + e.times
		if e.last.After(k.match.Asked) {
			k.match = e.match(similarity, false)
		}
		k.match.Times = times
	}
	all := make([]*candidate, 0, len(byText))
	for _, k := range byText {
		all = append(all, k)
	}
	slices.SortFunc(all, func(a, b *candidate) int {
		return cmp.Or(order(a, b), b.match.Asked.Compare(a.match.Asked), strings.Compare(a.normal, b.normal))
	})
	matches := make([]Match, 0, min(n, len(all)))
	for _, k := range all[:min(n, len(all))] {
		matches = append(matches, k.match)
	}
	return matches
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// Forget forgets the questions of a collection, or if text is not empty that
// one, whatever filter and options they came with, and reports how many.
func (c *Cache) Forget(collection, text string) int {
	normal := Normal(text)
	c.mu.Lock()
	defer c.mu.Unlock()
	forgotten := make(map[string]bool)
	for p, entries := range c.places {
		if p.Collection != collection {
			continue
		}
		for _, e := range entries {
			if text == "" || e.normal == normal {
				forgotten[e.normal] = true
				c.remove(e)
			}
		}
	}
	return len(forgotten)
}

// Stats tells how full the cache is.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}
