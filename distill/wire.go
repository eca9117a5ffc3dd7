package distill

import (
	"fmt"
	"math"
	"slices"

	"semdex/embed/model"
	"semdex/embed/trainable"
	"semdex/internal/train"
)

// The start that Wire gives a model. Every row of its embeddings has a mean
// square of one, split between words, positions and token types, so that the
// first LayerNorm changes next to nothing.
const (
	wordShare     = 0.72
	positionShare = 0.16
	typeShare     = 1 - wordShare - positionShare

	wireMixing = 0.05 // standard deviation of what attention takes and gives

	// Gains of queries and keys: enough for a softmax that prefers the wanted
	// token by some factors of e, and not so much that it has no gradient.
	neighbourGain = 1.7
	sameGain      = 2.0
	acrossGain    = 1.2
	restGain      = 2.6

	// A word of weight has about three quarters of the filling that a comma has;
	// what is halfway between counts as neither.
	tellGain, tellMiddle = 1.5, 0.88
)

// head is what an attention head looks for at first.
type head int

const (
	drawn  head = iota // nothing in particular
	before             // the token before
	after
	before2 // the one before that
	after2
	same // the same or a similar word in the other text
	same2
	across // all of the other text
)

// wiring is the heads of a layer; wider layers repeat it.
var wiring = [...]head{before, after, same, across, before2, after2, same2, drawn}

var shifts = map[head]int{before: -1, after: 1, before2: -2, after2: 2}

// layout says which dimensions hold what at first: words, positions, the token
// type, and what makes the rows of all words equally long.
type layout struct{ hidden, words, width, kind, rest int }

func (l layout) positions() int { return l.words }

// Wire rewrites an untrained BERT for reading pairs of texts. Small models that
// begin at random spend most of a short training on finding out that
// neighbouring tokens belong together and that the same word may stand in both
// texts. After Wire some heads of every layer look at the tokens next to theirs,
// whose sinusoidal positions are a rotation away (Vaswani et al. 2017, section
// 3.5), some at similar words in the other text, and one at all of it; the rest
// is as it was. Words are the leading dimensions of a static table's, lengths
// included, which say how much a word matters; two dimensions bring all rows to
// one length. Everything can be unlearnt.
//
// M must be Create's, a BERT with at least 24 values a head, and have from's
// vocabulary. Wire returns a new model. Errors wrap ErrSpec.
func Wire(m, from *model.Model) (*model.Model, error) {
	l, err := wireLayout(m, from)
	if err != nil {
		return nil, err
	}
	e, err := trainable.Encoder(m)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSpec, err)
	}
	pooler, err := trainable.Pooler(m)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSpec, err)
	}
	if err := l.fillWords(train.Describe(e.Word).Values, from); err != nil {
		return nil, err
	}
	l.fillPositions(train.Describe(e.Position).Values)
	l.fillTypes(train.Describe(e.Type).Values)
	for _, layer := range e.Layers {
		gain := float32(wireMixing / m.Config.InitRange)
		for _, p := range []*train.Linear{layer.Value, layer.Output} {
			for i, w := range train.Describe(p.Weight).Values {
				train.Describe(p.Weight).Values[i] = gain * w
			}
		}
		for h := range e.Config.Heads {
			l.wire(layer, h, wiring[h%len(wiring)])
		}
	}
	return trainable.Model(m, e, pooler), nil
}

func wireLayout(m, from *model.Model) (layout, error) {
	c := m.Config
	if m.Architecture != model.BERT || m.Transformer == nil || c.TypeVocabSize < 2 {
		return layout{}, fmt.Errorf("%w: only a BERT tells the two texts of a pair apart", ErrSpec)
	}
	if from.Static == nil || from.Static.Len() != c.VocabSize {
		return layout{}, fmt.Errorf("%w: %s is no static table of %d words", ErrSpec, from.Name, c.VocabSize)
	}
	width := c.Hidden / c.Heads &^ 1
	l := layout{hidden: c.Hidden, words: c.Hidden - width - 4, width: width, kind: c.Hidden - 4, rest: c.Hidden - 2}
	switch {
	case width < 24:
		return l, fmt.Errorf("%w: heads of %d values; 24 hold positions", ErrSpec, width)
	case l.words < 2*width || from.Static.Dims() < l.words:
		return l, fmt.Errorf("%w: words of %d dimensions in a width of %d", ErrSpec, from.Static.Dims(), c.Hidden)
	}
	return l, nil
}

