package nli

import (
	"context"
	"fmt"
	"math"
	"strings"
	"unicode"

	"semdex/internal/metric"
)

// Encoder turns texts into vectors of one width, one per text and in order.
type Encoder interface {
	Encode(ctx context.Context, texts []string) ([][]float32, error)
}

// EncoderFunc is a function as an Encoder.
type EncoderFunc func(ctx context.Context, texts []string) ([][]float32, error)

// Encode calls f.
func (f EncoderFunc) Encode(ctx context.Context, texts []string) ([][]float32, error) {
	return f(ctx, texts)
}

// STSScore is the agreement of an encoder with people on one set: the
// correlations, in [-1, 1], of the cosine with the scores.
type STSScore struct {
	Dims              int // leading dimensions of the vectors that were used
	Pairs             int
	Spearman, Pearson float64
}

// encodeBatch is how many texts EvalSTS hands to the encoder at a time.
const encodeBatch = 512

// EvalSTS scores the encoder on one set, once for every entry of dims: vectors
// are cut to that many leading dimensions first, as Matryoshka embeddings
// allow. Without dims the whole vectors are used. Correlations are comparable
// within a set alone: never average the pairs of several sets together.
func EvalSTS(ctx context.Context, enc Encoder, pairs []Scored, dims ...int) ([]STSScore, error) {
	if len(pairs) == 0 {
		return nil, fmt.Errorf("no pairs to evaluate")
	}
	texts := make([]string, 0, 2*len(pairs))
	gold := make([]float64, len(pairs))
	for i, p := range pairs {
		texts = append(texts, p.A, p.B)
		gold[i] = p.Score
	}
	vectors, err := encodeAll(ctx, enc, texts)
	if err != nil {
		return nil, err
	}
	width := len(vectors[0])
	if len(dims) == 0 {
		dims = []int{width}
	}
	out := make([]STSScore, 0, len(dims))
	for _, d := range dims {
		if d < 1 || d > width {
			return nil, fmt.Errorf("%d dimensions of vectors of %d", d, width)
		}
		cos := make([]float64, len(pairs))
		for i := range pairs {
			cos[i] = Cosine(vectors[2*i][:d], vectors[2*i+1][:d])
		}
		s, err := correlate(cos, gold)
		if err != nil {
			return nil, err
		}
		s.Dims = d
		out = append(out, s)
	}
	return out, nil
}

func encodeAll(ctx context.Context, enc Encoder, texts []string) ([][]float32, error) {
	out := make([][]float32, 0, len(texts))
	for lo := 0; lo < len(texts); lo += encodeBatch {
		part := texts[lo:min(lo+encodeBatch, len(texts))]
		v, err := enc.Encode(ctx, part)
		if err != nil {
			return nil, err
		}
		if len(v) != len(part) {
			return nil, fmt.Errorf("encoder gave %d vectors for %d texts", len(v), len(part))
		}
		out = append(out, v...)
		for _, x := range v {
			if len(x) == 0 || len(x) != len(out[0]) {
				return nil, fmt.Errorf("encoder gave vectors of %d and %d dimensions", len(out[0]), len(x))
			}
		}
	}
	return out, nil
}

func correlate(x, gold []float64) (STSScore, error) {
	s, err := metric.Spearman(x, gold)
	if err != nil {
		return STSScore{}, err
	}
	p, err := metric.Pearson(x, gold)
	return STSScore{Pairs: len(x), Spearman: s, Pearson: p}, err
}

// Cosine is the cosine of the angle between a and b, 0 if one is zero.
func Cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i, x := range a {
		y := float64(b[i])
		ab += float64(x) * y
		aa += float64(x) * float64(x)
		bb += y * y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / (math.Sqrt(aa) * math.Sqrt(bb))
}

// EvalOverlap is the baseline every encoder has to beat: the correlation of the
// Jaccard overlap of the two sets of units (words or subword ids) that split
// gives, with the scores. Dims is 0.
func EvalOverlap[T comparable](pairs []Scored, split func(string) []T) (STSScore, error) {
	x, gold := make([]float64, len(pairs)), make([]float64, len(pairs))
	for i, p := range pairs {
		x[i], gold[i] = jaccard(split(p.A), split(p.B)), p.Score
	}
	return correlate(x, gold)
}

func jaccard[T comparable](a, b []T) float64 {
	in := make(map[T]int, len(a)+len(b))
	for _, u := range a {
		in[u] |= 1
	}
	for _, u := range b {
		in[u] |= 2
	}
	if len(in) == 0 {
		return 0
	}
	both := 0
	for _, m := range in {
		if m == 3 {
			both++
		}
	}
	return float64(both) / float64(len(in))
}

// Words are the lower-cased runs of letters, marks and digits of a text, the
// plainest units for EvalOverlap.
func Words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
}
