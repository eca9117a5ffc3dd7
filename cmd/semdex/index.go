package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"semdex/index"
	"semdex/internal/cli"
	"semdex/internal/progress"
	"semdex/internal/source"
)

const indexLong = `Store documents from files in a collection, split into passages and encoded.

A path is a file, a folder, or - for standard input. Formats go by extension:
JSON lines (.jsonl, .ndjson), JSON, CSV and TSV with a header, plain text,
Markdown, HTML; each also with .gz or .zst. In text, Markdown and HTML a file is
a document and its path the id.

What is stored already and has not changed costs nothing: after an interruption,
run the same command again. A large collection's graph of vectors is built after
the last document; interrupted, it is built the next time.`

const indexExample = `  semdex index corpus.jsonl
  semdex index -d data -c notes ~/notes
  semdex index -c manual --passage-headings --passage-title path ~/manual
  semdex index --id url --text lead,body --meta lang,year:number news.csv.gz
  zcat dump.gz | semdex index --format jsonl -`

// indexFlags are the flags of the verb index.
type indexFlags struct {
	target
	modelFlags
	sourceFlags
	splitFlags
	vectors string
	dryRun  bool
	asJSON  bool
}

func (a *app) indexCommand() *cobra.Command {
	var f indexFlags
	c := &cobra.Command{
		Use:     "index [flags] PATH...",
		Short:   "Store documents from files, folders or standard input",
		Long:    indexLong,
		Example: indexExample,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if err := errors.Join(f.sourceFlags.parse(), index.Vectors(f.vectors).Check()); err != nil {
				return usage(cmd, "%v", err)
			}
			if err := f.splitFlags.parse(cmd); err != nil {
				return err
			}
			return a.index(cmd.Context(), paths, &f)
		},
	}
	f.target.flags(c)
	f.collectionFlag(c)
	f.modelFlags.flags(c)
	f.sourceFlags.flags(c)
	f.splitFlags.flags(c)
	flags := c.Flags()
	flags.StringVar(&f.vectors, "vectors", "", "`way` to search a new collection's vectors: auto, exact, graph or coder (default auto)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "read and check the documents, store nothing")
	flags.BoolVar(&f.asJSON, "json", false, "print the summary as JSON")
	return verb(c, atLeast(1, "a file, a folder or -"))
}

// indexed is the summary of a run.
type indexed struct {
	Collection string `json:"collection"`
	index.PutResult
	Read    int64   `json:"read"`
	Skipped int     `json:"skipped"` // records that could not be read
	Blank   int     `json:"blank"`   // records without title and text
	Ignored int     `json:"ignored"` // files of unknown extension
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
}

func (a *app) index(ctx context.Context, paths []string, f *indexFlags) error {
	begin := time.Now()
	a.loads = true
	run := &indexRun{app: a, flags: f, fields: map[string]index.FieldKind{}}
	if err := run.open(paths); err != nil { // before a data folder is made
		return err
	}
	var st store
	if !f.dryRun {
		var err error
		if st, err = a.openModelled(ctx, &f.target, &f.modelFlags, index.ServiceOptions{Split: f.split, Vectors: index.Vectors(f.vectors)}, mayBeNew); err != nil {
			return err
		}
		defer a.close(st)
		if err := run.learn(ctx, st); err != nil {
			return err
		}
	}
	result, err := run.pump(ctx, st)
	summary := indexed{
		Collection: f.collection, PutResult: result, Read: run.read.Load(),
		Skipped: run.source.Bad(), Blank: run.source.Blank(), Ignored: run.source.Ignored(),
		Bytes: run.source.Read(), Seconds: time.Since(begin).Seconds(),
	}
	if err != nil {
		return run.failure(err, result)
	}
	if f.asJSON {
		err = a.printJSON(summary)
	} else {
		err = a.printIndexed(summary, f.dryRun)
	}
	if err != nil || f.dryRun {
		return err
	}
	return a.settle(ctx, st, f.collection)
}

// indexRun is one pass over a source.
type indexRun struct {
	app      *app
	flags    *indexFlags
	source   *source.Source
	bar      *progress.Bar
	fields   map[string]index.FieldKind
	read     atomic.Int64
	passages atomic.Int64
}

// learn asks for the fields that the collection has, and holds the flags against
// its settings. On a server, one that is to be made with settings of its own is
// made now.
func (r *indexRun) learn(ctx context.Context, st store) error {
	info, err := st.Info(ctx, r.flags.collection)
	if errors.Is(err, index.ErrCollectionNotFound) {
		own := index.Settings{Split: r.flags.split, Vectors: index.Vectors(r.flags.vectors)}
		if server, ok := st.(*remote); ok && (!own.Split.IsZero() || own.Vectors != "") {
			return server.create(ctx, r.flags.collection, own)
		}
		return nil
	}
	if err == nil {
		err = r.flags.fit(info)
	}
	if v := index.Vectors(r.flags.vectors); err == nil && v != "" && v != info.Settings.Vectors.OrAuto() {
		r.app.note("%s keeps its vectors %s; semdex collections set changes that", r.flags.collection, info.Settings.Vectors.OrAuto())
	}
	for name, kind := range info.Settings.Fields {
		r.fields[name] = kind
	}
	return err
}

