package sbert

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"semdex/embed/tokenize"
	"semdex/nli/pairs"
)

// ErrData marks training data with nothing to learn from, or that does not fit
// the model.
var ErrData = errors.New("unusable training data")

// Corpus is pairs as tokens.
type Corpus struct {
	sources        []*pairs.Source
	texts          [][]int32 // of pairs.Data.Texts, without special tokens
	class, closing int32     // [CLS] and [SEP]
	vocab          int
}

// NewCorpus tokenises the texts of data. Errors wrap ErrData or are ctx's.
func NewCorpus(ctx context.Context, tok *tokenize.Tokenizer, data *pairs.Data, workers int) (*Corpus, error) {
	if len(data.Sources) == 0 {
		return nil, fmt.Errorf("%w: no sources of pairs", ErrData)
	}
	c := &Corpus{sources: data.Sources, class: tok.ClassID(), closing: tok.SeparatorID(), vocab: tok.Len()}
	if c.class < 0 || c.closing < 0 {
		return nil, fmt.Errorf("%w: the tokenizer has no [CLS] or no [SEP]", ErrData)
	}
	c.texts = make([][]int32, len(data.Texts))
	const part = 256
	var next atomic.Int64
	var wg sync.WaitGroup
	for range max(1, workers) {
		wg.Go(func() {
			for ctx.Err() == nil {
				lo := int(next.Add(part)) - part
				if lo >= len(c.texts) {
					return
				}
				c.tokenise(tok, data.Texts, lo, min(lo+part, len(c.texts)))
			}
		})
	}
	wg.Wait()
	return c, ctx.Err()
}

// tokenise keeps the tokens of some texts in one piece of memory.
func (c *Corpus) tokenise(tok *tokenize.Tokenizer, texts []string, lo, hi int) {
	var all []int32
	ends := make([]int, 0, hi-lo)
	for _, s := range texts[lo:hi] {
		all = tok.AppendIDs(all, s)
		ends = append(ends, len(all))
	}
	from := 0
	for i, end := range ends {
		c.texts[lo+i] = all[from:end:end]
		from = end
	}
}

// append adds the tokens of a run to dst, cut to most and between [CLS] and
// [SEP]. A run without tokens adds nothing.
func (c *Corpus) append(dst []int32, r pairs.Run, most int) []int32 {
	from := len(dst)
	dst = append(dst, c.class)
	for i := r.First; i < r.End; i++ {
		if i != r.Skip {
			dst = append(dst, c.texts[i]...)
		}
	}
	if len(dst) == from+1 {
		return dst[:from]
	}
	return append(dst[:min(len(dst), from+most-1)], c.closing)
}
