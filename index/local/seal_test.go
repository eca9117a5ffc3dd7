package local

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"semdex/index"
	"semdex/index/local/vector"
)

// settle waits until nothing is done in the background and nothing is due.
func (s *store) settle() {
	s.Helper()
	if err := s.c.Settle(context.Background(), nil); err != nil {
		s.Fatal(err)
	}
}

// inGraph is how many passages the graph has.
func (s *store) inGraph() int {
	v, _, err := s.c.pin(nil)
	if err != nil {
		s.Fatal(err)
	}
	defer v.sealed.release()
	if v.sealed == nil {
		return 0
	}
	return v.sealed.rows.Len()
}

// wantNearest compares the dense leg with brute force over the model.
func (s *store) wantNearest(rng *rand.Rand, m model) {
	s.Helper()
	query := make([]float32, testDims)
	for i := range query {
		query[i] = float32(rng.NormFloat64())
	}
	k, f, least := 1+rng.IntN(60), index.Filter(nil), -1
	if rng.IntN(2) == 0 {
		least = rng.IntN(200)
		f = index.Compare{Field: "version", Op: index.Gte, Value: float64(least)}
	}
	var want []index.Candidate
	for id, version := range m {
		if version < least {
			continue
		}
		for i, p := range testRecord(id, version).Passages {
			want = append(want, index.Candidate{Ref: index.Ref{Document: id, Ordinal: i}, Score: float64(s.e.level.Dot(query, p.Vector))})
		}
	}
	slices.SortFunc(want, func(a, b index.Candidate) int {
		if a.Score > b.Score || a.Score == b.Score && a.Ref.Less(b.Ref) {
			return -1
		}
		return 1
	})
	leg, err := s.c.Dense(s.Context(), query, k, f)
	if err != nil {
		s.Fatal(err)
	}
	if n := min(k, len(want)); !slices.Equal(leg.Candidates, want[:n]) || leg.More != (n < len(want)) {
		s.Fatalf("dense, k = %d, %v: %v, want %v", k, f, leg.Candidates, want[:n])
	}
}

// Graphs are built, extended, made anew and read back while documents come and
// go; the dense leg always answers as brute force does.
func TestSealingKeepsAnswers(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	s := newStore(t, Options{FileBytes: 16 << 10, CompactBytes: 8 << 10, CompactPassages: 16, GraphPassages: 40, TextPassages: 10})
	m := model{"first": 1} // so that its fields are known to filters
	s.put("first", 1)
	sealed := false
	for version := 1; version < 500; version++ {
		switch rng.IntN(40) {
		case 0:
			s.reopen()
		case 1:
			s.crash()
			s.open()
		case 2:
			s.settle()
		case 3: // nearly all go
			var ids []string
			for id := range m {
				if rng.IntN(8) > 0 && version%100 > 90 {
					ids = append(ids, id)
					delete(m, id)
				}
			}
			if _, err := s.c.Delete(t.Context(), ids); err != nil {
				t.Fatal(err)
			}
		default:
			if _, maybe := s.change(rng, m, version); len(maybe) == 0 {
				continue
			}
			id := fmt.Sprint("more", rng.IntN(100))
			s.put(id, version)
			m[id] = version
		}
		s.wantNearest(rng, m)
		sealed = sealed || s.inGraph() > 0
	}
	if !sealed {
		t.Error("there never was a graph")
	}
	s.wantModel(m)
}

// fill stores n passages of clustered vectors and returns them by reference.
func fill(s *store, rng *rand.Rand, from, n int) {
	s.Helper()
	var records []index.Record
	for i := from; i < from+n; i += 50 {
		r := index.Record{Document: index.Document{ID: fmt.Sprint("d", i), Text: "text"}}
		for range 50 {
			r.Passages = append(r.Passages, index.Passage{End: 1, Vector: near(rng, s.c.dims)})
		}
		records = append(records, r)
	}
	if err := s.c.Upsert(s.Context(), records); err != nil {
		s.Fatal(err)
	}
}

// graphDims is the size of vectors that are searched through a graph: codes of
// few values cannot tell thousands of neighbours apart.
const graphDims = 48

// widen makes the collection anew for vectors of graphDims values.
func (s *store) widen() {
	s.Helper()
	if err := s.e.Drop(s.Context(), "c"); err != nil {
		s.Fatal(err)
	}
	settings := testSettings
	settings.Dims = graphDims
	c, err := s.e.Create(s.Context(), "c", settings)
	if err != nil {
		s.Fatal(err)
	}
	s.c = c.(*Collection)
}

// near returns a vector near one of a few centres.
func near(rng *rand.Rand, dims int) []float32 {
	centre := rand.New(rand.NewPCG(uint64(rng.IntN(40)), 1))
	x := make([]float32, dims)
	for i := range x {
		x[i] = float32(centre.NormFloat64() + 0.5*rng.NormFloat64())
	}
	return x
}

