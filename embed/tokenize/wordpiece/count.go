package wordpiece

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"semdex/embed/tokenize"
)

// ErrCorpus marks a corpus from which no vocabulary can be made.
var ErrCorpus = errors.New("unusable corpus")

// Counts says how often each word of a corpus occurs.
type Counts struct {
	config tokenize.Config
	words  map[string]int64
	total  int64
}

// Total is the number of words, repetitions included.
func (c *Counts) Total() int64 { return c.total }

// Distinct is the number of different words.
func (c *Counts) Distinct() int { return len(c.words) }

// word is a word with its count.
type word struct {
	text  string
	count int64
}

// frequent lists the words that occur least times or more, the most frequent
// first, equals by text.
func (c *Counts) frequent(least int64) []word {
	list := make([]word, 0, len(c.words))
	for text, n := range c.words {
		if n >= least {
			list = append(list, word{text, n})
		}
	}
	slices.SortFunc(list, byCount)
	return list
}

func byCount(a, b word) int {
	return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.text, b.text))
}

// chunkTexts is how much text a worker takes at a time, in bytes.
const chunkTexts = 1 << 18

// Count counts the words of texts as a tokenizer of the configuration sees them.
// Beside the distinct words of every worker it holds no more than a few texts.
func Count(ctx context.Context, texts iter.Seq2[string, error], config tokenize.Config, workers int) (*Counts, error) {
	work, ctx := errgroup.WithContext(ctx)
	chunks := make(chan []string)
	tallies := make([]*tally, max(1, workers))
	for i := range tallies {
		tallies[i] = &tally{split: tokenize.NewSplitter(config), at: make(map[string]int32)}
		work.Go(func() error {
			for chunk := range chunks {
				if err := tallies[i].add(chunk); err != nil {
					return err
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
	return merge(config, tallies)
}

// inChunks hands texts on, several at a time.
func inChunks(ctx context.Context, texts iter.Seq2[string, error], to chan<- []string) error {
	var chunk []string
	size := 0
	send := func() error {
		if err := ctx.Err(); err != nil { // the select may choose either
			return err
		}
		select {
		case to <- chunk:
		case <-ctx.Done():
			return ctx.Err()
		}
		chunk, size = nil, 0
		return nil
	}
	for text, err := range texts {
		if err != nil {
			return err
		}
		chunk = append(chunk, text)
		if size += len(text); size >= chunkTexts {
			if err := send(); err != nil {
				return err
			}
		}
	}
	return send()
}

// tally is what one worker has counted.
type tally struct {
	split  *tokenize.Splitter
	at     map[string]int32
	counts []int64
}

func (t *tally) add(texts []string) error {
	for _, text := range texts {
		if strings.IndexByte(text, 0) >= 0 {
			return fmt.Errorf("%w: it has NUL characters, so it is no text", ErrCorpus)
		}
		for w := range t.split.Words(text) {
			i, ok := t.at[string(w)]
			if !ok {
				i = int32(len(t.counts))
				t.at[string(w)] = i
				t.counts = append(t.counts, 0)
			}
			t.counts[i]++
		}
	}
	return nil
}

// merge adds up what the workers have counted.
func merge(config tokenize.Config, tallies []*tally) (*Counts, error) {
	c := &Counts{config: config, words: make(map[string]int64, len(tallies[0].at))}
	for _, t := range tallies {
		for text, i := range t.at {
			c.words[text] += t.counts[i]
			c.total += t.counts[i]
		}
		t.at, t.counts = nil, nil
	}
	if c.total == 0 {
		return nil, fmt.Errorf("%w: it has no words", ErrCorpus)
	}
	if tokenize.NewSplitter(config).Decomposes() {
		for text := range c.words {
			if hasJamo(text) {
				return nil, fmt.Errorf("%w: stripping accents would take its Hangul syllables apart", ErrCorpus)
			}
		}
	}
	return c, nil
}

// hasJamo says whether a word has letters that a Hangul syllable falls into.
func hasJamo(text string) bool {
	for _, r := range text {
		if r >= 0x1100 && r <= 0x11ff {
			return true
		}
	}
	return false
}

// Mix adds up corpora, scaled so that their words are in proportion to shares;
// none is scaled down. Without shares every word counts once.
func Mix(corpora []*Counts, shares []float64) (*Counts, error) {
	if len(corpora) == 0 || len(shares) > 0 && len(shares) != len(corpora) {
		return nil, fmt.Errorf("%w: %d shares for %d corpora", ErrCorpus, len(shares), len(corpora))
	}
	scale := make([]float64, len(corpora))
	least := math.Inf(1)
	for i, c := range corpora {
		share := float64(c.total)
		if len(shares) > 0 {
			share = shares[i]
		}
		if !(share > 0) || math.IsInf(share, 1) {
			return nil, fmt.Errorf("%w: a share of %g", ErrCorpus, share)
		}
		scale[i] = share / float64(c.total)
		least = min(least, scale[i])
	}
	out := &Counts{config: corpora[0].config, words: make(map[string]int64)}
	for i, c := range corpora {
		factor := scale[i] / least
		if factor > 1e6 {
			return nil, fmt.Errorf("%w: a share would count every word %.0f times", ErrCorpus, factor)
		}
		if len(corpora) == 1 {
			return c, nil
		}
		for text, n := range c.words {
			n = int64(math.Round(float64(n) * factor))
			out.words[text] += n
			out.total += n
		}
	}
	return out, nil
}

// Missing lists the most frequent words, at most n that occur least times or
// more, for which the vocabulary of t has no token of their own. Characters
// alone are among them if t does not know them.
func (c *Counts) Missing(t *tokenize.Tokenizer, n int, least int64) []string {
	var list []string
	for _, w := range c.frequent(least) {
		if len(list) >= n {
			break
		}
		if _, known := t.ID(w.text); !known {
			list = append(list, w.text)
		}
	}
	return list
}