// fillWords takes the rows of a static table, the longest percent of them cut,
// and fills every one up to the same length.
func (l layout) fillWords(table []float32, from *model.Model) error {
	n := len(table) / l.hidden
	row := func(i int) []float32 { return table[i*l.hidden:][:l.hidden] }
	squares := make([]float64, n)
	buf := make([]float32, 0, from.Static.Dims())
	for i := range n {
		clear(row(i))
		if from.Tokenizer.IsSpecial(int32(i)) {
			continue
		}
		buf = from.Static.AppendRow(buf[:0], i)[:l.words]
		mean := sum(buf) / float64(l.words)
		for d, v := range buf {
			row(i)[d] = float32(float64(v) - mean)
			squares[i] += float64(row(i)[d]) * float64(row(i)[d])
		}
	}
	sorted := slices.Sorted(slices.Values(squares))
	longest := sorted[n-1-n/100]
	if !(longest > 0) || math.IsInf(longest, 0) {
		return fmt.Errorf("%w: the table's long rows have the squared length %g", ErrSpec, longest)
	}
	target := wordShare * float64(l.hidden)
	for i, square := range squares {
		scale := math.Sqrt(target / max(longest, square))
		for d := range row(i)[:l.words] {
			row(i)[d] *= float32(scale)
		}
		fill := float32(math.Sqrt(max(0, target-square*scale*scale) / 2))
		row(i)[l.rest], row(i)[l.rest+1] = fill, -fill
	}
	return nil
}

func sum(x []float32) (s float64) {
	for _, v := range x {
		s += float64(v)
	}
	return s
}

// frequency is that of pair i of a position's values: from 2 radians a token to
// .02, so that neighbours differ and far tokens do not look alike.
func (l layout) frequency(i int) float64 {
	return 2 * math.Pow(0.01, float64(i)/float64(l.width/2-1))
}

func (l layout) fillPositions(table []float32) {
	amplitude := math.Sqrt(positionShare * float64(l.hidden) / float64(l.width/2))
	clear(table)
	for p := range len(table) / l.hidden {
		row := table[p*l.hidden+l.positions():]
		for i := range l.width / 2 {
			sin, cos := math.Sincos(l.frequency(i) * float64(p))
			row[2*i], row[2*i+1] = float32(amplitude*sin), float32(amplitude*cos)
		}
	}
}

func (l layout) fillTypes(table []float32) {
	clear(table)
	v := float32(math.Sqrt(typeShare * float64(l.hidden) / 2))
	table[l.kind], table[l.kind+1] = -v, v
	table[l.hidden+l.kind], table[l.hidden+l.kind+1] = v, -v
}

// wire sets the queries and keys of a head, and the first values of it.
func (l layout) wire(layer *train.Layer, number int, h head) {
	if h == drawn {
		return
	}
	rows := func(p *train.Linear) [][]float32 {
		w := train.Describe(p.Weight).Values
		list := make([][]float32, l.width)
		for i := range list {
			list[i] = w[(number*l.width+i)*l.hidden:][:l.hidden]
			clear(list[i])
		}
		return list
	}
	q, k := rows(layer.Query), rows(layer.Key)
	if shift, ok := shifts[h]; ok {
		l.neighbour(q, k, shift)
		return
	}
	last := l.width - 1
	if h != across {
		from := 0
		if h == same2 {
			from = l.width - 2
		}
		for i := range l.width - 2 {
			q[i][from+i], k[i][from+i] = sameGain, sameGain
		}
		// Without a match attention rests on tokens that mean little, the
		// special ones first, or on the token itself.
		train.Describe(layer.Query.Bias).Values[number*l.width+last] = restGain
		k[last][l.rest] = restGain
	}
	q[last-1][l.kind], k[last-1][l.kind] = acrossGain, -acrossGain
	if h == same || h == same2 {
		l.tell(layer, number*l.width, map[head]int{same: l.kind + 1, same2: l.rest + 1}[h])
	}
}

// tell makes a head's first value say whether attention found a word of weight
// or came to rest on others, and writes that into a dimension of its own.
func (l layout) tell(layer *train.Layer, value, dimension int) {
	full := math.Sqrt(wordShare * float64(l.hidden) / 2) // of a row that is all filling
	in := train.Describe(layer.Value.Weight).Values[value*l.hidden:][:l.hidden]
	clear(in)
	in[l.rest] = tellGain
	train.Describe(layer.Value.Bias).Values[value] = float32(-tellGain * tellMiddle * full)
	out := train.Describe(layer.Output.Weight).Values
	for d := range l.hidden {
		out[d*l.hidden+value] = 0
	}
	out[dimension*l.hidden+value] = 1
}

// neighbour turns positions so that the token at a distance of shift fits best.
func (l layout) neighbour(q, k [][]float32, shift int) {
	at := l.positions()
	for i := range l.width / 2 {
		sin, cos := math.Sincos(l.frequency(i) * float64(shift))
		s, c := float32(neighbourGain*sin), float32(neighbourGain*cos)
		q[2*i][at+2*i], q[2*i][at+2*i+1] = c, s
		q[2*i+1][at+2*i], q[2*i+1][at+2*i+1] = -s, c
		k[2*i][at+2*i], k[2*i+1][at+2*i+1] = neighbourGain, neighbourGain
	}
}