// recall is that of the dense leg at 10, against a scan of everything.
func (s *store) recall(rng *rand.Rand) (recall float64, plan string) {
	s.Helper()
	v, _, err := s.c.pin(nil)
	if err != nil {
		s.Fatal(err)
	}
	defer v.sealed.release()
	exact := vector.NewExact(v.store, 0, v.store.Len(), s.e.level)
	const queries = 40
	for range queries {
		q := near(rng, s.c.dims)
		leg, err := s.c.Dense(s.Context(), q, 10, nil)
		if err != nil {
			s.Fatal(err)
		}
		plan = leg.Plan
		want, _, err := exact.Search(s.Context(), vector.Query{Vector: q, K: 10, Accept: v.accept(nil)})
		if err != nil {
			s.Fatal(err)
		}
		for _, c := range leg.Candidates {
			if c.Score >= float64(want[len(want)-1].Score) {
				recall += 1. / (10 * queries)
			}
		}
	}
	return recall, plan
}

// A graph collection finds what brute force finds, also when it is opened again,
// and what came after the graph was built.
func TestGraphCollection(t *testing.T) {
	for _, backend := range []index.Vectors{index.VectorsAuto, index.VectorsCoder} {
		t.Run(string(backend), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 1))
			s := newStore(t, Options{GraphPassages: 2000, Vectors: backend})
			s.widen()
			fill(s, rng, 0, 12_000)
			s.settle()
			want := func(plan string, inGraph int) {
				t.Helper()
				recall, got := s.recall(rng)
				if recall < 0.95 || got != plan || s.inGraph() != inGraph {
					t.Errorf("recall %.3f, plan %q, want %q; %d passages in the graph, want %d", recall, got, plan, s.inGraph(), inGraph)
				}
			}
			plan := vector.PlanGraph
			if backend == index.VectorsCoder && runtime.GOOS != "windows" {
				plan = vector.PlanCoder
			}
			want(plan, 12_000)
			s.reopen()
			want(plan, 12_000)
			if _, err := s.c.Delete(t.Context(), []string{"d0", "d50"}); err != nil {
				t.Fatal(err)
			}
			fill(s, rng, 12_000, 1000)
			s.settle()
			want(vector.PlanMixed, 12_000)
		})
	}
}

// A graph's file that is missing, damaged or another collection's is made again.
func TestGraphFileIsDerived(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	other := newStore(t, Options{GraphPassages: 100})
	fill(other, rng, 0, 200)
	other.settle()
	foreign, err := os.ReadFile(other.c.sealedPath())
	if err != nil {
		t.Fatal(err)
	}
	s := newStore(t, Options{GraphPassages: 100})
	m := model{}
	for i := range 120 {
		id := fmt.Sprint(i)
		m[id] = i + 1
		s.put(id, i+1)
	}
	s.settle()
	path := s.c.sealedPath()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"missing": nil, "empty": {}, "torn": whole[:len(whole)/2], "foreign": foreign,
	} {
		s.close()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if content != nil {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s.open()
		s.wantNearest(rng, m)
		s.settle()
		if s.inGraph() == 0 {
			t.Errorf("%s: the graph was not made again", name)
		}
		s.check()
		s.wantNearest(rng, m)
	}
	for range 60 { // a flipped bit is refused or its vector taken from the log
		s.close()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s.open()
		s.wantNearest(rng, m)
	}
	if left, _ := filepath.Glob(filepath.Join(s.c.dir, "*.tmp")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A graph that cannot be written is used from memory, and the next one too.
func TestGraphWithoutRoom(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	s := newStore(t, Options{GraphPassages: 100})
	m := model{}
	add := func(from, to int) {
		for i := from; i < to; i++ {
			id := fmt.Sprint(i)
			m[id] = i + 1
			s.put(id, i+1)
		}
		s.settle()
		s.wantNearest(rng, m)
	}
	add(0, 100)
	saved := s.inGraph()
	if err := os.Mkdir(s.c.sealedPath()+".tmp", 0o700); err != nil { // in the way of the next file
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.c.sealedPath()+".tmp", "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	add(100, 200)
	add(200, 300)
	if n := s.inGraph(); n <= saved {
		t.Errorf("%d passages in the graph, %d before", n, saved)
	}
	s.check()
	if err := os.RemoveAll(s.c.sealedPath() + ".tmp"); err != nil {
		t.Fatal(err)
	}
	s.reopen()
	s.wantNearest(rng, m)
}

// When nothing is written for a while, a graph takes in what came last, although
// that is too little to be a step.
func TestSealingInQuiet(t *testing.T) {
	s := newStore(t, Options{GraphPassages: 40, Quiet: 1})
	n := 0
	for ; s.inGraph() == 0; n++ {
		s.put(fmt.Sprint(n), 1)
		s.settle()
	}
	passages := func() int {
		info, err := s.c.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return info.Passages
	}
	for at := passages(); passages() < at+12; n++ { // more than a quarter of a step, less than one
		s.put(fmt.Sprint(n), 1)
	}
	for want := passages(); s.inGraph() < want-10; {
		s.settle()
	}
	s.check()
}
