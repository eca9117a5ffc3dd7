package encoder_test

import (
	"math"
	"strings"

	"semdex/embed/encoder"
	"semdex/embed/model"
)

// The oracle is a second implementation, written from the papers and apart from
// the encoder: float64, one number at a time, over a padded batch with an
// attention mask, the way the usual frameworks lay it out.

type oracle struct{ m *model.Model }

// f64 reads a tensor of one or two dimensions as rows.
func f64(t *model.Tensor) [][]float64 {
	rows, cols := t.Rows(), t.Cols()
	if len(t.Shape) == 1 {
		rows, cols = 1, t.Rows()
	}
	flat := t.F32()
	out := make([][]float64, rows)
	for r := range out {
		out[r] = make([]float64, cols)
		for c := range out[r] {
			out[r][c] = float64(flat[r*cols+c])
		}
	}
	return out
}

func affine(x []float64, l model.Linear) []float64 {
	w := f64(l.Weight)
	y := make([]float64, len(w))
	for o, row := range w {
		for i, v := range row {
			y[o] += x[i] * v
		}
		if l.Bias != nil {
			y[o] += f64(l.Bias)[0][o]
		}
	}
	return y
}

func affineAll(x [][]float64, l model.Linear) [][]float64 {
	w := f64(l.Weight)
	b := f64(l.Bias)[0]
	out := make([][]float64, len(x))
	for t := range x {
		out[t] = make([]float64, len(w))
		for o, row := range w {
			sum := b[o]
			for i, v := range row {
				sum += x[t][i] * v
			}
			out[t][o] = sum
		}
	}
	return out
}

func (o oracle) layerNorm(x []float64, n model.Norm) []float64 {
	w, b := f64(n.Weight)[0], f64(n.Bias)[0]
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = (v-mean)/math.Sqrt(variance+o.m.Config.LayerNormEps)*w[i] + b[i]
	}
	return y
}

func (o oracle) activate(v float64) float64 {
	switch o.m.Config.Activation {
	case "gelu":
		return v * 0.5 * math.Erfc(-v/math.Sqrt2)
	case "gelu_new":
		return 0.5 * v * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*math.Pow(v, 3))))
	default:
		return math.Max(0, v)
	}
}

// states gives [sentence][padded token][hidden].
func (o oracle) states(b *encoder.Batch) [][][]float64 {
	longest := 0
	for i := range b.Len() {
		longest = max(longest, int(b.Offsets[i+1]-b.Offsets[i]))
	}
	t := o.m.Transformer
	word, pos := f64(t.Word), f64(t.Position)
	var types [][]float64
	if t.Type != nil && o.m.Config.TypeVocabSize > 0 {
		types = f64(t.Type)
	}
	out := make([][][]float64, b.Len())
	for i := range out {
		lo, hi := int(b.Offsets[i]), int(b.Offsets[i+1])
		x := make([][]float64, longest)
		mask := make([]bool, longest)
		for p := range x {
			id, typ := int32(0), int32(0) // padding
			if lo+p < hi {
				id, mask[p] = b.IDs[lo+p], true
				if b.Types != nil {
					typ = b.Types[lo+p]
				}
			}
			e := make([]float64, o.m.Config.Hidden)
			for d := range e {
				e[d] = word[id][d] + pos[p][d]
				if types != nil {
					e[d] += types[typ][d]
				}
			}
			x[p] = o.layerNorm(e, t.Norm)
		}
		for l := range t.Layers {
			x = o.layer(x, mask, &t.Layers[l])
		}
		out[i] = x
	}
	return out
}

