package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/spf13/cobra"

	"semdex/index"
	"semdex/index/evaluate"
	"semdex/internal/cli"
	"semdex/internal/progress"
)

const evalRetrievalLong = `Index judged collections in a temporary folder, ask their queries and measure how
well the relevant documents are found.

A path is a BEIR folder (corpus.jsonl, queries.jsonl, qrels), an AutoRAG folder
(corpus.jsonl, qa.jsonl), a folder of judged pages, or a file in SQuAD's form,
where each question has to find its paragraph. Files may be gzipped. Documents of
the same text count as one.`

const evalRetrievalExample = `  semdex eval retrieval scifact KorQuAD_v1.0_dev.json.gz
  semdex eval retrieval --modes hybrid --alpha auto,0.2,0.5 --fusion rrf scifact`

// evalRetrievalFlags are the flags of the verb eval retrieval.
type evalRetrievalFlags struct {
	modelFlags
	splitFlags
	method   string
	alphas   []string
	fusions  []index.Fusion // one for each of alphas
	modes    []string
	judged   string
	limit    int
	reranker string
	markdown bool
	asJSON   bool
}

func (a *app) evalRetrievalCommand() *cobra.Command {
	var f evalRetrievalFlags
	c := &cobra.Command{
		Use:     "retrieval [flags] PATH...",
		Short:   "Measure search on judged collections",
		Long:    evalRetrievalLong,
		Example: evalRetrievalExample,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			reports, err := a.evalRetrieval(cmd.Context(), paths, &f)
			if err != nil {
				return err
			}
			switch {
			case f.asJSON:
				return a.printJSON(reports)
			case f.markdown:
				return evaluate.WriteMarkdown(a.stdout, reports)
			}
			return a.printRetrieval(reports)
		},
	}
	f.modelFlags.flags(c)
	flags := c.Flags()
	flags.StringVar(&f.method, "fusion", "minmax", "`method` of fusion: minmax or rrf")
	flags.StringSliceVar(&f.alphas, "alpha", []string{autoAlpha}, "`weights` of meaning against words, 0 to 1 or auto, each measured")
	flags.StringSliceVar(&f.modes, "modes", []string{"keyword", "dense", "hybrid"}, "`modes` of search to measure")
	flags.StringVar(&f.judged, "split", "", "`name` of the judgements of a BEIR folder (default test)")
	flags.IntVar(&f.limit, "limit", 0, "ask only the first `n` queries of a set")
	f.splitFlags.flags(c)
	flags.StringVar(&f.reranker, "reranker", "", "`model` that puts the best 100 of every system in order, measured as well")
	flags.BoolVar(&f.markdown, "markdown", false, "print the table as Markdown")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return verb(c, atLeast(1, "a judged collection"))
}

func (f *evalRetrievalFlags) check(cmd *cobra.Command) error {
	if err := f.splitFlags.parse(cmd); err != nil {
		return err
	}
	for _, mode := range f.modes {
		if err := oneOf(cmd, "modes", mode, index.Hybrid, index.DenseOnly, index.KeywordOnly); err != nil {
			return err
		}
	}
	if len(f.alphas) == 0 {
		return usage(cmd, "--alpha is empty, it must be auto or weights between 0 and 1")
	}
	for _, alpha := range f.alphas {
		fusion, err := (&fusionFlags{f.method, alpha}).fusion(cmd)
		if err != nil {
			return err
		}
		f.fusions = append(f.fusions, fusion)
	}
	return nil
}

// systems are the ways to search that are compared: each mode, and hybrid with
// each weight.
func (f *evalRetrievalFlags) systems(s evaluate.Searcher, collection string) []evaluate.System {
	var systems []evaluate.System
	for _, mode := range f.modes {
		fusions := f.fusions
		if index.Mode(mode) != index.Hybrid {
			fusions = fusions[:1] // it makes no difference
		}
		for i, fusion := range fusions {
			for _, system := range evaluate.Systems(s, collection, fusion, index.Mode(mode)) {
				if len(fusions) > 1 {
					system.Name += " " + f.alphas[i]
				}
				systems = append(systems, system)
			}
		}
	}
	return systems
}

