package wordpiece

import (
	"context"
	"iter"
	"strings"
	"unicode"

	"golang.org/x/sync/errgroup"

	"semdex/embed/tokenize"
)

// Fit says how a vocabulary fits a text.
type Fit struct {
	Words   int64 `json:"words"`   // separated by white space
	Pieces  int64 `json:"pieces"`  // unknown tokens included
	Unknown int64 `json:"unknown"` // tokens that stand for what cannot be spelt
}

// PerWord is the mean number of pieces of a word.
func (f Fit) PerWord() float64 { return ratio(f.Pieces, f.Words) }

// UnknownRate is the share of pieces that are the unknown token.
func (f Fit) UnknownRate() float64 { return ratio(f.Unknown, f.Pieces) }

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// Measure says how each tokenizer breaks texts, which are read once.
func Measure(ctx context.Context, texts iter.Seq2[string, error], workers int, toks ...*tokenize.Tokenizer) ([]Fit, error) {
	work, ctx := errgroup.WithContext(ctx)
	chunks := make(chan []string)
	sums := make([][]Fit, max(1, workers))
	for i := range sums {
		sums[i] = make([]Fit, len(toks))
		work.Go(func() error {
			for chunk := range chunks {
				for j, t := range toks {
					sums[i][j].add(t, chunk)
				}
			}
			return nil
		})
	}
	work.Go(func() error {
		defer close(chunks)
		return inChunks(ctx, texts, chunks)
	})
	if err := work.Wait(); err != nil {
		return nil, err
	}
	fits := make([]Fit, len(toks))
	for _, sum := range sums {
		for j, f := range sum {
			fits[j].Words += f.Words
			fits[j].Pieces += f.Pieces
			fits[j].Unknown += f.Unknown
		}
	}
	return fits, nil
}

func (f *Fit) add(t *tokenize.Tokenizer, texts []string) {
	var ids []int32
	for _, text := range texts {
		for range strings.FieldsFuncSeq(text, unicode.IsSpace) {
			f.Words++
		}
		ids = t.AppendIDs(ids[:0], text)
		f.Pieces += int64(len(ids))
		for _, id := range ids {
			if id == t.UnknownID() {
				f.Unknown++
			}
		}
	}
}
