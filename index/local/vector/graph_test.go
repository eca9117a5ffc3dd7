package vector

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

func build(t testing.TB, rows Rows, p Params) *Graph {
	t.Helper()
	g, err := Build(t.Context(), rows, p, bestLevel(t))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// sameGraph compares two graphs link by link.
func sameGraph(a, b *Graph) error {
	if a.count != b.count || len(a.layers) != len(b.layers) {
		return fmt.Errorf("%d rows in %d layers, %d in %d", a.count, len(a.layers), b.count, len(b.layers))
	}
	for i := range a.layers {
		x, y := &a.layers[i], &b.layers[i]
		if !slices.Equal(x.links, y.links) || !slices.Equal(x.rows, y.rows) || !slices.Equal(x.down, y.down) {
			return fmt.Errorf("layer %d differs", i)
		}
	}
	return nil
}

// sound verifies what a graph promises: links that refer to other nodes, once
// each, and every row with a vector within reach.
func sound(t *testing.T, g *Graph) {
	t.Helper()
	if err := g.check(); err != nil {
		t.Fatal(err)
	}
	for i := range g.layers {
		l := &g.layers[i]
		for node := range uint32(l.nodes()) {
			links := l.neighbours(node)
			links = links[:degree(links)]
			sorted := slices.Clone(links)
			slices.Sort(sorted)
			if len(slices.Compact(sorted)) != len(links) || slices.Contains(links, node) {
				t.Fatalf("layer %d: node %d has links %v", i, node, links)
			}
		}
	}
	if lost := g.Unreachable(); lost != 0 {
		t.Fatalf("%d of %d rows cannot be reached", lost, g.count)
	}
}

func meanRecall(t *testing.T, x Index, rows *Rows, queries [][]float32, q Query) float64 {
	t.Helper()
	var sum float64
	for _, v := range queries {
		q.Vector = v
		got, _, err := x.Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		want := bruteForce(t, rows, q)
		if len(got) != len(want) {
			t.Fatalf("%d hits, want %d", len(got), len(want))
		}
		sum += recallOf(got, want)
	}
	return sum / float64(len(queries))
}

// Sizes and vectors at the edges: every search gives as many hits as brute
// force, and with as many candidates as rows the same ones.
func TestGraphEdges(t *testing.T) {
	r := newRand(t)
	for _, n := range []int{0, 1, 2, 3, 40, 1023, 1024, 1025, 2100} {
		for _, dims := range []int{1, 2, 33} {
			rows := rowsOf(dims, awkward(r, n, dims))
			g := build(t, rows, Params{M: 4, EFConstruction: 20, Seed: r.Uint64()})
			sound(t, g)
			for _, k := range []int{0, 1, 10, n, n + 5} {
				q := Query{Vector: normal(r, dims), K: k, EF: n}
				got, _, err := g.Search(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				if want := bruteForce(t, &rows, q); !equalHits(got, want) {
					t.Fatalf("%d rows of %d values, k = %d: %v, want %v", n, dims, k, got, want)
				}
			}
		}
	}
}

func TestGraphOfZerosAndEqualVectors(t *testing.T) {
	r := newRand(t)
	const n, dims = 3000, 16
	x := normal(r, dims)
	for name, vectors := range map[string][][]float32{
		"zeros":           make([][]float32, n),
		"equal":           slices.Repeat([][]float32{x}, n),
		"equal and zeros": append(make([][]float32, n), slices.Repeat([][]float32{x}, n)...),
	} {
		rows := rowsOf(dims, vectors)
		g := build(t, rows, Params{})
		sound(t, g)
		got, _, err := g.Search(t.Context(), Query{Vector: x, K: 10, EF: 30})
		if err != nil {
			t.Fatal(err)
		}
		if want := bruteForce(t, &rows, Query{Vector: x, K: 10}); len(got) != len(want) {
			t.Errorf("%s: %d hits, want %d", name, len(got), len(want))
		}
	}
}

func TestGraphRecall(t *testing.T) {
	r := newRand(t)
	const n, dims = 20_000, 64
	all := clustered(r, n+100, dims, 200, 0.7)
	rows := rowsOf(dims, all[:n])
	g := build(t, rows, Params{})
	sound(t, g)
	for _, c := range []struct {
		ef   int
		want float64
	}{{0, 0.97}, {30, 0.90}, {200, 0.99}} {
		if got := meanRecall(t, g, &rows, all[n:], Query{K: 10, EF: c.ef}); got < c.want {
			t.Errorf("ef %d: recall %.3f, want %.2f", c.ef, got, c.want)
		}
	}
	if got, err := Recall(t.Context(), g, &rows, bestLevel(t), 30, 10); err != nil || got < 0.95 {
		t.Errorf("of its own rows: recall %.3f, %v", got, err)
	}
	filtersKeepRecall(t, g, &rows, all[n:])
}

// filtersKeepRecall searches with filters of every size, at random and such
// that what they accept is far from the query.
func filtersKeepRecall(t *testing.T, g *Graph, rows *Rows, queries [][]float32) {
	r := newRand(t)
	for _, share := range []float64{0.9, 0.5, 0.1, 0.01, 0.001, 0} {
		var some []uint32
		for i := range uint32(rows.Len()) {
			if r.Float64() < share {
				some = append(some, i)
			}
		}
		for _, ef := range []int{0, 64} { // 64: walk whatever the plan would be
			q := Query{K: 10, EF: ef, Accept: AcceptRows(some)}
			if got := meanRecall(t, g, rows, queries, q); got < 0.95 {
				t.Errorf("random filter of %v, ef %d: recall %.3f", share, ef, got)
			}
			var sum float64
			for _, v := range queries[:20] {
				order := bruteForce(t, rows, Query{Vector: v, K: rows.Len()})
				far := order[len(order)-int(share*float64(len(order))):]
				var accepted []uint32
				for _, h := range far {
					accepted = append(accepted, h.Row)
				}
				q := Query{Vector: v, K: 10, EF: ef, Accept: AcceptRows(accepted)}
				got, _, err := g.Search(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				sum += recallOf(got, far[:min(10, len(far))])
			}
			if sum/20 < 0.95 {
				t.Errorf("far filter of %v, ef %d: recall %.3f", share, ef, sum/20)
			}
		}
	}
}

// The graph depends on rows and seed alone, not on who builds it.
func TestGraphIsDeterministic(t *testing.T) {
	r := newRand(t)
	rows := rowsOf(32, clustered(r, 5000, 32, 50, 0.6))
	one := build(t, rows, Params{Workers: 1, Seed: 3})
	for _, workers := range []int{2, 5} {
		if err := sameGraph(one, build(t, rows, Params{Workers: workers, Seed: 3})); err != nil {
			t.Errorf("%d workers: %v", workers, err)
		}
	}
	if sameGraph(one, build(t, rows, Params{Workers: 1, Seed: 4})) == nil {
		t.Error("the seed changes nothing")
	}
}

func TestGraphExtend(t *testing.T) {
	r := newRand(t)
	const n, dims = 6000, 32
	all := clustered(r, n+50, dims, 100, 0.6)
	rows := rowsOf(dims, all[:n/3])
	g := build(t, rows, Params{})
	before := build(t, rows, Params{})
	for _, x := range all[n/3 : n] {
		rows.Append(x)
	}
	more, err := g.Extend(t.Context(), rows, Params{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	sound(t, more)
	if err := sameGraph(g, before); err != nil {
		t.Errorf("the graph that was extended has changed: %v", err)
	}
	if got := meanRecall(t, more, &rows, all[n:], Query{K: 10, EF: 100}); got < 0.97 {
		t.Errorf("recall %.3f", got)
	}
	if _, err := more.Extend(t.Context(), rowsOf(dims, all[:10]), Params{Workers: 2}); err == nil {
		t.Error("extended by fewer rows than it has")
	}
}

// Searches from many goroutines give what one gives.
func TestGraphConcurrent(t *testing.T) {
	r := newRand(t)
	const n, dims = 4000, 32
	all := clustered(r, n+40, dims, 50, 0.6)
	rows := rowsOf(dims, all[:n])
	g := build(t, rows, Params{})
	search := func(i int) []Hit {
		hits, _, err := g.Search(t.Context(), Query{Vector: all[n+i], K: 10, EF: 40 + i})
		if err != nil {
			t.Error(err)
		}
		return hits
	}
	want := make([][]Hit, 40)
	for i := range want {
		want[i] = search(i)
	}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range want {
				i = (i + 5*w) % len(want)
				if got := search(i); !equalHits(got, want[i]) {
					t.Errorf("query %d: %v, want %v", i, got, want[i])
				}
			}
		})
	}
	wg.Wait()
}

// After the first search a walk allocates only its results.
func TestGraphAllocations(t *testing.T) {
	r := newRand(t)
	rows := rowsOf(64, clustered(r, 4000, 64, 50, 0.6))
	g := build(t, rows, Params{})
	q := Query{Vector: normal(r, 64), K: 10, EF: 50}
	ctx := t.Context()
	if n := testing.AllocsPerRun(50, func() { _, _, _ = g.Search(ctx, q) }); n > mostAllocations {
		t.Errorf("%v allocations a search", n)
	}
}
