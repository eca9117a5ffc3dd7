package static

import (
	"context"
	"fmt"
	"strings"

	"semdex/internal/kernel"
	"semdex/nli"
	"semdex/nli/pairs"
)

// Score is one measure on one dev set: the Spearman correlation of an STS set,
// MRR@10 of a retrieval set, or the accuracy of finding each sentence's
// translation (the mean of both directions) in a parallel set.
type Score struct {
	Set     string  `json:"set"`
	Measure string  `json:"measure"` // "spearman", "mrr@10" or "accuracy"
	Dims    int     `json:"dims"`
	Value   float64 `json:"value"` // in [-1, 1]
}

// String is the score in hundredths, as papers print it.
func (s Score) String() string {
	return fmt.Sprintf("%s %s %.1f", s.Set, s.Measure, 100*s.Value)
}

func formatScores(list []Score) string {
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = s.String()
	}
	return strings.Join(parts, ", ")
}

// devSets are the dev sets as token ids.
type devSets struct {
	sts       []pairs.STSSet
	retrieval []pairs.RetrievalSet
	parallel  []pairs.ParallelSet
	tok       Tokenizer
	most      int
	cache     map[string]*bags
}

func newDevSets(d pairs.Dev, tok Tokenizer, most int) *devSets {
	return &devSets{sts: d.STS, retrieval: d.Retrieval, parallel: d.Parallel, tok: tok, most: most, cache: map[string]*bags{}}
}

// bagsOf tokenises a list of texts once.
func (d *devSets) bagsOf(name string, texts []string) *bags {
	b, ok := d.cache[name]
	if !ok {
		b = &bags{}
		for _, s := range texts {
			b.ids = d.tok.AppendIDs(b.ids, s)
			b.close(d.most)
		}
		d.cache[name] = b
	}
	return b
}

// score measures the table at every width.
func (d *devSets) score(ctx context.Context, t *table, widths []int) ([]Score, error) {
	var out []Score
	for _, w := range widths {
		for _, set := range d.sts {
			v, err := d.similarity(ctx, t, set, w)
			if err != nil {
				return nil, err
			}
			out = append(out, Score{set.Name, "spearman", w, v})
		}
		for _, set := range d.retrieval {
			out = append(out, Score{set.Name, "mrr@10", w, d.reciprocalRank(t, set, w)})
		}
		for _, set := range d.parallel {
			out = append(out, Score{set.Name, "accuracy", w, d.alignment(t, set, w)})
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// reciprocalRank is MRR@10 over the queries of a set.
func (d *devSets) reciprocalRank(t *table, set pairs.RetrievalSet, width int) float64 {
	queries := t.vectors(d.bagsOf(set.Name+" queries", set.Queries), width)
	documents := t.vectors(d.bagsOf(set.Name+" documents", set.Documents), width)
	var sum float64
	for _, rank := range t.bestRanks(queries, documents, width, set.Relevant) {
		if rank <= 10 {
			sum += 1 / float64(rank)
		}
	}
	return sum / float64(len(set.Relevant))
}

// alignment is the share of sentences whose nearest neighbour in the other
// language is their translation, the mean of both directions.
func (d *devSets) alignment(t *table, set pairs.ParallelSet, width int) float64 {
	a := t.vectors(d.bagsOf(set.Name+" a", set.A), width)
	b := t.vectors(d.bagsOf(set.Name+" b", set.B), width)
	same := make([][]int, len(set.A))
	for i := range same {
		same[i] = []int{i}
	}
	hits := 0
	for _, ranks := range [][]int{t.bestRanks(a, b, width, same), t.bestRanks(b, a, width, same)} {
		for _, rank := range ranks {
			if rank == 1 {
				hits++
			}
		}
	}
	return float64(hits) / float64(2*len(same))
}

func (d *devSets) similarity(ctx context.Context, t *table, set pairs.STSSet, width int) (float64, error) {
	enc := nli.EncoderFunc(func(_ context.Context, texts []string) ([][]float32, error) {
		out := make([][]float32, len(texts))
		var ids []int32
		for i, s := range texts {
			ids = d.tok.AppendIDs(ids[:0], s)
			out[i] = make([]float32, t.dims)
			t.mean(out[i], ids[:min(len(ids), d.most)])
		}
		return out, nil
	})
	scores, err := nli.EvalSTS(ctx, enc, set.Pairs, width)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", set.Name, err)
	}
	return scores[0].Spearman, nil
}

// vectors are unit vectors of the leading width dimensions, or zero.
func (t *table) vectors(b *bags, width int) []float32 {
	n := b.len()
	full := make([]float32, n*t.dims)
	t.means(full, b, 0, 1)
	out := make([]float32, n*width)
	for i := range n {
		v := full[i*t.dims:][:width]
		inv := inverseNorm(v)
		for p, x := range v {
			out[i*width+p] = x * inv
		}
	}
	return out
}

// bestRanks gives, per query, the rank of its best placed relevant document: one
// more than the documents with a higher cosine.
func (t *table) bestRanks(queries, docs []float32, width int, relevant [][]int) []int {
	n := len(docs) / width
	packed := kernel.Pack(docs, n, width)
	ranks := make([]int, len(relevant))
	parallel(t.workers, len(relevant), func(lo, hi int) {
		scores := make([]float32, grain*n)
		for ; lo < hi; lo += grain {
			m := min(grain, hi-lo)
			g := kernel.Gemm{M: m, A: queries[lo*width:], LDA: width, B: packed, C: scores, LDC: n}
			g.Run(t.level, 0, packed.Panels())
			for i := range m {
				ranks[lo+i] = bestRank(scores[i*n:(i+1)*n], relevant[lo+i])
			}
		}
	})
	return ranks
}

func bestRank(scores []float32, relevant []int) int {
	best := scores[relevant[0]]
	for _, r := range relevant {
		best = max(best, scores[r])
	}
	rank := 1
	for _, s := range scores {
		if s > best {
			rank++
		}
	}
	return rank
}
