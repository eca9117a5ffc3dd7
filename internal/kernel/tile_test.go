package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestTilesOfEveryForm runs each micro-kernel: A in rows or in columns, all
// columns or half of them, every height and several tiles at once.
func TestTilesOfEveryForm(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, l := range levels() {
		r := rand.New(rand.NewPCG(seed, uint64(l)))
		for _, transposed := range []bool{false, true} {
			for _, narrow := range []bool{false, true} {
				for rows := 1; rows <= 3*l.tallest(); rows++ {
					for _, k := range []int{1, 3, 4, 37} {
						t.Run(fmt.Sprintf("%v/transposed=%v/narrow=%v/%dx%d", l, transposed, narrow, rows, k), func(t *testing.T) {
							checkTile(t, r, l, tile{transposed: transposed, narrow: narrow, k: k}, rows)
						})
					}
				}
			}
		}
	}
}

func checkTile(t *testing.T, r *rand.Rand, l Level, ti tile, rows int) {
	cols, next, step := ti.cols(), ti.k+2, 1
	ti.lda, ti.ldb, ti.ldc, ti.ldfrom = ti.k+2, panel+3, panel+5, panel+1
	if ti.transposed {
		ti.lda = rows + 2
		next, step = 1, ti.lda
	}
	ti.a, ti.b = random(r, rows*ti.k+2*max(rows, ti.k)), random(r, ti.k*ti.ldb)
	ti.from = random(r, rows*ti.ldfrom)
	c, check := guarded(r, (rows-1)*ti.ldc+panel)
	before := append([]float32(nil), c...)
	ti.c = c
	job := ti // rows moves its slices on
	job.rows(l, rows)
	for i := range rows {
		for j := range ti.ldc {
			at := i*ti.ldc + j
			if at >= len(c) {
				break
			}
			if j >= cols {
				if j >= panel && c[at] != before[at] {
					t.Fatalf("row %d: wrote beside the tile", i)
				}
				continue
			}
			want := float64(ti.from[i*ti.ldfrom+j])
			for k := range ti.k {
				want += float64(ti.a[i*next+k*step]) * float64(ti.b[k*ti.ldb+j])
			}
			close32(t, "c", at, c[at], want, 1e-5*math.Sqrt(float64(ti.k))*4)
		}
	}
	check(t)
}

func TestPackIsAPermutation(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for _, l := range levels() {
		for _, n := range []int{1, 7, 8, 9, 16, 17, 31, 32} {
			for _, k := range []int{1, 5, 8, 16, 21, 48} {
				ld := k + 3
				rows := random(r, (n-1)*ld+k)
				got, check := guarded(r, k*panel)
				l.packColumns(got, rows, ld, n, k)
				for j := range n {
					for i := range k {
						if got[i*panel+j] != rows[j*ld+i] {
							t.Fatalf("%v, %d rows of %d: value %d of row %d is %v, want %v", l, n, k, i, j, got[i*panel+j], rows[j*ld+i])
						}
					}
				}
				check(t)
			}
		}
	}
}

func TestPackFillsUpWithZeros(t *testing.T) {
	const n, k = 37, 19
	ones := make([]float32, n*k)
	for i := range ones {
		ones[i] = 1
	}
	sum := float32(0)
	for _, v := range Pack(ones, n, k).data {
		sum += v
	}
	if sum != n*k {
		t.Errorf("sum %v, want %d", sum, n*k)
	}
}

func TestSoftmaxColumns(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, l := range levels() {
		r := rand.New(rand.NewPCG(seed, uint64(l)))
		for _, n := range []int{1, 2, 16, 33, 512} {
			for _, cols := range []int{1, 16, 17, 32} {
				x, check := guarded(r, n*panel)
				for i := range x {
					x[i] *= 30
				}
				in := append([]float32(nil), x...)
				const scale = 0.25
				l.softmaxColumns(x, n, cols, scale)
				for j := range cols {
					sum, top := 0.0, math.Inf(-1)
					for i := range n {
						top = max(top, scale*float64(in[i*panel+j]))
					}
					for i := range n {
						sum += math.Exp(scale*float64(in[i*panel+j]) - top)
					}
					for i := range n {
						close32(t, "softmax", i, x[i*panel+j], math.Exp(scale*float64(in[i*panel+j])-top)/sum, 5e-6)
					}
				}
				check(t)
			}
		}
	}
}

// TestAttentionRowDoesNotDependOnItsNeighbours computes single queries.
func TestAttentionRowDoesNotDependOnItsNeighbours(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, l := range levels() {
		for _, dim := range []int{32, 20} {
			r := rand.New(rand.NewPCG(seed, uint64(dim)))
			const n = 71
			qkv, all, one := random(r, n*3*dim), make([]float32, n*dim), make([]float32, dim)
			a := Attention{Heads: 1, Dim: dim}
			a.Run(l, n, qkv, qkv[dim:], qkv[2*dim:], 3*dim, all, dim)
			for i := range n {
				// Every query in every place: the first row asks what row i asked.
				copy(qkv[:dim], qkv[i*3*dim:])
				out := make([]float32, n*dim)
				a.Run(l, n, qkv, qkv[dim:], qkv[2*dim:], 3*dim, out, dim)
				copy(one, out)
				for d := range one {
					if one[d] != all[i*dim+d] {
						t.Fatalf("%v: query %d, dimension %d: %v at its place, %v as the first", l, i, d, all[i*dim+d], one[d])
					}
				}
			}
		}
	}
}
