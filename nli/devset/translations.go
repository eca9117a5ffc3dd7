package devset

import (
	"context"
	"fmt"

	"semdex/nli"
	"semdex/nli/pairs"
)

// Translations says for every pair of a set how often the nearest neighbour in the
// other language is the translation: 1 in both directions, .5 in one, 0 in none.
// The mean of a list is the accuracy of Score. There is a list for every width, or
// one for whole vectors. Of s only the options matter.
func (s *Sets) Translations(ctx context.Context, enc nli.Encoder, set pairs.ParallelSet, widths ...int) ([][]float64, error) {
	a, b, err := both(ctx, enc, set.A, set.B)
	if err != nil {
		return nil, err
	}
	if len(a) != len(b) {
		return nil, fmt.Errorf("%d sentences, %d translations", len(a), len(b))
	}
	same := make([][]int, len(a))
	for i := range same {
		same[i] = []int{i}
	}
	var out [][]float64
	for _, width := range a.widths(widths) {
		if width < 1 || width > len(a[0]) {
			return nil, fmt.Errorf("%d dimensions of vectors of %d", width, len(a[0]))
		}
		x, y := a.unit(width), b.unit(width)
		found := make([]float64, len(a))
		for _, ranks := range [][]int{s.ranks(x, y, width, same), s.ranks(y, x, width, same)} {
			for i, rank := range ranks {
				if rank == 1 {
					found[i] += .5
				}
			}
		}
		out = append(out, found)
	}
	return out, nil
}
