package distill

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"semdex/embed/model"
	"semdex/embed/tokenize"
)

// Extend is m with tokens, words of normalized text, behind its vocabulary.
// Every token keeps its id and its row, bit for bit, so a text that none of the
// new tokens occurs in has the same vector as before. Rows of m's table beyond
// its vocabulary, which no text could reach, are used first.
//
// The row of a new token is the mean of the rows of the pieces that the old
// vocabulary spells it with, characters that it does not know left out; if it
// knows none, the mean of all rows (Hewitt 2021). The rows and biases of a head
// that predicts tokens are means too: the score of a new token is then the mean
// of what its pieces score, so that it neither drowns out the others nor is
// drowned. M's other tensors are shared, not copied. Errors wrap ErrSpec.
func Extend(m *model.Model, tokens []string) (*model.Model, error) {
	tok, err := m.Tokenizer.Extend(tokens...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSpec, err)
	}
	g := &growth{first: m.Tokenizer.Len(), pieces: make([][]int32, len(tokens))}
	for i, token := range tokens {
		g.pieces[i] = spell(m.Tokenizer, token)
	}
	out := &model.Model{
		Name: m.Name, Architecture: m.Architecture, Config: m.Config, Tokenizer: tok, Heads: maps.Clone(m.Heads),
		Pooling: m.Pooling, PoolingAssumed: m.PoolingAssumed, Dense: slices.Clone(m.Dense), Normalize: m.Normalize,
		MaxTokens: m.MaxTokens, Prompts: maps.Clone(m.Prompts), DefaultPrompt: m.DefaultPrompt,
		Similarity: m.Similarity, TruncateDim: m.TruncateDim, Card: m.Card,
	}
	if m.Static != nil {
		out.Static, err = g.static(m.Static)
	} else {
		err = g.transformer(out, m)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSpec, err)
	}
	out.Config.VocabSize = max(m.Config.VocabSize, tok.Len())
	return out, nil
}

// spell gives the pieces of a token without special ones.
func spell(t *tokenize.Tokenizer, token string) []int32 {
	ids, _ := t.Vocab().Spell(token)
	return slices.DeleteFunc(ids, func(id int32) bool { return id == t.UnknownID() || t.IsSpecial(id) })
}

// growth says which rows a table gets, and from which.
type growth struct {
	first  int       // the first new id
	pieces [][]int32 // of each new token
}

// predictors are the tensors of heads that have a row for every token.
var predictors = []string{
	"cls.predictions.bias", "cls.predictions.decoder.weight", "cls.predictions.decoder.bias",
	"vocab_projector.weight", "vocab_projector.bias",
}

// transformer grows the word table of m and what is tied to it into out.
func (g *growth) transformer(out, m *model.Model) error {
	t := *m.Transformer
	word := t.Word
	var err error
	if t.Word, err = g.table(word); err != nil {
		return err
	}
	out.Transformer = &t
	for _, name := range predictors {
		head := m.Heads[name]
		switch {
		case head == nil:
		case head.Rows() != word.Rows():
			return fmt.Errorf("tensor %s has %d rows, the word table %d", name, head.Rows(), word.Rows())
		case head.DType == word.DType && slices.Equal(head.Shape, word.Shape) && bytes.Equal(head.Data, word.Data): // tied
			out.Heads[name] = t.Word
		default:
			if out.Heads[name], err = g.table(head); err != nil {
				return err
			}
		}
	}
	return nil
}

// table is t with the new rows, in t's own type.
func (g *growth) table(t *model.Tensor) (*model.Tensor, error) {
	encode := encoders[t.DType]
	if encode == nil {
		return nil, fmt.Errorf("tensor %s is %s, want floats", t.Name, t.DType)
	}
	rows := g.rows(t.Cols(), t.AppendRow)
	var data []byte
	for _, v := range rows {
		data = encode(data, v)
	}
	return g.place(t, data), nil
}

// static is a static table with the new rows. Those of an int8 table get scales
// of their own.
func (g *growth) static(s *model.StaticTable) (*model.StaticTable, error) {
	if s.Scale == nil {
		rows, err := g.table(s.Rows)
		return &model.StaticTable{Rows: rows}, err
	}
	shape := []int{len(g.pieces), s.Dims()}
	fresh := (&model.StaticTable{Rows: model.NewF32("rows", shape, g.rows(s.Dims(), s.AppendRow))}).Quantize()
	return &model.StaticTable{Rows: g.place(s.Rows, fresh.Rows.Data), Scale: g.place(s.Scale, fresh.Scale.Data)}, nil
}

// rows computes the new rows from the old ones, which row appends.
func (g *growth) rows(cols int, row func([]float32, int) []float32) []float32 {
	out := make([]float32, 0, cols*len(g.pieces))
	sum, values := make([]float64, cols), make([]float32, 0, cols)
	add := func(i int) {
		values = row(values[:0], i)
		for j, v := range values {
			sum[j] += float64(v)
		}
	}
	var all []float32 // the mean of all rows, once it is needed
	mean := func(n int) {
		for _, v := range sum {
			out = append(out, float32(v/float64(n)))
		}
		clear(sum)
	}
	for _, pieces := range g.pieces {
		switch {
		case len(pieces) > 0:
			for _, id := range pieces {
				add(int(id))
			}
			mean(len(pieces))
		case all == nil:
			for i := range g.first {
				add(i)
			}
			mean(g.first)
			all = out[len(out)-cols:]
		default:
			out = append(out, all...)
		}
	}
	return out
}

// place puts the encoded new rows behind the rows of t that have a token.
func (g *growth) place(t *model.Tensor, fresh []byte) *model.Tensor {
	used := g.first * t.Cols() * t.DType.Size()
	data := slices.Concat(t.Data[:used], fresh)
	if len(data) < len(t.Data) {
		data = append(data, t.Data[len(data):]...)
	}
	shape := slices.Clone(t.Shape)
	shape[0] = max(shape[0], g.first+len(g.pieces))
	return &model.Tensor{Name: t.Name, DType: t.DType, Shape: shape, Data: data}
}

// encoders append a value in little endian.
var encoders = map[model.DType]func([]byte, float32) []byte{
	model.F64: func(b []byte, v float32) []byte {
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(v)))
	},
	model.F32:  func(b []byte, v float32) []byte { return binary.LittleEndian.AppendUint32(b, math.Float32bits(v)) },
	model.F16:  func(b []byte, v float32) []byte { return binary.LittleEndian.AppendUint16(b, model.F32ToF16(v)) },
	model.BF16: func(b []byte, v float32) []byte { return binary.LittleEndian.AppendUint16(b, model.F32ToBF16(v)) },
}
