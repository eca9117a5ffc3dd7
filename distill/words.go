package distill

import (
	"fmt"
	"math"

	"semdex/embed/model"
)

// TakeWords gives the tokens of m that from knows too the directions of their
// vectors there, the first dimensions of them, at the length that Create draws
// rows with. A model over words that mean something learns to use context
// sooner than one that has to find out both. It returns the number of rows taken.
// M must be Create's. Errors wrap ErrSpec.
func TakeWords(m, from *model.Model) (int, error) {
	row, dims := rowsOf(from)
	if row == nil || m.Transformer == nil {
		return 0, fmt.Errorf("%w: no table of words", ErrSpec)
	}
	hidden := m.Config.Hidden
	if dims < hidden {
		return 0, fmt.Errorf("%w: words of %d dimensions for a width of %d", ErrSpec, dims, hidden)
	}
	length := m.Config.InitRange * math.Sqrt(float64(hidden))
	table, tok := m.Transformer.Word.F32(), m.Tokenizer
	taken := 0
	var buf []float32
	for id := range int32(tok.Len()) {
		there, known := from.Tokenizer.ID(tok.Token(id))
		if !known || tok.IsSpecial(id) {
			continue
		}
		buf = row(buf[:0], int(there))[:hidden]
		var square float64
		for _, x := range buf {
			square += float64(x) * float64(x)
		}
		if square == 0 {
			continue
		}
		scale := float32(length / math.Sqrt(square))
		for i, x := range buf {
			table[int(id)*hidden+i] = x * scale
		}
		taken++
	}
	m.Transformer.Word = model.NewF32(m.Transformer.Word.Name, m.Transformer.Word.Shape, table)
	return taken, nil
}

// rowsOf reads the word table of any model.
func rowsOf(m *model.Model) (row func(dst []float32, i int) []float32, dims int) {
	switch {
	case m.Static != nil:
		return m.Static.AppendRow, m.Static.Dims()
	case m.Transformer != nil:
		return m.Transformer.Word.AppendRow, m.Transformer.Word.Cols()
	}
	return nil, 0
}
