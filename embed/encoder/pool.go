package encoder

import (
	"fmt"
	"math"

	"semdex/embed/model"
)

// A pooler reduces states [tokens, hidden] to dst [hidden]; tokens > 0. The
// formulas are those of sentence-transformers' Pooling module without padding.
type pooler func(dst, states []float32)

func poolerOf(mode model.PoolingMode) (pooler, error) {
	switch mode {
	case model.PoolMean:
		return poolMean, nil
	case model.PoolCLS:
		return poolCLS, nil
	case model.PoolMax:
		return poolMax, nil
	case model.PoolMeanSqrtLen:
		return poolMeanSqrtLen, nil
	case model.PoolWeightedMean:
		return poolWeightedMean, nil
	case model.PoolLastToken:
		return poolLastToken, nil
	}
	return nil, fmt.Errorf("%w: pooling %q (known: mean, cls, max, mean_sqrt_len, weightedmean, lasttoken, joined by +)",
		ErrModel, mode)
}

// poolMean is the mean over tokens.
func poolMean(dst, states []float32) {
	sumRows(dst, states)
	scale(dst, 1/float32(len(states)/len(dst)))
}

// poolMeanSqrtLen is the sum over tokens divided by sqrt(tokens).
func poolMeanSqrtLen(dst, states []float32) {
	sumRows(dst, states)
	scale(dst, float32(1/math.Sqrt(float64(len(states)/len(dst)))))
}

// poolWeightedMean weights token t, counted from 1, by t (Muennighoff 2022,
// SGPT, eq. 2).
func poolWeightedMean(dst, states []float32) {
	clear(dst)
	var total float32
	for t := 0; len(states) > 0; t++ {
		w := float32(t + 1)
		for i, v := range states[:len(dst)] {
			dst[i] += float32(w * v)
		}
		total += w
		states = states[len(dst):]
	}
	scale(dst, 1/total)
}

// poolCLS is the first token's state.
func poolCLS(dst, states []float32) { copy(dst, states) }

// poolLastToken is the last token's state.
func poolLastToken(dst, states []float32) { copy(dst, states[len(states)-len(dst):]) }

// poolMax is the largest value of each dimension; NaN wins.
func poolMax(dst, states []float32) {
	copy(dst, states)
	for states = states[len(dst):]; len(states) > 0; states = states[len(dst):] {
		for i, v := range states[:len(dst)] {
			dst[i] = max(dst[i], v)
		}
	}
}

func sumRows(dst, states []float32) {
	clear(dst)
	for ; len(states) > 0; states = states[len(dst):] {
		add(dst, states[:len(dst)])
	}
}

func scale(x []float32, f float32) {
	for i := range x {
		x[i] *= f
	}
}

// Normalize divides x by its Euclidean norm, or by 1e-12 if that is larger, as
// torch.nn.functional.normalize does. A zero vector stays zero.
func Normalize(x []float32) {
	f := 1 / max(norm2(x), 1e-12)
	for i, v := range x {
		x[i] = float32(float64(v) * f)
	}
}

// norm2 is the Euclidean norm. It is NaN or infinite if an element is.
func norm2(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(float64(v) * float64(v))
	}
	return math.Sqrt(sum)
}
