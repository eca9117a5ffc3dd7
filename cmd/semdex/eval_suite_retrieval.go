package main

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"semdex/index"
	"semdex/index/evaluate"
	"semdex/internal/evalsuite"
	"semdex/internal/progress"
)

// retrieval measures searches of judged collections, of which a folder may hold
// several.
func (r *suiteRun) retrieval(ctx context.Context, set *evalsuite.Set) ([]evalsuite.Results, error) {
	judged, err := evaluate.Load(set.Path, set.Split)
	if err != nil {
		return nil, err
	}
	out := make([]evalsuite.Results, len(judged))
	for i, j := range judged {
		if j.Missing > 0 {
			r.note("%s: %d judged documents are not in the collection", j.Name, j.Missing)
		}
		if n := set.Limit; n > 0 && n < len(j.Queries) {
			j.Queries = j.Queries[:n]
		}
		name := set.Name
		if len(judged) > 1 {
			name += "/" + j.Name[strings.LastIndexByte(j.Name, '/')+1:]
		}
		out[i] = evalsuite.Results{Set: name, Kind: set.Kind, Items: len(j.Queries), Digest: digestOf(j)}
	}
	for i, e := range r.encoders {
		if err := r.searches(ctx, e, i == 0, set, judged, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// digestOf is the checksum of a judged collection.
func digestOf(s *evaluate.Set) string {
	d := evalsuite.NewDigest()
	for _, doc := range s.Documents {
		d.Add(doc.ID, doc.Title, doc.Text)
	}
	for _, q := range s.Queries {
		d.Add(q.ID, q.Text)
		for _, id := range slices.Sorted(maps.Keys(s.Judgements[q.ID])) {
			d.Add(id, exact(s.Judgements[q.ID][id]))
		}
	}
	return d.String()
}

// searches adds the rows of one encoder to the results of the sets. The first
// encoder's index also gives the rows of keywords, which no encoder changes.
func (r *suiteRun) searches(ctx context.Context, e suiteEncoder, first bool, set *evalsuite.Set, judged []*evaluate.Set, out []evalsuite.Results) (err error) {
	modes := slices.Clone(set.Modes)
	if !first {
		modes = slices.DeleteFunc(modes, func(m string) bool { return m == string(index.KeywordOnly) })
	}
	if len(modes) == 0 {
		return nil
	}
	dir, err := os.MkdirTemp("", "semdex-eval-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	service, err := r.openLocal(dir, e.textEncoder, r.search, mayBeNew)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	f := &evalRetrievalFlags{fusions: make([]index.Fusion, 1), modes: modes}
	run := &retrievalRun{app: r.app, service: service, flags: f}
	for i, j := range judged {
		if !sameCorpus(j.Documents, run.documents) {
			if err := run.index(ctx, j); err != nil {
				return err
			}
		}
		systems := f.systems(service, run.collection)
		if r.flags.reranker != "" {
			systems = withReranked(systems, f.systems(reranked{service}, run.collection))
		}
		rows, err := r.ask(ctx, j, e, systems)
		if err != nil {
			return err
		}
		out[i].Rows = append(out[i].Rows, rows...)
	}
	return nil
}

// ask asks all systems and gives a row for each.
func (r *suiteRun) ask(ctx context.Context, set *evaluate.Set, e suiteEncoder, systems []evaluate.System) ([]evalsuite.Row, error) {
	var done, total atomic.Int64
	bar := r.progress("asking "+set.Name, func() progress.State { return progress.State{Done: done.Load(), Total: total.Load()} })
	defer bar.Stop()
	report, each, err := evaluate.RunEach(ctx, set, systems, func(n, of int) {
		done.Store(int64(n))
		total.Store(int64(of))
	})
	if err != nil {
		return nil, err
	}
	var baselines, rows []evalsuite.Row
	for i, whole := range report.Rows {
		row := evalsuite.Row{By: e.label, System: whole.System}
		for _, m := range []struct {
			name string
			of   func(evaluate.Row) float64
		}{
			{"nDCG@10", func(r evaluate.Row) float64 { return r.NDCG10 }},
			{"MRR@10", func(r evaluate.Row) float64 { return r.MRR10 }},
			{"recall@10", func(r evaluate.Row) float64 { return r.Recall10 }},
			{"recall@100", func(r evaluate.Row) float64 { return r.Recall100 }},
		} {
			list := make([]float64, len(each[i]))
			for q := range list {
				list[q] = m.of(each[i][q])
			}
			row.Mean(m.name, list)
		}
		if rest, ok := strings.CutPrefix(whole.System, string(index.KeywordOnly)); ok {
			row.By, row.System, row.Role = "BM25"+rest, "", evalsuite.Baseline
			baselines = append(baselines, row)
			continue
		}
		rows = append(rows, row)
	}
	return append(baselines, rows...), nil
}
