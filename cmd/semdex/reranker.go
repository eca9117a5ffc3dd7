package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"semdex/api"
	"semdex/embed"
	"semdex/index"
	"semdex/index/evaluate"
	"semdex/internal/cli"
)

// reranker is a cross-encoder in the form in which the index takes it.
type reranker struct{ *embed.Predictor }

var _ index.Reranker = (*reranker)(nil)

// Rerank implements index.Reranker. Passages that are too long are cut.
func (r *reranker) Rerank(ctx context.Context, query string, passages []string) (index.Reranking, error) {
	pairs := make([]embed.Pair, len(passages))
	for i, p := range passages {
		pairs[i] = embed.Pair{A: query, B: p}
	}
	judged, err := r.Predict(ctx, pairs, embed.PredictOptions{})
	if err != nil {
		return index.Reranking{}, err
	}
	out := index.Reranking{Scores: make([]float64, len(pairs))}
	for i, logits := range judged.Logits {
		out.Scores[i] = embed.Probabilities(logits)[0]
		out.Tokens += judged.Tokens[i]
	}
	return out, nil
}

// openReranker opens a cross-encoder that gives one score.
func (a *app) openReranker(ctx context.Context, name string, o embed.Options) (*reranker, error) {
	p, err := a.openPredictor(ctx, name, o)
	if err != nil {
		return nil, err
	}
	if labels := p.Labels(); len(labels) != 1 {
		err := fmt.Errorf("model %s gives the labels %s, a reranker gives one score", name, strings.Join(labels, ", "))
		err = cli.WithHint(err, "semdex train cross --task relevance makes a reranker; semdex serve --classifier serves labels")
		return nil, errors.Join(err, p.Close())
	}
	return &reranker{p}, nil
}

// judgeFlags choose the cross-encoders of a server.
type judgeFlags struct{ reranker, classifier string }

func (f *judgeFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.reranker, "reranker", "", "`model` that scores pairs, for /rerank and reranked searches")
	c.Flags().StringVar(&f.classifier, "classifier", "", "`model` that labels texts or pairs, for /predict (default the reranker)")
}

// judges are the cross-encoders of a server; either may be nil.
type judges struct {
	reranker   *reranker
	classifier *embed.Predictor
}

func (a *app) openJudges(ctx context.Context, f *judgeFlags, o embed.Options) (j *judges, err error) {
	j = new(judges)
	if f.reranker != "" {
		if j.reranker, err = a.openReranker(ctx, f.reranker, o); err != nil {
			return nil, err
		}
	}
	if f.classifier != "" {
		if j.classifier, err = a.openPredictor(ctx, f.classifier, o); err != nil {
			return nil, errors.Join(err, j.Close())
		}
	}
	return j, nil
}

// Close closes both.
func (j *judges) Close() error {
	var errs []error
	if j.reranker != nil {
		errs = append(errs, j.reranker.Close())
	}
	if j.classifier != nil {
		errs = append(errs, j.classifier.Close())
	}
	return errors.Join(errs...)
}

// serve hands them to an index and to a server.
func (j *judges) serve(i *index.ServiceOptions, o *api.Options) {
	if j.reranker != nil {
		i.Reranker, o.Reranker = j.reranker, j.reranker
	}
	if j.classifier != nil {
		o.Classifier = j.classifier
	}
}

// rerankFlags ask for a search to be reranked.
type rerankFlags struct {
	rerank   bool
	reranker string
}

func (f *rerankFlags) flags(c *cobra.Command) {
	c.Flags().BoolVar(&f.rerank, "rerank", false, "let a cross-encoder order the hits; it reads the query with each of them")
	c.Flags().StringVar(&f.reranker, "reranker", "", "`model` that --rerank uses; a server has its own")
}

// open opens the model for a search of a folder, if there is to be one.
func (f *rerankFlags) open(ctx context.Context, a *app, t *target, o embed.Options) (options index.ServiceOptions, done func(), err error) {
	if !f.rerank || t.server != "" {
		return options, func() {}, nil
	}
	if f.reranker == "" {
		return options, nil, cli.WithHint(cli.Usagef("--rerank needs a model"), "name one with --reranker; semdex train cross --task relevance makes one")
	}
	r, err := a.openReranker(ctx, f.reranker, o)
	if err != nil {
		return options, nil, err
	}
	options.Reranker = r
	return options, func() { a.close(r) }, nil
}

// reranked are searches of a service that are reranked.
type reranked struct{ evaluate.Searcher }

func (r reranked) Search(ctx context.Context, collection string, q index.Query) (index.Result, error) {
	q.Rerank = true
	return r.Searcher.Search(ctx, collection, q)
}

// withReranked adds every system once more, reranked.
func withReranked(plain []evaluate.System, again []evaluate.System) []evaluate.System {
	for i := range again {
		again[i].Name += " + rerank"
	}
	return append(plain, again...)
}
