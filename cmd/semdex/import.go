package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"semdex/index"
	"semdex/internal/cli"
	"semdex/internal/progress"
)

const importLong = `Store the documents of an export in a collection, which is made with the settings
of the exported one if there is none.

Vectors of the export are stored as they are; for that the collection must be of
the same model and have passages of the same kind. --encode, and an export without vectors, encode the
documents with the model of this call, or the server's.

What is stored already and has not changed costs nothing: after an interruption,
run the same command again.`

const importExample = `  semdex import notes notes.ndjson.gz
  semdex import --encode --model DIR notes-new notes.ndjson
  semdex export -d old notes --vectors | semdex import -d new notes -`

type importFlags struct {
	target
	modelFlags
	index.ImportOptions
	asJSON bool
}

func (a *app) importCommand() *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use:     "import [flags] COLLECTION FILE",
		Short:   "Store the documents of an export",
		Long:    importLong,
		Example: importExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.collection = args[0]
			return a.importFile(cmd.Context(), args[1], &f)
		},
	}
	f.target.flags(c)
	f.modelFlags.flags(c)
	c.Flags().BoolVar(&f.Encode, "encode", false, "encode the documents although the export has vectors")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print the summary as JSON")
	return verb(c, exactly(2, "the name of a collection or the file of an export"))
}

func (a *app) importFile(ctx context.Context, name string, f *importFlags) error {
	begin := time.Now()
	a.loads = true
	in, err := a.openImport(name)
	if err != nil {
		return err
	}
	defer a.close(in)
	export, err := index.NewExportReader(in)
	if err != nil {
		return cli.WithHint(err, "semdex export writes what semdex import reads; semdex index reads other files")
	}
	st, err := a.openImportStore(ctx, export.Header(), f)
	if err != nil {
		return err
	}
	defer a.close(st)
	var read, passages atomic.Int64
	bar := a.progress("importing", func() progress.State {
		s := progress.State{Done: in.read.Load(), Total: in.size, Bytes: true}
		s.Counts = append(s.Counts, progress.Named{N: read.Load(), Name: "documents"}, progress.Named{N: passages.Load(), Name: "passages"})
		return s
	})
	result, err := st.Import(ctx, f.collection, export, f.ImportOptions, func(p index.Progress) {
		read.Store(int64(p.Read))
		passages.Store(int64(p.Passages))
	})
	bar.Stop()
	if err != nil {
		return a.importFailure(err, result)
	}
	summary := indexed{
		Collection: f.collection, PutResult: result, Read: int64(export.Header().Documents),
		Bytes: in.read.Load(), Seconds: time.Since(begin).Seconds(),
	}
	if f.asJSON {
		err = a.printJSON(summary)
	} else {
		err = a.printIndexed(summary, false)
	}
	if err != nil {
		return err
	}
	return a.settle(ctx, st, f.collection)
}

// openImportStore opens the store, with a model only if one is needed.
func (a *app) openImportStore(ctx context.Context, h index.ExportHeader, f *importFlags) (store, error) {
	if f.server == "" && h.Vectors && !f.Encode {
		return a.openLocal(f.data, nil, index.ServiceOptions{}, mayBeNew)
	}
	if f.server != "" && h.Vectors {
		a.note("the server encodes the documents itself; their vectors are not sent")
	}
	return a.openModelled(ctx, &f.target, &f.modelFlags, index.ServiceOptions{}, mayBeNew)
}

func (a *app) importFailure(err error, done index.PutResult) error {
	if stored := done.Created + done.Updated + done.Unchanged; stored > 0 {
		a.note("stored so far: %s", count(stored, "document"))
	}
	switch {
	case errors.Is(err, context.Canceled):
		return cli.WithHint(err, "run the same command again: what is stored is not done twice")
	case errors.Is(err, index.ErrModelMismatch):
		return cli.WithHint(err, "--encode encodes the documents with the model of the collection (--model)")
	}
	return err
}

// importSource is an export being read; read counts its bytes as they are on
// the disk.
type importSource struct {
	io.Reader
	file io.Closer // nil for standard input
	size int64     // 0 if not known
	read atomic.Int64
}

// Close closes the file.
func (s *importSource) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

func (a *app) openImport(name string) (*importSource, error) {
	s := &importSource{}
	raw := a.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		if info, err := f.Stat(); err == nil {
			s.size = info.Size()
		}
		raw, s.file = f, f
	}
	counted := bufio.NewReaderSize(io.TeeReader(raw, countWriter{&s.read}), 64<<10)
	s.Reader = counted
	if magic, _ := counted.Peek(2); string(magic) == "\x1f\x8b" {
		zip, err := gzip.NewReader(counted)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.Reader = zip
	}
	return s, nil
}

// countWriter adds up bytes.
type countWriter struct{ n *atomic.Int64 }

func (w countWriter) Write(b []byte) (int, error) {
	w.n.Add(int64(len(b)))
	return len(b), nil
}

// Import sends the documents of an export to a server, which encodes them.
func (r *remote) Import(ctx context.Context, collection string, in *index.ExportReader, _ index.ImportOptions, onProgress func(index.Progress)) (index.PutResult, error) {
	_, err := r.Info(ctx, collection)
	if errors.Is(err, index.ErrCollectionNotFound) {
		s := in.Header().Settings
		err = r.create(ctx, collection, index.Settings{Split: s.Split, Vectors: s.Vectors, Fields: s.Fields})
		if text := in.Header().Synonyms; err == nil && text != "" {
			_, err = r.SetSynonyms(ctx, collection, text)
		}
	}
	if err != nil {
		return index.PutResult{}, err
	}
	return r.PutStream(ctx, collection, documentsOf(in.Records()), onProgress)
}

func documentsOf(records iter.Seq2[index.Record, error]) iter.Seq2[index.Document, error] {
	return func(yield func(index.Document, error) bool) {
		for r, err := range records {
			if !yield(r.Document, err) {
				return
			}
		}
	}
}
