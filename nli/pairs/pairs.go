// Package pairs gathers pairs of texts that should lie close together, the
// training data of contrastive learning, from a folder of public corpora, from
// Wikipedia dumps and from files of the user's own. Every text of an evaluation
// set is kept out, and dev sets are held aside.
//
//	data, err := pairs.Open(ctx, "data", pairs.Options{})
//	source := data.Sources[0]
//	example := source.Draw(0, rng)
//	fmt.Println(data.Text(example.A), data.Text(example.B))
//
// A corpus that is not there is left out and named in Data.Missing.
package pairs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Options of Open. The zero value takes every corpus at its usual weight.
type Options struct {
	// Files are the user's own pairs: .tsv or .csv with two columns and no
	// header, or .jsonl with the keys "a" and "b" (and "group", see
	// Example.Group); plain or gzipped. Each file becomes a source.
	Files []string
	// FileWeight is the weight of each of Files, 10 if it is 0.
	FileWeight float64
	// Wiki are more Wikipedia files beside the folder's own, .jsonl or
	// .jsonl.gz with the keys "id", "title" and "text".
	Wiki []string
	// Weights overrides the weight of sources by name; 0 leaves one out. An
	// unknown name is an error.
	Weights map[string]float64
	// HeldOut is the number of SQuAD paragraphs held out with all their
	// questions as a retrieval dev set, 1000 if it is 0. A quarter as many
	// Korean Wikipedia pages are held out in the same way.
	HeldOut int
	// Seed of every random choice; the same seed gives the same data.
	Seed uint64
	// Log takes a line about each source; nil for silence.
	Log func(format string, args ...any)
}

// Data is what Open found.
type Data struct {
	// Texts are the pieces that examples are runs of: whole texts, or the
	// sentences of a passage.
	Texts   []string
	Sources []*Source
	Dev     Dev
	// Missing names the files of the folder's layout that were not there.
	Missing []string
}

// Run is the texts First to End-1 without Skip (-1: none is skipped).
type Run struct{ First, End, Skip int32 }

// Len is the number of texts in the run.
func (r Run) Len() int {
	n := int(r.End - r.First)
	if r.Skip >= r.First && r.Skip < r.End {
		n--
	}
	return n
}

// Text is the run's texts joined by a space.
func (d *Data) Text(r Run) string {
	parts := make([]string, 0, r.Len())
	for i := r.First; i < r.End; i++ {
		if i != r.Skip {
			parts = append(parts, d.Texts[i])
		}
	}
	return strings.Join(parts, " ")
}

// Example is one pair. Examples of one Group (above 0; its number means
// something within one source alone) are about the same thing and must not be
// negatives of each other.
type Example struct {
	A, B  Run
	Group int32
	// Not is a text that must lie apart from A, though it resembles B: a hard
	// negative. It is empty where there is none. NotGroup is what it is about.
	Not      Run
	NotGroup int32
}

// Source is one kind of pair. Its examples are numbered; some are cut afresh at
// every draw.
type Source struct {
	Name    string
	Licence string
	// Weight is the share of training batches that come from here, relative to
	// the other sources.
	Weight float64
	// Sharpness is what a trainer's scale (inverse temperature) is multiplied by
	// for this source; 0 stands for 1. Above 1 it teaches to find the one right
	// text among similar ones, below 1 to grade similarity.
	Sharpness float64

	n    int
	draw func(i int, rng *rand.Rand) Example
}

// Len is the number of examples.
func (s *Source) Len() int { return s.n }

// Draw gives example i of Len. It may depend on rng, and on nothing else.
func (s *Source) Draw(i int, rng *rand.Rand) Example { return s.draw(i, rng) }

// NewSource makes a source over a fixed list of examples.
func NewSource(name, licence string, weight float64, list []Example) *Source {
	return NewDrawn(name, licence, weight, len(list), func(i int, _ *rand.Rand) Example { return list[i] })
}

// NewDrawn makes a source of n examples that draw cuts afresh every time; see
// Source.Draw.
func NewDrawn(name, licence string, weight float64, n int, draw func(i int, rng *rand.Rand) Example) *Source {
	return &Source{Name: name, Licence: licence, Weight: weight, n: n, draw: draw}
}

// Open reads the corpora below dir. The paths it looks for are named in this
// package; those it does not find are in Data.Missing.
// With an empty dir only o.Files and o.Wiki are read, and there are no dev
// sets.
func Open(ctx context.Context, dir string, o Options) (*Data, error) {
	b := newBuilder(ctx, dir, o)
	steps := []func() error{b.heldOut, b.inference, b.parallel, b.paraphrases, b.squad, b.koreanQuestions, b.wikipedia}
	if dir == "" {
		steps = []func() error{b.wikipedia}
	}
	for _, step := range append(steps, b.ownFiles) {
		err := step()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
	}
	return b.finish()
}

// finish applies the weights and drops empty sources.
func (b *builder) finish() (*Data, error) {
	known := map[string]bool{}
	kept := b.data.Sources[:0]
	for _, s := range b.data.Sources {
		known[s.Name] = true
		if w, ok := b.opt.Weights[s.Name]; ok {
			s.Weight = w
		}
		if s.Weight < 0 {
			return nil, fmt.Errorf("weight %g of source %s is negative", s.Weight, s.Name)
		}
		if s.Weight > 0 && s.Len() > 0 {
			kept = append(kept, s)
			b.logf("source %s: %d pairs, weight %g", s.Name, s.Len(), s.Weight)
		}
	}
	b.data.Sources = kept
	for name := range b.opt.Weights {
		if !known[name] {
			return nil, fmt.Errorf("weight for unknown source %q", name)
		}
	}
	if len(kept) == 0 {
		if len(b.data.Missing) == 0 {
			return nil, errors.New("no training pairs")
		}
		return nil, fmt.Errorf("no training pairs: %d files of the data folder are missing (%s ...)",
			len(b.data.Missing), strings.Join(b.data.Missing[:min(3, len(b.data.Missing))], ", "))
	}
	return b.data, nil
}
