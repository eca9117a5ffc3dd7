package vector

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// memory is a file in memory.
type memory struct{ b []byte }

func (m *memory) WriteAt(p []byte, at int64) (int, error) {
	if need := int(at) + len(p); need > len(m.b) {
		m.b = append(m.b, make([]byte, need-len(m.b))...)
	}
	return copy(m.b[at:], p), nil
}

func saved(t testing.TB, g *Graph, meta []byte) []byte {
	t.Helper()
	var m memory
	size, err := g.Save(&m, meta)
	if err != nil {
		t.Fatal(err)
	}
	if int(size) != len(m.b) {
		t.Fatalf("Save says %d bytes, wrote %d", size, len(m.b))
	}
	return m.b
}

func opened(t testing.TB, b []byte) *File {
	t.Helper()
	f, err := Open(b, bestLevel(t))
	if err == nil {
		err = f.Verify()
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFileRoundTrip(t *testing.T) {
	r := newRand(t)
	for _, n := range []int{0, 1, 300, 2500} {
		rows := rowsOf(20, awkward(r, n, 20))
		g := build(t, rows, Params{M: 5, EFConstruction: 30, Seed: 9})
		meta := []byte("whose it is")
		f := opened(t, saved(t, g, meta))
		if !bytes.Equal(f.Meta, meta) {
			t.Errorf("meta %q", f.Meta)
		}
		if err := sameGraph(f.Graph, g); err != nil {
			t.Fatal(err)
		}
		back := f.Rows()
		if back.Len() != n || back.miss != rows.miss || back.norm != rows.norm {
			t.Fatalf("%d rows, want %d", back.Len(), n)
		}
		for i := range n {
			if !slices.Equal(back.At(i), rows.At(i)) || back.Missing(i) != rows.Missing(i) {
				t.Fatalf("row %d has changed", i)
			}
		}
		// What was opened grows like what was built.
		for range 700 {
			x := normal(r, 20)
			back.Append(x)
			rows.Append(x)
		}
		want, err := g.Extend(t.Context(), rows, Params{Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Graph.Extend(t.Context(), back, Params{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := sameGraph(got, want); err != nil {
			t.Fatal(err)
		}
	}
}

// Any byte that changes is noticed; none of them makes a panic.
func TestFileDamage(t *testing.T) {
	r := newRand(t)
	g := build(t, rowsOf(8, clustered(r, 400, 8, 5, 0.5)), Params{M: 4})
	whole := saved(t, g, []byte("meta"))
	used := make([]bool, len(whole)) // not the padding
	for i := range headerSize {
		used[i] = true
	}
	o := &opener{data: whole, table: make([][]byte, sections)}
	if err := o.header(); err != nil {
		t.Fatal(err)
	}
	for _, s := range o.table {
		if len(s) > 0 {
			at := bytesOffset(whole, s)
			for i := range s {
				used[at+i] = true
			}
		}
	}
	for i := range whole {
		if !used[i] || i >= headerSize && r.IntN(8) > 0 {
			continue
		}
		b := slices.Clone(whole)
		b[i] ^= byte(1 << r.IntN(8))
		f, err := Open(b, bestLevel(t))
		if err == nil {
			err = f.Verify()
		}
		if !errors.Is(err, ErrCorrupt) {
			t.Fatalf("byte %d of %d: %v", i, len(whole), err)
		}
	}
	for n := 0; n < len(whole); n += 1 + r.IntN(200) {
		if _, err := Open(whole[:n], bestLevel(t)); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(whole), err)
		}
	}
}

// bytesOffset is where part begins in whole, of which it is a part.
func bytesOffset(whole, part []byte) int {
	for i := 0; i <= len(whole)-len(part); i++ {
		if &whole[i] == &part[0] {
			return i
		}
	}
	return -1
}

// Links that refer to nothing are refused even under a valid checksum.
func TestFileImpossibleLinks(t *testing.T) {
	r := newRand(t)
	for _, spoil := range []func(g *Graph){
		func(g *Graph) { g.layers[0].links[3] = uint32(g.count) },
		func(g *Graph) { g.layers[1].links[0] = 1 << 30 },
		func(g *Graph) { g.layers[1].rows[0] = uint32(g.count) },
		func(g *Graph) { g.layers[1].down[0]++ },
		func(g *Graph) { g.layers = append(g.layers, layer{width: g.params.M}) },
	} {
		g := build(t, rowsOf(8, clustered(r, 400, 8, 5, 0.5)), Params{M: 4})
		spoil(g)
		if _, err := Open(saved(t, g, nil), bestLevel(t)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%v", err)
		}
	}
}

func TestFileNewer(t *testing.T) {
	g := build(t, NewRows(4), Params{})
	b := saved(t, g, nil)
	b[8]++
	fix(b)
	if _, err := Open(b, bestLevel(t)); !errors.Is(err, ErrNewerFormat) {
		t.Errorf("%v", err)
	}
}

// FuzzOpen opens files whose checksums are made to fit, and searches what
// opens.
func FuzzOpen(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1)) // every process of the fuzzer makes the same
	for _, n := range []int{0, 3, 60} {
		f.Add(saved(f, build(f, rowsOf(4, clustered(r, n, 4, 5, 0.5)), Params{M: 2}), []byte("m")))
	}
	level := bestLevel(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		b = slices.Clone(b)
		fix(b)
		file, err := Open(b, level)
		if err != nil {
			return
		}
		_ = file.Verify()
		q := make([]float32, file.Graph.rows.dims)
		q[0] = 1
		hits, _, err := file.Graph.Search(t.Context(), Query{Vector: q, K: 3, EF: 5})
		if err != nil || len(hits) > 3 {
			t.Errorf("%d hits, %v", len(hits), err)
		}
	})
}
