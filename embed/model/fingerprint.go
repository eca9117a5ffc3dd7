package model

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// fingerprint is computed at the first call.
type fingerprint struct {
	once sync.Once
	hex  string
}

// Fingerprint identifies the vectors the model gives: 64 hexadecimal digits of
// a SHA-256 over the architecture, the configuration that matters to a forward
// pass, every weight from the embeddings to the last Dense module, pooling,
// normalisation, the longest input, prompts and the tokenizer.
//
// Float weights count by value, so a folder of another generation, with other
// key prefixes, as safetensors or pickle, in f32 or in f16 with the same values,
// has the same fingerprint. Rounding f32 to f16 or int8 changes it. Heads,
// dropout, labels, BERT's pooler and the model card do not count.
//
// The first call reads all weights, on all cores; later ones cost nothing. It
// is safe for concurrent use, but not beside Close.
func (m *Model) Fingerprint() string {
	m.print.once.Do(func() { m.print.hex = hex.EncodeToString(m.sum()) })
	return m.print.hex
}

func (m *Model) sum() []byte {
	h := sha256.New()
	c := m.Config
	fmt.Fprintf(h, "semdex model 1\n%s %d %d %d %g %s\n", m.Architecture, c.Hidden, c.Heads, m.MaxTokens, c.LayerNormEps, c.Activation)
	fmt.Fprintf(h, "%s %t %d\n", m.Pooling, m.Normalize, m.TruncateDim)
	for _, d := range m.Dense {
		fmt.Fprintf(h, "dense %s\n", d.Activation)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Prompts)) {
		if text := m.Prompts[name]; text != "" {
			fmt.Fprintf(h, "prompt %q %q %t\n", name, text, name == m.DefaultPrompt)
		}
	}
	if m.Tokenizer != nil {
		sum := m.Tokenizer.Fingerprint()
		fmt.Fprintf(h, "tokenizer %x\n", sum)
	}
	m.sumWeights(h)
	return h.Sum(nil)
}

// hashPiece is the number of elements hashed as one leaf.
const hashPiece = 1 << 20

// sumWeights writes the names, shapes and leaf hashes of all tensors. The
// leaves, pieces of at most hashPiece elements, are hashed by as many
// goroutines as there are processors.
func (m *Model) sumWeights(h hash.Hash) {
	type leaf struct {
		t        *Tensor
		from, to int
		sum      [sha256.Size]byte
	}
	var leaves []leaf
	add := func(name string, t *Tensor) {
		fmt.Fprintf(h, "%s %v %t\n", name, t.Shape, t.DType == I8)
		for from, n := 0, t.Len(); from < n; from += hashPiece {
			leaves = append(leaves, leaf{t: t, from: from, to: min(from+hashPiece, n)})
		}
	}
	for s := range m.slots() {
		add(s.name, *s.at)
	}
	if m.Static != nil && m.Static.Scale != nil {
		add(staticScale, m.Static.Scale)
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(leaves)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(leaves)); i = next.Add(1) - 1 {
				l := &leaves[i]
				l.sum = l.t.sum(l.from, l.to)
			}
		})
	}
	workers.Wait()
	for i := range leaves {
		h.Write(leaves[i].sum[:])
	}
}

// sum hashes the elements [from, to): int8 as they are, all floats as float32
// in little endian.
func (t *Tensor) sum(from, to int) [sha256.Size]byte {
	if size := t.DType.Size(); t.DType == I8 || t.DType == F32 {
		return sha256.Sum256(t.Data[from*size : to*size])
	}
	h := sha256.New()
	const piece = 1 << 12
	values, buf := make([]float32, 0, piece), make([]byte, 0, 4*piece)
	for ; from < to; from += piece {
		values = t.appendElems(values[:0], from, min(from+piece, to))
		buf = buf[:0]
		for _, v := range values {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		h.Write(buf)
	}
	return [sha256.Size]byte(h.Sum(nil))
}