func (o oracle) layer(x [][]float64, mask []bool, l *model.Layer) [][]float64 {
	q, k, v := affineAll(x, l.Query), affineAll(x, l.Key), affineAll(x, l.Value)
	heads, width := o.m.Config.Heads, o.m.Config.Hidden/o.m.Config.Heads
	mixed := make([][]float64, len(x))
	for i := range x {
		mixed[i] = make([]float64, o.m.Config.Hidden)
		for h := range heads {
			weights := make([]float64, len(x))
			total := 0.0
			for j := range x {
				if !mask[j] {
					continue
				}
				s := 0.0
				for d := h * width; d < (h+1)*width; d++ {
					s += q[i][d] * k[j][d]
				}
				weights[j] = math.Exp(s / math.Sqrt(float64(width)))
				total += weights[j]
			}
			for j := range x {
				for d := h * width; d < (h+1)*width; d++ {
					mixed[i][d] += weights[j] / total * v[j][d]
				}
			}
		}
	}
	attended := affineAll(mixed, l.Output)
	for i := range x {
		for d := range x[i] {
			attended[i][d] += x[i][d]
		}
		attended[i] = o.layerNorm(attended[i], l.AttentionNorm)
	}
	inner := affineAll(attended, l.Up)
	for i := range inner {
		for d := range inner[i] {
			inner[i][d] = o.activate(inner[i][d])
		}
	}
	out := affineAll(inner, l.Down)
	for i := range out {
		for d := range out[i] {
			out[i][d] += attended[i][d]
		}
		out[i] = o.layerNorm(out[i], l.OutputNorm)
	}
	return out
}

// vectors pools, applies Dense, truncates and normalises.
func (o oracle) vectors(b *encoder.Batch, out encoder.Output) [][]float64 {
	var states [][][]float64
	if o.m.Static != nil {
		states = o.staticStates(b)
	} else {
		states = o.states(b)
	}
	vectors := make([][]float64, b.Len())
	for i := range vectors {
		n := int(b.Offsets[i+1] - b.Offsets[i])
		var v []float64
		for mode := range strings.SplitSeq(string(o.m.Pooling), "+") {
			v = append(v, poolOracle(mode, states[i], n)...)
		}
		for _, d := range o.m.Dense {
			v = affine(v, d.Linear)
			for j := range v {
				if d.Activation == "tanh" {
					v[j] = math.Tanh(v[j])
				}
			}
		}
		if out.Dims > 0 {
			v = v[:out.Dims]
		}
		if out.Normalize {
			length := 0.0
			for _, e := range v {
				length = math.Hypot(length, e)
			}
			for j := range v {
				v[j] /= math.Max(length, 1e-12)
			}
		}
		vectors[i] = v
	}
	return vectors
}

func (o oracle) staticStates(b *encoder.Batch) [][][]float64 {
	rows := f64(o.m.Static.Rows)
	out := make([][][]float64, b.Len())
	for i := range out {
		for _, id := range b.IDs[b.Offsets[i]:b.Offsets[i+1]] {
			row := append([]float64(nil), rows[id]...)
			if o.m.Static.Scale != nil {
				for j := range row {
					row[j] *= f64(o.m.Static.Scale)[0][id]
				}
			}
			out[i] = append(out[i], row)
		}
	}
	return out
}

// poolOracle pools the first n of the padded states, weighting each token.
func poolOracle(mode string, states [][]float64, n int) []float64 {
	out := make([]float64, len(states[0]))
	for d := range out {
		var column []float64
		for _, s := range states[:n] {
			column = append(column, s[d])
		}
		sum, weighted, weights, top := 0.0, 0.0, 0.0, math.Inf(-1)
		for t, v := range column {
			sum += v
			weighted += v * float64(t+1)
			weights += float64(t + 1)
			top = math.Max(top, v)
		}
		switch mode {
		case "mean":
			out[d] = sum / float64(n)
		case "mean_sqrt_len":
			out[d] = sum / math.Sqrt(float64(n))
		case "weightedmean":
			out[d] = weighted / weights
		case "max":
			out[d] = top
		case "cls":
			out[d] = column[0]
		case "lasttoken":
			out[d] = column[n-1]
		}
	}
	return out
}
