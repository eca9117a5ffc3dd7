package vector

import (
	"context"
	"fmt"
	"slices"

	"semdex/internal/kernel"
)

// The recall gate: of the neighbours of so many rows, so many each, a backend
// must find this share.
const (
	gateQueries = 32
	gateK       = 10
	gateRecall  = 0.95
)

// gateMix is how much of another row there is in each query of the gate. Rows
// alone are easier to find from than questions are; with half of another row a
// query is about as hard.
const gateMix = 0.5

// Recall is the share of the k nearest neighbours of some rows, spread evenly
// over the set, that an index finds with its defaults. Others that score as well
// as the k-th count too.
func Recall(ctx context.Context, x Index, rows *Rows, level kernel.Level, queries, k int) (float64, error) {
	return recallMixed(ctx, x, rows, level, queries, k, 0)
}

// recallMixed is Recall for rows plus mix times other rows.
func recallMixed(ctx context.Context, x Index, rows *Rows, level kernel.Level, queries, k int, mix float32) (float64, error) {
	exact := NewExact(*rows, 0, x.Len(), level)
	found, wanted := 0, 0
	for i := range queries {
		row := int(int64(i) * int64(x.Len()) / int64(queries))
		if row >= x.Len() || rows.Missing(row) {
			continue
		}
		other := (row*7919 + 13) % x.Len()
		q := Query{Vector: slices.Clone(rows.At(row)), K: k}
		for j, v := range rows.At(other) {
			q.Vector[j] += mix * v
		}
		want, _, err := exact.Search(ctx, q)
		if err != nil {
			return 0, err
		}
		got, _, err := x.Search(ctx, q)
		if err != nil {
			return 0, err
		}
		for _, h := range got {
			if h.Score >= want[len(want)-1].Score {
				found++
			}
		}
		wanted += len(want)
	}
	if wanted == 0 {
		return 1, nil
	}
	return float64(found) / float64(wanted), nil
}

// CheckRecall is ErrRecall if an index misses more than one in twenty of the
// nearest rows of mixtures of its rows.
func CheckRecall(ctx context.Context, x Index, rows *Rows, level kernel.Level) error {
	recall, err := recallMixed(ctx, x, rows, level, gateQueries, gateK, gateMix)
	if err == nil && recall < gateRecall {
		err = fmt.Errorf("%w: recall@%d is %.3f, at least %.2f is wanted", ErrRecall, gateK, recall, gateRecall)
	}
	return err
}
