package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestArenaHoldsWhatItSays(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	a := NewArena(0)
	for _, s := range [][2]int{{1, 1}, {32, 64}, {45, 67}, {100, 33}} {
		n, k := s[0], s[1]
		w := random(r, n*k)
		full := NewArena(SizePacked(n, k) + SizePackedInt8(n, k))
		part := full.Part(SizePacked(n, k))
		for _, pair := range [][2]*Packed{{Pack(w, n, k), part.Pack(n, k, RowsOf(w, k))}, {Pack(w, n, k), a.Pack(n, k, RowsOf(w, k))}} {
			if !slices.Equal(pair[0].data, pair[1].data) {
				t.Errorf("%v: packed differently in an arena", s)
			}
		}
		i8 := full.PackInt8(n, k, RowsOf(w, k))
		if !slices.Equal(i8.data, PackInt8(w, n, k).data) {
			t.Errorf("%v: int8 packed differently in an arena", s)
		}
		if len(part.free) != 0 || len(full.free) != 0 {
			t.Errorf("%v: %d and %d bytes left", s, len(part.free), len(full.free))
		}
	}
}

func TestRoundInt8IsWhatPackInt8Stands(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const n, k = 37, 50
	w := random(rand.New(rand.NewPCG(seed, 1)), n*k)
	clear(w[3*k : 4*k]) // a row of zeros
	f, q := (*Arena)(nil).RoundInt8(n, k, RowsOf(w, k)), PackInt8(w, n, k)
	for j := range n {
		for i := range k {
			got := f.data[(j/panel)*k*panel+i*panel+j%panel]
			want := q.Col[j] * float32(q.data[(j/panel)*groups(k)*panel*4+i/4*panel*4+j%panel*4+i%4])
			if got != want {
				t.Fatalf("row %d, value %d: %v, want %v", j, i, got, want)
			}
		}
	}
}
