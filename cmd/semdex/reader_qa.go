package main

import (
	"context"
	"errors"
	"fmt"

	"semdex/api"
	"semdex/internal/cli"
	"semdex/qa"
)

// readerHint says where readers come from.
const readerHint = "name the folder of a span reader: semdex train qa makes one, and any BERT or DistilBERT for question answering will do"

// loadReader loads a span reader by its folder or its name in the hub's cache.
func (a *app) loadReader(ctx context.Context, name string, o qa.Options) (*qa.Reader, error) {
	dir, err := a.modelDir(name)
	if err != nil {
		return nil, err
	}
	if dir == "" {
		return nil, cli.WithHint(fmt.Errorf("%w: %s turns texts into vectors", qa.ErrModel, name), "%s", readerHint)
	}
	r, err := qa.Load(ctx, dir, o)
	switch {
	case errors.Is(err, qa.ErrModel):
		return nil, cli.WithHint(err, "%s", readerHint)
	case errors.Is(err, qa.ErrConfig):
		return nil, cli.WithHint(err, "%s in the folder is damaged; without it the reader takes defaults", qa.ConfigName)
	}
	return r, err
}

// answerer is a span reader in the form in which the server takes it.
type answerer struct{ *qa.Reader }

var _ api.Reader = answerer{}

func (a *app) openAnswerer(ctx context.Context, name string, f *modelFlags) (answerer, error) {
	r, err := a.loadReader(ctx, name, qa.Options{Workers: f.workers, Int8: f.int8})
	return answerer{r}, err
}

// openServerReader loads the reader of a server; none if name is "".
func (a *app) openServerReader(ctx context.Context, name string, f *modelFlags) (api.Reader, func(), error) {
	if name == "" {
		return nil, func() {}, nil
	}
	r, err := a.openAnswerer(ctx, name, f)
	if err != nil {
		return nil, nil, err
	}
	return r, func() { a.close(r) }, nil
}

// Read implements api.Reader.
func (r answerer) Read(ctx context.Context, question string, passages []string, n int) (api.Reading, error) {
	result, err := r.Reader.Read(ctx, question, passages, n)
	if errors.Is(err, qa.ErrNoQuestion) {
		return api.Reading{}, fmt.Errorf("%w: %w", api.ErrNoQuestion, err)
	}
	out := api.Reading{Windows: result.Windows, Tokens: result.Tokens}
	for _, a := range result.Answers {
		out.Answers = append(out.Answers, api.ReadAnswer{
			Passage: a.Passage, Start: a.Start, End: a.End, Context: a.Context, Score: a.Score,
		})
	}
	return out, err
}
