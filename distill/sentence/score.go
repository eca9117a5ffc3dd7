package sentence

import (
	"fmt"
	"math"
	"slices"

	"semdex/internal/train"
)

// Score is how close a student's vectors are to its teacher's on held-out
// sentences.
type Score struct {
	Sentences int
	MSE       float64 // mean squared difference
	Cosine    float64 // mean cosine of the two vectors of a sentence
	// Overlap is the mean share of a sentence's ten nearest neighbours, by
	// cosine within the set, that student and teacher have in common.
	Overlap float64
}

func (s Score) String() string {
	return fmt.Sprintf("cosine %.4f, overlap@%d %.4f, MSE %.6f over %d sentences", s.Cosine, near, s.Overlap, s.MSE, s.Sentences)
}

// near is the number of neighbours compared.
const near = 10

// evalTokens is the number of tokens in a batch of an evaluation.
const evalTokens = 2048

// Evaluate scores a net on set. Neighbours are found by comparing all pairs, so
// a few thousand sentences are enough. Errors wrap ErrData or train.ErrBatch.
func (n *Net) Evaluate(e *train.Engine, set *Set) (Score, error) {
	if err := set.Check(n); err != nil {
		return Score{}, err
	}
	dims := n.Dims()
	own, theirs := make([]float32, 0, len(set.IDs)*dims), make([]float32, 0, len(set.IDs)*dims)
	for lo := 0; lo < len(set.IDs); {
		var batch []int32
		for tokens := 0; lo < len(set.IDs) && (len(batch) == 0 || tokens+len(set.IDs[lo]) <= evalTokens); lo++ {
			batch, tokens = append(batch, int32(lo)), tokens+len(set.IDs[lo])
		}
		if err := n.both(e, set, batch, &own, &theirs); err != nil {
			return Score{}, err
		}
	}
	return compare(own, theirs, dims), nil
}

// both appends the student's and the teacher's vectors of some sentences.
func (n *Net) both(e *train.Engine, set *Set, batch []int32, own, theirs *[]float32) error {
	b, target, err := set.batch(batch)
	if err != nil {
		return err
	}
	g := e.Eval()
	defer g.Close()
	x, err := n.Vectors(g, b)
	if err != nil {
		return err
	}
	*own = append(*own, train.Values(x)...)
	*theirs = append(*theirs, train.Values(target)...)
	return nil
}

func compare(own, theirs []float32, dims int) Score {
	s := Score{Sentences: len(own) / dims}
	for i, v := range own {
		d := float64(v) - float64(theirs[i])
		s.MSE += d * d / float64(len(own))
	}
	unit(own, dims)
	unit(theirs, dims)
	for i := range s.Sentences {
		s.Cosine += dot(own[i*dims:(i+1)*dims], theirs[i*dims:(i+1)*dims]) / float64(s.Sentences)
		a, b := neighbours(own, dims, i), neighbours(theirs, dims, i)
		common := 0
		for _, x := range a {
			if slices.Contains(b, x) {
				common++
			}
		}
		if len(b) > 0 {
			s.Overlap += float64(common) / float64(len(b)) / float64(s.Sentences)
		}
	}
	return s
}

// unit divides rows by their lengths.
func unit(x []float32, dims int) {
	for ; len(x) > 0; x = x[dims:] {
		row := x[:dims]
		inv := float32(1 / max(math.Sqrt(dot(row, row)), 1e-12))
		for i := range row {
			row[i] *= inv
		}
	}
}

func dot(a, b []float32) float64 {
	var s float64
	for i, v := range a {
		s += float64(v) * float64(b[i])
	}
	return s
}

// neighbours are the rows nearest to row i, itself apart, ties by number.
func neighbours(x []float32, dims, i int) []int {
	type scored struct {
		row   int
		score float64
	}
	var all []scored
	for j := range len(x) / dims {
		if j != i {
			all = append(all, scored{j, dot(x[i*dims:(i+1)*dims], x[j*dims:(j+1)*dims])})
		}
	}
	slices.SortStableFunc(all, func(a, b scored) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	var rows []int
	for _, s := range all[:min(near, len(all))] {
		rows = append(rows, s.row)
	}
	return rows
}
