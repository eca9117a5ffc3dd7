package devset

import (
	"context"
	"fmt"
	"math"
	"sync"

	"semdex/internal/kernel"
	"semdex/nli"
)

// vectors are the vectors of a list of texts.
type vectors [][]float32

// part is the number of texts handed to the encoder at a time.
const part = 512

func encode(ctx context.Context, enc nli.Encoder, texts []string) (vectors, error) {
	out := make(vectors, 0, len(texts))
	for lo := 0; lo < len(texts); lo += part {
		v, err := enc.Encode(ctx, texts[lo:min(lo+part, len(texts))])
		if err != nil {
			return nil, err
		}
		out = append(out, v...)
	}
	if len(out) != len(texts) || len(out) == 0 {
		return nil, fmt.Errorf("encoder gave %d vectors for %d texts", len(out), len(texts))
	}
	return out, nil
}

func both(ctx context.Context, enc nli.Encoder, a, b []string) (x, y vectors, err error) {
	if x, err = encode(ctx, enc, a); err != nil {
		return nil, nil, err
	}
	y, err = encode(ctx, enc, b)
	return x, y, err
}

func (v vectors) widths(wanted []int) []int {
	if len(wanted) == 0 {
		return []int{len(v[0])}
	}
	return wanted
}

// unit is the leading width dimensions of every vector, of length one or zero.
func (v vectors) unit(width int) []float32 {
	out := make([]float32, 0, len(v)*width)
	for _, x := range v {
		var sum float64
		for _, c := range x[:width] {
			sum += float64(c) * float64(c)
		}
		inv := float32(0)
		if sum > 0 {
			inv = float32(1 / math.Sqrt(sum))
		}
		for _, c := range x[:width] {
			out = append(out, c*inv)
		}
	}
	return out
}

// grain is the number of queries that are compared at a time.
const grain = 16

// ranks gives, per query, the rank of its best placed relevant document: one
// more than the documents with a higher cosine.
func (s *Sets) ranks(queries, docs []float32, width int, relevant [][]int) []int {
	n := len(docs) / width
	packed := kernel.Pack(docs, n, width)
	ranks := make([]int, len(relevant))
	share := (len(relevant)/s.Workers + grain) / grain * grain
	var wg sync.WaitGroup
	for from := 0; from < len(relevant); from += share {
		wg.Go(func() {
			scores := make([]float32, grain*n)
			to := min(from+share, len(relevant))
			for lo := from; lo < to; lo += grain {
				m := min(grain, to-lo)
				g := kernel.Gemm{M: m, A: queries[lo*width:], LDA: width, B: packed, C: scores, LDC: n}
				g.Run(s.Level, 0, packed.Panels())
				for i := range m {
					ranks[lo+i] = bestRank(scores[i*n:(i+1)*n], relevant[lo+i])
				}
			}
		})
	}
	wg.Wait()
	return ranks
}

func bestRank(scores []float32, relevant []int) int {
	best := scores[relevant[0]]
	for _, r := range relevant {
		best = max(best, scores[r])
	}
	rank := 1
	for _, s := range scores {
		if s > best {
			rank++
		}
	}
	return rank
}
