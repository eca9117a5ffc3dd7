package static

import "sync"

// columns copies the columns [from, to) of the n x d matrix x side by side.
func columns(out, x []float32, n, d, from, to int) []float32 {
	w := to - from
	for i := range n {
		copy(out[i*w:(i+1)*w], x[i*d+from:i*d+to])
	}
	return out[:n*w]
}

// transpose writes the columns [lo, hi) of the n x k matrix x as rows to out, in
// tiles that fit the cache.
func transpose(out, x []float32, n, k, lo, hi int) {
	const tile = 16
	for i0 := lo; i0 < hi; i0 += tile {
		for j0 := 0; j0 < n; j0 += tile {
			for i := i0; i < min(i0+tile, hi); i++ {
				for j := j0; j < min(j0+tile, n); j++ {
					out[i*n+j] = x[j*k+i]
				}
			}
		}
	}
}

// grain is the smallest share of rows that a worker gets; shares start at
// multiples of it.
const grain = 16

// parallel calls do for consecutive ranges that cover 0..n-1, one range per
// worker, and waits for all. What is computed for an index must not depend on
// its range: then the result is the same for any number of workers.
func parallel(workers, n int, do func(lo, hi int)) {
	share := (n + workers - 1) / workers
	share = (share + grain - 1) / grain * grain
	if share >= n {
		do(0, n)
		return
	}
	var wg sync.WaitGroup
	for lo := 0; lo < n; lo += share {
		wg.Go(func() { do(lo, min(lo+share, n)) })
	}
	wg.Wait()
}
