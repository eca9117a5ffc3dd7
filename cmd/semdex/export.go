package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"semdex/index"
	"semdex/internal/progress"
)

const exportLong = `Write all documents of a collection as JSON lines, as they are at one moment. The
first line is a header with the collection's settings and the number of documents.

With --vectors each document has its passages with their vectors, so that semdex
import need not encode them again.`

const exportExample = `  semdex export notes -o notes.ndjson.gz
  semdex export notes --vectors -o notes.ndjson
  semdex export notes | tail -n +2 | jq .title`

func (a *app) exportCommand() *cobra.Command {
	var t target
	var o index.ExportOptions
	var file string
	c := &cobra.Command{
		Use:     "export [flags] COLLECTION",
		Short:   "Write a collection as JSON lines",
		Long:    exportLong,
		Example: exportExample,
		RunE: func(cmd *cobra.Command, names []string) error {
			return a.with(&t, func(st store) error { return a.export(cmd.Context(), st, names[0], file, o) })
		},
	}
	t.flags(c)
	c.Flags().StringVarP(&file, "output", "o", "-", "`file` to write, with .gz compressed")
	c.Flags().BoolVar(&o.Vectors, "vectors", false, "add each passage's offsets and vector")
	return verb(c, exactly(1, "the name of a collection"))
}

func (a *app) export(ctx context.Context, st store, collection, file string, o index.ExportOptions) error {
	info, err := st.Info(ctx, collection) // before a file is made
	if err != nil {
		return err
	}
	out, err := a.openExport(file)
	if err != nil {
		return err
	}
	lines := &lineCounter{w: out}
	bar := a.progress("exporting", func() progress.State {
		done := max(0, lines.n.Load()-1)
		return progress.State{Done: done, Total: int64(info.Documents), Counts: []progress.Named{{N: done, Name: "documents"}}}
	})
	_, err = st.Export(ctx, collection, lines, o)
	bar.Stop()
	if err = out.finish(err); err != nil {
		return err
	}
	if file != "-" {
		a.note("%s: %s in %s", collection, count(max(0, lines.n.Load()-1), "document"), file)
	}
	return nil
}

// exportFile is the file, or standard output, that an export goes to. A file
// appears under its name when it is whole.
type exportFile struct {
	io.Writer
	name string // "" for standard output
	file *os.File
	zip  *gzip.Writer
}

func (a *app) openExport(name string) (*exportFile, error) {
	if name == "-" {
		return &exportFile{Writer: a.stdout}, nil
	}
	f, err := os.Create(name + ".part")
	if err != nil {
		return nil, err
	}
	out := &exportFile{Writer: f, name: name, file: f}
	if strings.HasSuffix(name, ".gz") {
		out.zip = gzip.NewWriter(f)
		out.Writer = out.zip
	}
	return out, nil
}

// finish keeps the file, or removes it if there was an error.
func (f *exportFile) finish(err error) error {
	if f.name == "" {
		return err
	}
	if err == nil && f.zip != nil {
		err = f.zip.Close()
	}
	if err == nil {
		err = f.file.Sync()
	}
	err = errors.Join(err, f.file.Close())
	if err == nil {
		err = os.Rename(f.file.Name(), f.name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.file.Name()))
	}
	return nil
}

// lineCounter counts lines on their way, and remembers how the last one begins.
type lineCounter struct {
	w     io.Writer
	n     atomic.Int64
	start []byte // of the last line
	fresh bool   // a line has ended, and none has begun since
}

const lineStart = 4 << 10

func (l *lineCounter) Write(b []byte) (int, error) {
	n, err := l.w.Write(b)
	for rest := b[:n]; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		if l.fresh {
			l.start, l.fresh = l.start[:0], false
		}
		l.start = append(l.start, line[:min(len(line), lineStart-len(l.start))]...)
		if ended {
			l.n.Add(1)
			l.fresh = true
		}
		rest = after
	}
	return n, err
}

// Export asks a server for a collection and checks that it comes whole.
func (r *remote) Export(ctx context.Context, collection string, w io.Writer, o index.ExportOptions) (index.ExportHeader, error) {
	lines := &lineCounter{w: w}
	path := collectionPath(collection, "export")
	if o.Vectors {
		path += "?vectors=true"
	}
	head := &headReader{}
	if err := r.download(ctx, path, io.MultiWriter(lines, head)); err != nil {
		return index.ExportHeader{}, err
	}
	in, err := index.NewExportReader(&head.line)
	if err != nil {
		return index.ExportHeader{}, err
	}
	if bytes.HasPrefix(lines.start, []byte(`{"error"`)) {
		return in.Header(), fmt.Errorf("%w: the server failed on the way: %s", index.ErrExport, lines.start)
	}
	if got := lines.n.Load() - 1; got != int64(in.Header().Documents) {
		return in.Header(), fmt.Errorf("%w: %d of %d documents came", index.ErrExport, got, in.Header().Documents)
	}
	return in.Header(), nil
}

// headReader keeps the first line.
type headReader struct {
	line bytes.Buffer
	full bool
}

func (h *headReader) Write(b []byte) (int, error) {
	if !h.full {
		line, _, ended := bytes.Cut(b, []byte("\n"))
		h.line.Write(line)
		h.full = ended
	}
	return len(b), nil
}
