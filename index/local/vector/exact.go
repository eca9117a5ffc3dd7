package vector

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"
	"sync"

	"semdex/internal/kernel"
)

// scanShare is the number of rows that make a goroutine of its own worth
// starting: about a tenth of a millisecond of work.
const scanShare = 8192

// Exact finds rows by comparing the query with every accepted one. Its results
// are exact: int8 codes only choose the rows whose float32 dot products are
// computed, by a bound that no row escapes. Where that leaves very many rows,
// all about as far from the query, the bound is the likely one: more than eight
// standard deviations of what codes are off by.
type Exact struct {
	rows     Rows
	from, to int
	level    kernel.Level
	workers  int
}

// NewExact returns an index over rows from lo to before hi.
func NewExact(rows Rows, lo, hi int, level kernel.Level) *Exact {
	return &Exact{rows: rows, from: lo, to: max(lo, min(hi, rows.Len())), level: level, workers: runtime.GOMAXPROCS(0)}
}

// Len implements Index.
func (e *Exact) Len() int { return e.to - e.from }

// Bytes implements Index.
func (e *Exact) Bytes() int64 { return int64(e.Len()) * int64(codeStride(e.rows.dims)+4) }

// Search implements Index.
func (e *Exact) Search(ctx context.Context, q Query) ([]Hit, Stats, error) {
	stats := Stats{Plan: PlanExact}
	if q.K <= 0 || e.Len() == 0 {
		return nil, stats, ctx.Err()
	}
	var t target
	t.prepare(q.Vector)
	var list []uint32 // nil for all rows
	n := e.Len()
	if q.Accept != nil {
		list = q.Accept.appendRows(make([]uint32, 0, min(q.Accept.Count, n)), uint32(e.from), uint32(e.to))
		n = len(list)
	}
	workers := max(1, min(e.workers, n/scanShare))
	scans := make([]*scan, workers)
	var wg sync.WaitGroup
	for w := range workers {
		s := newScan(e, &t, q)
		scans[w] = s
		lo, hi := n*w/workers, n*(w+1)/workers
		run := func() {
			if list == nil {
				s.all(ctx, e.from+lo, e.from+hi)
			} else {
				s.list(ctx, list[lo:hi])
			}
			s.rescore()
		}
		if w == workers-1 {
			run()
			break
		}
		wg.Go(run)
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, stats, err
	}
	best := scans[0].best
	for w, s := range scans {
		stats.Add(s.stats)
		if w > 0 {
			for _, h := range s.best.hits {
				best.offer(h)
			}
		}
	}
	return best.sorted(), stats, nil
}

// scan is one goroutine's share of a search. It keeps the rows that may be
// among the best: those whose codes come closer to the k-th best codes so far
// than the two can be off.
type scan struct {
	e      *Exact
	target *target
	slack  float32 // two bounds, in units of the codes' scores
	likely float32 // the same for likely bounds
	best   *top

	floor []float32   // a heap of the k best codes' scores, the worst on top
	kept  []candidate // all that may be among the best
	tidy  int         // length of kept from which it pays to look through it

	at   [blockRows]uint32
	sums [blockRows]int32
	out  [blockRows]float32

	stats Stats
}

// candidate is a row with the score of its codes.
type candidate struct {
	score float32
	row   uint32
}

func newScan(e *Exact, t *target, q Query) *scan {
	s := &scan{e: e, target: t, best: newTop(q.K, q.Before), tidy: 4*q.K + 256}
	if t.scale > 0 {
		s.slack = 2 * e.rows.bound(t) / t.scale
		s.likely = s.slack * float32(min(1, 6/math.Sqrt(float64(e.rows.dims))))
	}
	return s
}

// all scans rows from lo to before hi.
func (s *scan) all(ctx context.Context, lo, hi int) {
	for lo < hi && ctx.Err() == nil {
		for range 16 {
			if lo == hi {
				break
			}
			f, at := s.e.rows.piece(lo)
			n := min(blockRows, len(f.scales)-at, hi-lo)
			for i := range n {
				s.at[i] = uint32(at + i)
			}
			s.piece(f, n, uint32(lo-at))
			lo += n
		}
	}
}

// list scans the rows listed, which ascend but for documents out of order.
func (s *scan) list(ctx context.Context, rows []uint32) {
	for len(rows) > 0 && ctx.Err() == nil {
		f, at := s.e.rows.piece(int(rows[0]))
		first := rows[0] - uint32(at)
		n := 0
		for n < min(blockRows, len(rows)) && rows[n]-first < uint32(len(f.scales)) {
			s.at[n] = rows[n] - first
			n++
		}
		s.piece(f, n, first)
		rows = rows[n:]
	}
}

// piece looks at the first n rows of s.at, which count from first.
func (s *scan) piece(f *flat, n int, first uint32) {
	f.dots(s.e.level, s.out[:n], s.sums[:], s.target.codes, s.at[:n])
	s.stats.Distances += n
	least := s.least()
	for i, score := range s.out[:n] {
		if score < least || f.scales[s.at[i]] == 0 {
			continue
		}
		s.kept = append(s.kept, candidate{score, first + s.at[i]})
		if s.raise(score) {
			least = s.least()
		}
	}
	if len(s.kept) > s.tidy {
		s.drop()
	}
}

// least is the score from which a row may be among the best.
func (s *scan) least() float32 {
	if len(s.floor) < s.best.k {
		return -inf
	}
	return s.floor[0] - s.slack
}

// raise counts a score among the k best; false if it is none.
func (s *scan) raise(score float32) bool {
	h := s.floor
	if len(h) < s.best.k {
		h = append(h, score)
		for i := len(h) - 1; i > 0 && h[i] < h[(i-1)/2]; i = (i - 1) / 2 {
			h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
		}
		s.floor = h
		return len(h) == s.best.k
	}
	if score <= h[0] {
		return false
	}
	h[0] = score
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1] < h[child] {
			child++
		}
		if h[i] <= h[child] {
			break
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
	return true
}

// drop forgets what is not among the best any more.
func (s *scan) drop() {
	under := func(c candidate) bool { return c.score < s.least() }
	s.kept = slices.DeleteFunc(s.kept, under)
	if len(s.kept) > 32*s.best.k+512 {
		s.slack = s.likely
		s.kept = slices.DeleteFunc(s.kept, under)
	}
	s.tidy = max(s.tidy, 2*len(s.kept))
}

// rescore offers the kept rows with their float32 dot products, the most
// promising first.
func (s *scan) rescore() {
	s.drop()
	slices.SortFunc(s.kept, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.row, b.row))
	})
	half := s.slack / 2
	for _, c := range s.kept {
		if s.best.full() && (c.score+half)*s.target.scale < s.best.hits[0].Score {
			break
		}
		s.stats.Rescored++
		score := s.e.level.Dot(s.target.values, s.e.rows.At(int(c.row)))
		if s.best.wants(score) {
			s.best.offer(Hit{c.row, score})
		}
	}
}
