package local

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"semdex/index"
	"semdex/index/local/vector"
)

// beginLoad begins a bulk load.
func (s *store) beginLoad() (end func()) {
	s.Helper()
	end, err := s.c.BeginLoad(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return end
}

// putMany stores documents of one passage each.
func (s *store) putMany(m model, from, to int) {
	s.Helper()
	for i := from; i < to; i++ {
		id := fmt.Sprint(i)
		m[id] = 3 * i // one passage
		s.put(id, m[id])
	}
	s.settle()
}

// wantInGraph says how many passages the graph has, and asks it.
func (s *store) wantInGraph(rng *rand.Rand, m model, want int) {
	s.Helper()
	if got := s.inGraph(); got != want {
		s.Fatalf("%d passages in the graph, want %d", got, want)
	}
	s.wantNearest(rng, m)
}

// The first graph and its growth wait for the end of the last load, and begin
// then.
func TestLoadKeepsTheGraphAway(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	s := newStore(t, Options{GraphPassages: 40})
	m := model{}
	first, second := s.beginLoad(), s.beginLoad()
	s.putMany(m, 0, 100)
	s.wantInGraph(rng, m, 0)
	first()
	first()
	s.putMany(m, 100, 150)
	s.wantInGraph(rng, m, 0)
	second()
	s.settle()
	s.wantInGraph(rng, m, 150)

	end := s.beginLoad()
	s.putMany(m, 150, 300)
	first()
	second()
	s.settle()
	s.wantInGraph(rng, m, 150)
	end()
	s.settle()
	s.wantInGraph(rng, m, 300)
	s.putMany(m, 300, 500)
	if n := s.inGraph(); n <= 300 {
		t.Errorf("%d passages in the graph after all loads", n)
	}
	s.wantNearest(rng, m)
}

// A graph that is being built when a load begins is finished, and a setting is
// followed during one.
func TestLoadBesideAGraph(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	s := newStore(t, Options{GraphPassages: 40})
	m := model{}
	for i := range 40 {
		id := fmt.Sprint(i)
		m[id] = 3 * i
		s.put(id, m[id])
	}
	if err := s.c.do(&request{ctx: t.Context(), inspect: func() {}}); err != nil { // behind what the last write has begun
		t.Fatal(err)
	}
	end := s.beginLoad()
	s.settle()
	s.wantInGraph(rng, m, 40)
	s.putMany(m, 40, 200)
	s.wantInGraph(rng, m, 40)
	s.setVectors(index.VectorsExact)
	s.wantInGraph(rng, m, 0)
	s.setVectors(index.VectorsGraph)
	s.settle()
	s.wantInGraph(rng, m, 0)
	end()
	s.settle()
	s.wantInGraph(rng, m, 200)
	end = s.beginLoad()
	s.putMany(m, 200, 250)
	s.setVectors(index.VectorsCoder) // what is built for it has all there is
	s.settle()
	s.wantInGraph(rng, m, 250)
	end()
}

// A load is over when its memory is full, until there is a graph of what it has
// brought.
func TestLoadBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	s := newStore(t, Options{GraphPassages: 40, LoadBytes: 100 * 5 * testDims})
	m := model{}
	end := s.beginLoad()
	s.putMany(m, 0, 99)
	s.wantInGraph(rng, m, 0)
	s.putMany(m, 99, 100)
	s.wantInGraph(rng, m, 100)
	s.putMany(m, 100, 199)
	s.wantInGraph(rng, m, 100)
	s.putMany(m, 199, 200)
	s.wantInGraph(rng, m, 200)
	s.putMany(m, 200, 290)
	end()
	s.settle()
	s.wantInGraph(rng, m, 290)
}

// Documents that were replaced stay in the graph until the load has ended.
func TestLoadOfReplacements(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	s := newStore(t, Options{GraphPassages: 40, CompactPassages: 16})
	m := model{}
	s.putMany(m, 0, 100)
	before := s.inGraph()
	end := s.beginLoad()
	s.putMany(m, 0, 100)
	s.wantInGraph(rng, m, before)
	end()
	s.settle()
	s.wantInGraph(rng, m, 100)
	s.check()
}

// A load that has gone quiet keeps no graph away.
func TestLoadInQuiet(t *testing.T) {
	s := newStore(t, Options{GraphPassages: 40, Quiet: 1})
	m := model{}
	end := s.beginLoad()
	defer end()
	for n := range 2 {
		s.putMany(m, 50*n, 50*n+50)
		for s.inGraph() <= len(m)-10 { // a quarter of a step may stay outside
			s.settle()
		}
	}
	s.wantNearest(rand.New(rand.NewPCG(7, 7)), m)
}

// A load that is cut off leaves its graph to the next start, and ends without a
// collection.
func TestLoadCutOff(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	s := newStore(t, Options{GraphPassages: 40})
	m := model{}
	for i, stop := range []func(){s.close, s.crash, s.close} {
		end := s.beginLoad()
		s.putMany(m, 100*i, 100*i+100)
		s.wantInGraph(rng, m, 100*i)
		stop()
		end()
		s.open()
		s.settle()
		s.wantInGraph(rng, m, 100*i+100)
		end()
	}
}

// A graph that a load has put off finds what one that grew meanwhile finds.
func TestLoadRecall(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	s := newStore(t, Options{GraphPassages: 2000})
	s.widen()
	end := s.beginLoad()
	for from := 0; from < 8000; from += 1000 {
		fill(s, rng, from, 1000)
	}
	if recall, plan := s.recall(rng); recall < 1-1e-9 || plan != vector.PlanExact {
		t.Errorf("during the load: recall %.3f, plan %q", recall, plan)
	}
	end()
	last, total := -1, 0
	err := s.c.Settle(t.Context(), func(done, of int) {
		if done < last || done > of {
			t.Errorf("%d of %d passages after %d", done, of, last)
		}
		last, total = done, of
	})
	if err != nil || last != 8000 || total != 8000 {
		t.Errorf("progress ends at %d of %d, %v", last, total, err)
	}
	if recall, plan := s.recall(rng); recall < 0.95 || plan != vector.PlanGraph || s.inGraph() != 8000 {
		t.Errorf("after the load: recall %.3f, plan %q, %d passages in the graph", recall, plan, s.inGraph())
	}
}

// Loads, writers, searches and those who wait for the background side by side;
// when all loads have ended nothing is left that is due.
func TestConcurrentLoads(t *testing.T) {
	s := newStore(t, Options{GraphPassages: 40, CompactPassages: 16, TextPassages: 20})
	ctx := context.Background()
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for round := range 6 {
				end, err := s.c.BeginLoad(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				for i := range 15 {
					id := fmt.Sprint(w, "-", round, "-", i)
					if err := s.c.Upsert(ctx, []index.Record{testRecord(id, 3*i)}); err != nil {
						t.Error(err)
					}
				}
				if _, err := s.c.Dense(ctx, []float32{1, 0, 0, 0}, 5, nil); err != nil {
					t.Error(err)
				}
				if w == 0 {
					err = s.c.Settle(ctx, func(done, total int) {})
				}
				if err != nil {
					t.Error(err)
				}
				wg.Go(end)
				end()
			}
		})
	}
	wg.Wait()
	s.settle()
	const all = 4 * 6 * 15
	if n := s.inGraph(); n <= all-160 || n > all { // at most four steps wait
		t.Errorf("%d passages in the graph of %d", n, all)
	}
}
