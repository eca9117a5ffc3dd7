package wordpiece

import (
	"cmp"
	"container/heap"
	"strings"
)

// merger joins pairs of pieces over all words. It keeps how often each pair
// occurs, and in which words, up to date with every join, so that a join costs
// what changes by it.
type merger struct {
	pieces []string // text of a piece, by its number
	number map[string]int32
	words  []spelling
	pairs  []pair
	at     map[[2]int32]int32 // places in pairs
	queue  queue
	grown  []int32 // pairs that one join has made more frequent
}

// spelling is a word in pieces.
type spelling struct {
	pieces []int32
	count  int64
}

// pair is two pieces side by side.
type pair struct {
	left, right int32
	count       int64
	queued      int64   // the count with which it stands in the queue; 0: it does not
	words       []int32 // that have, or had, the pair
}

// newMerger spells all words with at least two characters in characters.
func newMerger(c *Counts, a *alphabet, least int64) *merger {
	m := &merger{number: make(map[string]int32), at: make(map[[2]int32]int32)}
	m.queue.m = m
	var arena []int32
	for _, w := range c.frequent(least) {
		if !a.spells(w.text) {
			continue
		}
		start := len(arena)
		for i, r := range w.text {
			piece := string(r)
			if i > 0 {
				piece = continuation + piece
			}
			arena = append(arena, m.piece(piece))
		}
		if len(arena)-start < 2 {
			arena = arena[:start]
			continue
		}
		m.words = append(m.words, spelling{arena[start:len(arena):len(arena)], w.count})
	}
	for i, w := range m.words {
		for j := range len(w.pieces) - 1 {
			m.change(w.pieces[j], w.pieces[j+1], int32(i), w.count)
		}
	}
	m.enqueue()
	return m
}

// piece gives the number of a piece, a new one for a new piece.
func (m *merger) piece(text string) int32 {
	n, ok := m.number[text]
	if !ok {
		n = int32(len(m.pieces))
		m.number[text] = n
		m.pieces = append(m.pieces, text)
	}
	return n
}

// change counts a pair up or down in a word.
func (m *merger) change(left, right, word int32, by int64) {
	key := [2]int32{left, right}
	i, ok := m.at[key]
	if !ok {
		i = int32(len(m.pairs))
		m.at[key] = i
		m.pairs = append(m.pairs, pair{left: left, right: right})
	}
	p := &m.pairs[i]
	p.count += by
	if by < 0 {
		return // the queue finds out when it comes to the pair
	}
	if n := len(p.words); n == 0 || p.words[n-1] != word {
		p.words = append(p.words, word)
	}
	if p.count > p.queued {
		m.grown = append(m.grown, i)
	}
}

// enqueue puts the pairs that have grown into the queue.
func (m *merger) enqueue() {
	for _, i := range m.grown {
		if p := &m.pairs[i]; p.count > p.queued {
			p.queued = p.count
			heap.Push(&m.queue, entry{p.count, i})
		}
	}
	m.grown = m.grown[:0]
}

// join joins the most frequent pair wherever it occurs. It gives the piece it
// makes, how often it occurs, 0 if there are no pairs, and whether the piece is
// new: two pairs may make the same one.
func (m *merger) join() (piece string, count int64, fresh bool) {
	i, ok := m.top()
	if !ok {
		return "", 0, false
	}
	p := &m.pairs[i]
	left, right, words := p.left, p.right, p.words
	count = p.count
	piece = m.pieces[left] + strings.TrimPrefix(m.pieces[right], continuation)
	_, known := m.number[piece]
	joined := m.piece(piece)
	p.words, p.queued = nil, 0
	for _, w := range words {
		m.rewrite(w, left, right, joined)
	}
	m.enqueue()
	return piece, count, !known
}

// top takes the most frequent pair out of the queue. Counts in it may be out of
// date: a pair that lost some since goes back in with what it has.
func (m *merger) top() (int32, bool) {
	for len(m.queue.list) > 0 {
		e := heap.Pop(&m.queue).(entry)
		p := &m.pairs[e.pair]
		switch {
		case e.count != p.queued: // a later entry of the same pair counts
		case e.count == p.count:
			return e.pair, true
		default:
			if p.queued = p.count; p.count > 0 {
				heap.Push(&m.queue, entry{p.count, e.pair})
			}
		}
	}
	return 0, false
}

// rewrite joins a pair in a word. Pairs are counted as the word stands after
// each single join: what is behind is already rewritten, what is ahead not yet.
func (m *merger) rewrite(word, left, right, joined int32) {
	w := &m.words[word]
	out := w.pieces[:0]
	for i := 0; i < len(w.pieces); i++ {
		if w.pieces[i] != left || i+1 == len(w.pieces) || w.pieces[i+1] != right {
			out = append(out, w.pieces[i])
			continue
		}
		m.change(left, right, word, -w.count)
		if n := len(out); n > 0 {
			m.change(out[n-1], left, word, -w.count)
			m.change(out[n-1], joined, word, w.count)
		}
		i++
		if i+1 < len(w.pieces) {
			m.change(right, w.pieces[i+1], word, -w.count)
			m.change(joined, w.pieces[i+1], word, w.count)
		}
		out = append(out, joined)
	}
	w.pieces = out
}

// entry is a pair in the queue, with its count when it was put in.
type entry struct {
	count int64
	pair  int32
}

// queue is a heap of pairs: the most frequent first, equals by text.
type queue struct {
	m    *merger
	list []entry
}

func (q *queue) Len() int      { return len(q.list) }
func (q *queue) Swap(i, j int) { q.list[i], q.list[j] = q.list[j], q.list[i] }
func (q *queue) Push(x any)    { q.list = append(q.list, x.(entry)) }

func (q *queue) Pop() any {
	last := q.list[len(q.list)-1]
	q.list = q.list[:len(q.list)-1]
	return last
}

func (q *queue) Less(i, j int) bool {
	a, b := q.list[i], q.list[j]
	if a.count != b.count {
		return a.count > b.count
	}
	p, o := &q.m.pairs[a.pair], &q.m.pairs[b.pair]
	text := q.m.pieces
	return cmp.Or(cmp.Compare(text[p.left], text[o.left]), cmp.Compare(text[p.right], text[o.right])) < 0
}