func (a *app) evalRetrieval(ctx context.Context, paths []string, f *evalRetrievalFlags) (reports []evaluate.Report, err error) {
	var sets []*evaluate.Set
	for _, path := range paths {
		found, err := evaluate.Load(path, f.judged)
		if err != nil {
			return nil, err
		}
		sets = append(sets, found...)
	}
	dir, err := os.MkdirTemp("", "semdex-eval-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	encoder, err := a.openEncoder(ctx, &f.modelFlags)
	if err != nil {
		return nil, err
	}
	defer a.close(encoder)
	options, closeReranker, err := (&rerankFlags{f.reranker != "", f.reranker}).open(ctx, a, new(target), f.load())
	if err != nil {
		return nil, err
	}
	defer closeReranker()
	options.Split = f.split
	service, err := a.openLocal(dir, encoder, options, mayBeNew)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	run := &retrievalRun{app: a, service: service, flags: f}
	for _, set := range sets {
		report, err := run.set(ctx, set)
		if err != nil {
			return nil, err
		}
		reports = append(reports, report)
	}
	return reports, nil
}

// retrievalRun measures sets one after another, each corpus in a collection.
type retrievalRun struct {
	app        *app
	service    *index.Service
	flags      *evalRetrievalFlags
	corpora    int
	documents  []index.Document // of the collection that is there
	collection string
}

func (r *retrievalRun) set(ctx context.Context, set *evaluate.Set) (evaluate.Report, error) {
	if set.Missing > 0 {
		r.app.note("%s: %d judged documents are not in the collection", set.Name, set.Missing)
	}
	if n := r.flags.limit; n > 0 && n < len(set.Queries) {
		set.Queries = set.Queries[:n]
	}
	if !sameCorpus(set.Documents, r.documents) {
		if err := r.index(ctx, set); err != nil {
			return evaluate.Report{}, fmt.Errorf("%s: %w", set.Name, err)
		}
	}
	var done, total atomic.Int64
	bar := r.app.progress("asking "+set.Name, func() progress.State { return progress.State{Done: done.Load(), Total: total.Load()} })
	defer bar.Stop()
	systems := r.flags.systems(r.service, r.collection)
	if r.flags.reranker != "" {
		systems = withReranked(systems, r.flags.systems(reranked{r.service}, r.collection))
	}
	return evaluate.Run(ctx, set, systems, func(n, of int) {
		done.Store(int64(n))
		total.Store(int64(of))
	})
}

// sameCorpus says whether two sets judge the very same documents, so that they
// need to be indexed once.
func sameCorpus(a, b []index.Document) bool {
	return len(a) > 0 && len(a) == len(b) && &a[0] == &b[0]
}

// index replaces the collection by that of a set.
func (r *retrievalRun) index(ctx context.Context, set *evaluate.Set) error {
	if r.collection != "" {
		if err := r.service.Drop(ctx, r.collection); err != nil {
			return err
		}
	}
	r.corpora++
	r.collection, r.documents = "corpus-"+strconv.Itoa(r.corpora), set.Documents
	var done atomic.Int64
	bar := r.app.progress("indexing "+set.Name, func() progress.State {
		return progress.State{Done: done.Load(), Total: int64(len(set.Documents))}
	})
	defer bar.Stop()
	documents := func(yield func(index.Document, error) bool) {
		for d := range slices.Values(set.Documents) {
			if !yield(d, nil) {
				return
			}
		}
	}
	_, err := r.service.PutStream(ctx, r.collection, documents, func(p index.Progress) { done.Store(int64(p.Read)) })
	return err
}

func (a *app) printRetrieval(reports []evaluate.Report) error {
	table := cli.Table{
		Header: []string{"set", "documents", "queries", "mode", "nDCG@10", "MRR@10", "recall@10", "recall@100"},
		Right:  []bool{false, true, true, false, true, true, true, true},
	}
	for _, r := range reports {
		set := []string{r.Set, progress.Count(int64(r.Documents)), progress.Count(int64(r.Queries))}
		for _, row := range r.Rows {
			table.Rows = append(table.Rows, append(set, row.System, share(row.NDCG10), share(row.MRR10), share(row.Recall10), share(row.Recall100)))
			set = []string{"", "", ""}
		}
	}
	return table.Write(a.stdout, a.out)
}

// share writes a figure between 0 and 1.
func share(x float64) string { return strconv.FormatFloat(x, 'f', 3, 64) }
