package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"semdex/embed"
	"semdex/index"
	"semdex/internal/cli"
	"semdex/internal/progress"
)

// swap encodes the collection anew with the new model, beside the old one, and then
// gives the new one its names, if the model is better.
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
	old, err := service.Info(ctx, r.f.collection)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%.55s-%.8s", r.f.collection, e.Fingerprint())
	if err := r.encodeAnew(ctx, service, old, name); err != nil {
		err = cli.WithHint(err, "collection %s is as it was, and the model is in %s", r.f.collection, r.f.out)
		return errors.Join(err, dropIfThere(context.WithoutCancel(ctx), service, name))
	}
	if err := r.rename(ctx, service, old.Name, name); err != nil {
		return err
	}
	r.report.Swapped = true
	r.note("%s has the vectors of %s now: serve, search and index with --model %s", r.f.collection, r.f.out, r.f.out)
	return nil
}

func dropIfThere(ctx context.Context, s *index.Service, name string) error {
	if err := s.Drop(ctx, name); !errors.Is(err, index.ErrCollectionNotFound) {
		return err
	}
	return nil
}

// encodeAnew copies the documents of a collection into a new one, with its settings
// and synonyms.
func (r *adaptRun) encodeAnew(ctx context.Context, s *index.Service, old index.Info, name string) error {
	if err := dropIfThere(ctx, s, name); err != nil { // of a run that was killed
		return err
	}
	in, out := io.Pipe()
	exported := make(chan error, 1)
	go func() {
		_, err := s.Export(ctx, old.Name, out, index.ExportOptions{})
		out.CloseWithError(err)
		exported <- err
	}()
	var read atomic.Int64
	bar := r.progress("encoding "+old.Name, func() progress.State { return progress.State{Done: read.Load(), Total: int64(old.Documents)} })
	defer bar.Stop()
	export, err := index.NewExportReader(in)
	if err == nil {
		_, err = s.Import(ctx, name, export, index.ImportOptions{Encode: true}, func(p index.Progress) { read.Store(int64(p.Read)) })
	}
	_ = in.CloseWithError(err)
	if failed := <-exported; err == nil {
		err = failed
	}
	return err
}

// rename gives the new collection the aliases of the old one, and its name as an
// alias where the name was the collection's own. An old collection that had an
// alias stays under its own name.
func (r *adaptRun) rename(ctx context.Context, s *index.Service, from, to string) error {
	aliases, err := s.Aliases(ctx)
	if err != nil {
		return err
	}
	for _, alias := range aliases {
		if alias.Collection == from {
			if err := s.SetAlias(ctx, alias.Name, to); err != nil {
				return err
			}
		}
	}
	if r.f.collection != from {
		r.note("the old vectors are still in %s: semdex collections drop %s", from, from)
		return nil
	}
	if err := s.Drop(ctx, from); err != nil {
		return err
	}
	return cli.WithHint(s.SetAlias(ctx, from, to), "the documents are whole in collection %s", to)
}
