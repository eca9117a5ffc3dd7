package kernel

import "math"

// Attention computes scaled dot-product attention (Vaswani et al. 2017,
// section 3.2.1) within one sentence, every token seeing every other. One
// Attention serves one goroutine; its buffers grow to the longest sentence seen
// and are kept.
//
// Queries are taken 32 at a time, side by side in the lanes of vectors: scores
// lie transposed, a row for each key, so that keys are read as they are and the
// softmax needs no sum across lanes.
type Attention struct {
	Heads, Dim int // Dim values per head
	// Int8 allows products of bytes, which only some levels have and only long
	// sentences gain from.
	Int8 bool

	queries []float32              // [Dim, 32] the block's queries
	scores  []float32              // [tokens, 32]
	values  []float32              // [panels of Dim][tokens][32], V of a head
	last    [panel * panel]float32 // output of a panel that Dim does not fill
	zero    [panel]float32

	bytes byteAttention
}

// directValues is the number of tokens up to which V is read in place. Beyond,
// rows so far apart would push each other out of the first cache level.
const directValues = 32

// Run computes every head of a sentence of n tokens. Queries, keys and values
// are [n, Heads*Dim] with rows stride values apart, so is out with rows
// outStride apart.
func (a *Attention) Run(l Level, n int, query, key, value []float32, stride int, out []float32, outStride int) {
	for h := range a.Heads {
		a.Head(l, h, n, query, key, value, stride, out, outStride)
	}
}

// Head computes one head: Dim columns of out.
func (a *Attention) Head(l Level, head, n int, query, key, value []float32, stride int, out []float32, outStride int) {
	a.Fit(n)
	off := head * a.Dim
	query, key, value, out = query[off:], key[off:], value[off:], out[off:]
	if a.overBytes(l, n) {
		a.headBytes(l, n, query, key, value, stride, out, outStride)
		return
	}
	inPlace := n <= directValues && a.Dim%panel == 0
	if !inPlace {
		for col := 0; col < a.Dim; col += panel {
			packRows(a.values[col*n:], value[col:], stride, n, min(panel, a.Dim-col))
		}
	}
	for lo := 0; lo < n; lo += panel {
		rows := min(panel, n-lo)
		a.score(l, n, rows, query[lo*stride:], key, stride)
		for col := 0; col < a.Dim; col += panel {
			t := tile{k: n, a: a.scores, lda: panel, transposed: true, from: a.zero[:]}
			if inPlace {
				t.b, t.ldb = value[col:], stride
			} else {
				t.b, t.ldb = a.values[col*n:], panel
			}
			a.mix(l, &t, rows, out[lo*outStride+col:], outStride, min(panel, a.Dim-col))
		}
	}
}

// Fit makes room for sentences of up to n tokens; Head does so by itself.
func (a *Attention) Fit(n int) {
	if len(a.queries) == 0 {
		a.queries = make([]float32, a.Dim*panel)
	}
	if need := n * panel; len(a.scores) < need {
		a.scores = make([]float32, need)
	}
	if need := n * padPanel(a.Dim); len(a.values) < need {
		a.values = make([]float32, need)
	}
	if a.Int8 {
		a.bytes.fit(n, a.Dim)
	}
}

// score fills a.scores with the softmax over n keys for some queries.
func (a *Attention) score(l Level, n, rows int, query, key []float32, stride int) {
	l.packColumns(a.queries, query, stride, rows, a.Dim)
	narrow := rows <= panel/2
	t := tile{k: a.Dim, a: key, lda: stride, b: a.queries, ldb: panel, c: a.scores, ldc: panel, from: a.zero[:], narrow: narrow}
	t.rows(l, n)
	l.softmaxColumns(a.scores, n, rows, float32(1/math.Sqrt(float64(a.Dim))))
}

// mix writes the columns of one panel of the context: scores times values.
func (a *Attention) mix(l Level, t *tile, rows int, out []float32, stride, cols int) {
	if cols == panel {
		t.c, t.ldc = out, stride
		t.rows(l, rows)
		return
	}
	t.c, t.ldc = a.last[:], panel
	t.rows(l, rows)
	for r := range rows {
		copy(out[r*stride:r*stride+cols], a.last[r*panel:])
	}
}