// open finds the files.
func (r *indexRun) open(paths []string) error {
	opt := r.flags.options
	opt.Stdin = r.app.stdin
	opt.Check = r.check
	opt.OnBad = func(err error) { r.bar.Println("skipped " + err.Error()) }
	var err error
	r.source, err = source.Open(paths, opt)
	return err
}

// check refuses a document where its file and line are known, before the
// index would.
func (r *indexRun) check(d source.Document) error {
	if err := index.CheckDocument(documentOf(d)); err != nil {
		return err
	}
	_, learned, err := index.NormalizeMetadata(d.Metadata, r.fields)
	for name, kind := range learned {
		r.fields[name] = kind
	}
	return err
}

// pump moves the documents into the store, or only reads them.
func (r *indexRun) pump(ctx context.Context, st store) (index.PutResult, error) {
	r.bar = r.app.progress("indexing", r.state)
	defer r.bar.Stop()
	documents := r.counted(r.source.Documents(ctx))
	if st == nil {
		for _, err := range documents {
			if err != nil {
				return index.PutResult{}, err
			}
		}
		return index.PutResult{}, nil
	}
	return st.PutStream(ctx, r.flags.collection, documents, func(p index.Progress) {
		r.passages.Store(int64(p.Passages))
	})
}

// counted turns the source's documents into the index's.
func (r *indexRun) counted(documents iter.Seq2[source.Document, error]) iter.Seq2[index.Document, error] {
	return func(yield func(index.Document, error) bool) {
		for d, err := range documents {
			if err == nil {
				r.read.Add(1)
			}
			if !yield(documentOf(d), err) {
				return
			}
		}
	}
}

// documentOf is a source's document as the index takes it.
func documentOf(d source.Document) index.Document {
	out := index.Document{ID: d.ID, Title: d.Title, Text: d.Text, Metadata: d.Metadata}
	if d.Headings != nil {
		out.Headings = make([]index.Heading, len(d.Headings))
		for i, h := range d.Headings {
			out.Headings[i] = index.Heading(h)
		}
	}
	return out
}

func (r *indexRun) state() progress.State {
	s := progress.State{Done: r.source.Read(), Total: r.source.Size(), Bytes: true}
	s.Counts = append(s.Counts, progress.Named{N: r.read.Load(), Name: "documents"})
	if n := r.passages.Load(); n > 0 {
		s.Counts = append(s.Counts, progress.Named{N: n, Name: "passages"})
	}
	return s
}

// failure says what is stored all the same and how to go on.
func (r *indexRun) failure(err error, done index.PutResult) error {
	if stored := done.Created + done.Updated + done.Unchanged; stored > 0 {
		r.app.note("stored so far: %s", count(stored, "document"))
	}
	var record *source.RecordError
	switch {
	case errors.Is(err, context.Canceled):
		return cli.WithHint(err, "run the same command again: what is stored is not done twice")
	case errors.As(err, &record) && cli.Hint(withHint(err)) == "" && !errors.Is(err, source.ErrNoFiles):
		return cli.WithHint(err, "--skip-bad goes on without such records")
	}
	return err
}

func (a *app) printIndexed(s indexed, dryRun bool) error {
	took := progress.Duration(time.Duration(s.Seconds * float64(time.Second)))
	text := fmt.Sprintf("%s can be read (%s, %s)\n", count(s.Read, "document"), progress.Bytes(s.Bytes), took)
	if !dryRun {
		rate := ""
		if s.Passages > 0 && s.Seconds > 0 {
			rate = ", " + progress.Rate(float64(s.Passages)/s.Seconds)
		}
		text = fmt.Sprintf("%s: %s created, %s updated, %s unchanged\n%s in %s%s\n", s.Collection, count(s.Created, "document"),
			progress.Count(int64(s.Updated)), progress.Count(int64(s.Unchanged)), count(s.Passages, "passage"), took, rate)
	}
	if _, err := io.WriteString(a.stdout, text); err != nil {
		return err
	}
	for _, left := range []struct {
		n         int
		noun, why string
	}{
		{s.Skipped, "record", "skipped: not readable"},
		{s.Blank, "record", "left out: no text"},
		{s.Ignored, "file", "left out: not an extension that semdex reads"},
	} {
		if left.n > 0 {
			a.note("%s %s", count(left.n, left.noun), left.why)
		}
	}
	return nil
}
