package main

import (
	"context"
	"errors"
	"sync/atomic"

	"semdex/embed"
	"semdex/index"
	"semdex/internal/cli"
	"semdex/internal/progress"
)

// swap makes the collection anew with the new model, which then takes the place of
// the old one, if the model is better.
func (r *adaptRun) swap(ctx context.Context) (err error) {
	if !r.report.Better {
		r.note("collection %s stays as it is", r.f.collection)
		return nil
	}
	e, err := r.openEncoderWith(ctx, r.f.out, embed.Options{Workers: r.f.options.Workers})
	if err != nil {
		return err
	}
	defer r.close(e)
	service, err := r.openLocal(r.f.data, e, index.ServiceOptions{}, mustExist)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	var now atomic.Pointer[index.Reembedding]
	now.Store(new(index.Reembedding))
	bar := r.progress("embedding", func() progress.State {
		s := now.Load()
		return progress.State{Done: int64(s.Done), Total: int64(s.Documents)}
	})
	_, err = service.Reembed(ctx, r.f.collection, index.ReembedOptions{Progress: func(s index.Reembedding) { now.Store(&s) }})
	bar.Stop()
	if err != nil {
		return cli.WithHint(err, "the collection is as it was; semdex reembed -d %s --model %s %s goes on", r.f.data, r.f.out, r.f.collection)
	}
	r.report.Swapped = true
	r.note("%s has the vectors of %s now: serve, search and index with --model %s", r.f.collection, r.f.out, r.f.out)
	return nil
}
