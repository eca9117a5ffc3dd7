package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"

	"semdex/index"
	"semdex/internal/progress"
	"semdex/internal/source"
	"semdex/nli/adapt"
)

// documents reads the texts of the user, cut as a search finds them, in the order of
// their ids: that in which files are named or a collection gives them decides
// nothing.
func (r *adaptRun) documents(ctx context.Context) (docs []adapt.Document, err error) {
	if len(r.f.paths) > 0 {
		docs, err = r.fromFiles(ctx)
	} else {
		err = r.with(&r.f.target, func(st store) (err error) {
			docs, err = r.fromCollection(ctx, st)
			return err
		})
	}
	slices.SortStableFunc(docs, func(a, b adapt.Document) int { return strings.Compare(a.ID, b.ID) })
	return docs, err
}

func (r *adaptRun) fromFiles(ctx context.Context) ([]adapt.Document, error) {
	opt := r.f.sourceFlags.options
	opt.Stdin, opt.Fields.NoMeta = r.stdin, true
	var bar *progress.Bar
	opt.OnBad = func(err error) { bar.Println("skipped " + err.Error()) }
	opt.Check = func(d source.Document) error {
		if strings.IndexByte(d.Text, 0) >= 0 {
			return errBinary
		}
		return nil
	}
	src, err := source.Open(r.f.paths, opt)
	if err != nil {
		return nil, err
	}
	bar = r.progress("reading", func() progress.State {
		return progress.State{Done: src.Read(), Total: src.Size(), Bytes: true}
	})
	defer bar.Stop()
	var docs []adapt.Document
	for d, err := range src.Documents(ctx) {
		if err != nil {
			return nil, (&indexRun{app: r.app}).failure(err, index.PutResult{})
		}
		docs = append(docs, cutForAdapt(documentOf(d), index.DefaultSplit.Size))
	}
	if n := src.Ignored(); n > 0 {
		r.note("%s left out: not an extension that semdex reads", count(n, "file"))
	}
	return docs, nil
}

var errBinary = errors.New("it has NUL bytes, so it is no text")

// fromCollection takes the documents of a collection, as it is at one moment.
func (r *adaptRun) fromCollection(ctx context.Context, st store) ([]adapt.Document, error) {
	info, err := st.Info(ctx, r.f.collection)
	if err != nil {
		return nil, err
	}
	if have := r.base.Fingerprint(); info.Settings.Model != have {
		message := fmt.Sprintf("collection %s has vectors of model %.12s, and %s is %.12s", r.f.collection, info.Settings.Model, r.base.Name, have)
		if r.f.swap {
			return nil, fmt.Errorf("%w: %s: --swap compares with the model that is in use", index.ErrModelMismatch, message)
		}
		r.note("%s", message)
	}
	var read atomic.Int64
	bar := r.progress("reading "+r.f.collection, func() progress.State { return progress.State{Done: read.Load(), Total: int64(info.Documents)} })
	defer bar.Stop()
	in, out := io.Pipe()
	exported := make(chan error, 1)
	go func() {
		_, err := st.Export(ctx, r.f.collection, out, index.ExportOptions{})
		out.CloseWithError(err)
		exported <- err
	}()
	docs, err := readExport(in, info.Settings.Split.Size, &read)
	_ = in.CloseWithError(err) // ends the export if it is still writing
	if failed := <-exported; err == nil {
		err = failed
	}
	return docs, err
}

func readExport(r io.Reader, size int, read *atomic.Int64) ([]adapt.Document, error) {
	in, err := index.NewExportReader(r)
	if err != nil {
		return nil, err
	}
	var docs []adapt.Document
	for record, err := range in.Records() {
		if err != nil {
			return nil, err
		}
		docs = append(docs, cutForAdapt(record.Document, size))
		read.Add(1)
	}
	return docs, nil
}

// cutForAdapt cuts a document as the index does, without overlap: a sentence that
// stands in two passages would ask for the wrong one.
func cutForAdapt(d index.Document, size int) adapt.Document {
	out := adapt.Document{ID: d.ID, Title: d.Title}
	runes := []rune(d.Text)
	outline := index.Outline(d.Text)
	next := 0
	for _, span := range index.SplitText(d.Text, index.SplitOptions{Size: max(size, 1)}) {
		var list []adapt.Sentence
		for ; next < len(outline) && outline[next].Start < span.End; next++ {
			s := outline[next]
			list = append(list, adapt.Sentence{Text: string(runes[max(s.Start, span.Start):min(s.End, span.End)]), Heading: s.Heading})
			if s.End > span.End {
				break // the passages that follow have the rest of it
			}
		}
		out.Passages = append(out.Passages, list)
	}
	return out
}
