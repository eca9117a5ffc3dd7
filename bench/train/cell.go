package main

import (
	"fmt"
	"math/rand/v2"
)

// shape is a DistilBERT of six layers.
type shape struct {
	Name                 string
	Hidden, Heads, Inner int
}

// size is a batch of sentences of one length: the rectangular case, in which
// padding costs the peer nothing.
type size struct{ Sentences, Tokens int }

func (s size) String() string { return fmt.Sprintf("%dx%d", s.Sentences, s.Tokens) }

var (
	shapes = []shape{{"256", 256, 8, 1024}, {"384", 384, 12, 1536}, {"base", 768, 12, 3072}}
	sizes  = []size{{64, 20}, {16, 128}, {8, 256}}
)

// The losses.
const (
	lossMLM      = "mlm"      // cross-entropy of 15 % of the tokens over the vocabulary
	lossSentence = "sentence" // squared distance of mean-pooled sentences to fixed vectors
)

// What all models have in common.
const (
	layers    = 6
	vocab     = 24_000
	positions = 512
	rate      = 0.1
	masked    = 0.15
)

// cell is one comparison.
type cell struct {
	loss    string
	threads int
	shape   shape
	size    size
}

func (c cell) id() string {
	return fmt.Sprintf("%s/%dt/%s/%v", c.loss, c.threads, c.shape.Name, c.size)
}

// group is what the processes of two sides are started for.
func (c cell) group() string { return fmt.Sprintf("%s/%dt/%s", c.loss, c.threads, c.shape.Name) }

// cells lists all, the most telling first.
func cells() []cell {
	var all []cell
	for _, loss := range []string{lossMLM, lossSentence} {
		for _, threads := range []int{1, 2} {
			for _, s := range shapes {
				for _, z := range sizes {
					all = append(all, cell{loss, threads, s, z})
				}
			}
		}
	}
	return all
}

// model is a shape as both sides read it.
type model struct {
	Head      string  `json:"head"`
	Layers    int     `json:"layers"`
	Hidden    int     `json:"hidden"`
	Heads     int     `json:"heads"`
	Inner     int     `json:"inner"`
	Vocab     int     `json:"vocab"`
	Positions int     `json:"positions"`
	Dropout   float64 `json:"dropout"`
}

func (c cell) model() *model {
	return &model{
		Head: c.loss, Layers: layers, Hidden: c.shape.Hidden, Heads: c.shape.Heads, Inner: c.shape.Inner,
		Vocab: vocab, Positions: positions, Dropout: rate,
	}
}

// batch is a batch with what its loss needs.
type batch struct {
	IDs     [][]int32   `json:"ids"`
	Rows    []int32     `json:"rows,omitempty"`    // masked tokens
	Targets []int32     `json:"targets,omitempty"` // of the masked tokens
	Vectors [][]float32 `json:"vectors,omitempty"` // of the sentences
}

// batch draws random tokens and targets, the same in every run.
func (c cell) batch() *batch {
	rng := rand.New(rand.NewPCG(1, uint64(c.size.Tokens)))
	b := new(batch)
	for range c.size.Sentences {
		ids := make([]int32, c.size.Tokens)
		for i := range ids {
			ids[i] = rng.Int32N(vocab)
		}
		b.IDs = append(b.IDs, ids)
	}
	if c.loss == lossMLM {
		tokens := c.size.Sentences * c.size.Tokens
		n := int(masked * float64(tokens))
		for i := range n {
			b.Rows = append(b.Rows, int32(i*tokens/n))
			b.Targets = append(b.Targets, rng.Int32N(vocab))
		}
		return b
	}
	for range c.size.Sentences {
		v := make([]float32, c.shape.Hidden)
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		b.Vectors = append(b.Vectors, v)
	}
	return b
}
