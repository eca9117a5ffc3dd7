package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"semdex/embed"
	"semdex/embed/builtin"
	"semdex/index"
	"semdex/index/local/vector"
	"semdex/internal/kernel"
)

// neighbours is how many results a query asks for.
const neighbours = 10

// set is vectors, queries and their true neighbours, in files.
type set struct {
	kind   string
	size   int
	dims   int
	folder string
}

// The files of a set: two uint32, rows and values per row, then the values.
const (
	baseFile    = "base.f32"
	queriesFile = "queries.f32"
	truthFile   = "truth.u32"
	graphFile   = "semdex.graph"
)

// prepare makes the files of a set unless they are there.
func prepare(ctx context.Context, o *options, kind string, size int, log io.Writer) (*set, error) {
	folder, err := filepath.Abs(filepath.Join(o.cache, fmt.Sprintf("%s-%d-%d", kind, size, o.queries)))
	if err != nil {
		return nil, err
	}
	s := &set{kind: kind, size: size, folder: folder}
	if base, err := openMatrix(filepath.Join(folder, truthFile)); err == nil {
		_ = base.Close()
		s.dims, err = matrixWidth(filepath.Join(folder, baseFile))
		return s, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	fmt.Fprintf(log, "%s %d: making vectors\n", kind, size)
	var next func() ([]float32, error)
	switch kind {
	case "clustered":
		next = clustered(size)
	case "wiki":
		w, err := newWiki(ctx, o.corpora)
		if err != nil {
			return nil, err
		}
		defer w.close()
		next = w.next
	default:
		return nil, fmt.Errorf("unknown kind of vectors %q", kind)
	}
	return s, s.write(ctx, next, o.queries)
}

// write draws vectors: every so many-th becomes a query.
func (s *set) write(ctx context.Context, next func() ([]float32, error), queries int) error {
	every := (s.size + queries) / queries
	var rows vector.Rows
	var asked [][]float32
	for i := 0; rows.Len() < s.size || len(asked) < queries; i++ {
		x, err := next()
		if err != nil {
			return err
		}
		if s.dims == 0 {
			s.dims = len(x)
			rows = vector.NewRows(s.dims)
		}
		if i%every == every-1 && len(asked) < queries || rows.Len() == s.size {
			asked = append(asked, x)
		} else {
			rows.Append(x)
		}
	}
	err := writeMatrix(filepath.Join(s.folder, baseFile), rows.Len(), s.dims, func(i int) []float32 { return rows.At(i) })
	if err == nil {
		err = writeMatrix(filepath.Join(s.folder, queriesFile), queries, s.dims, func(i int) []float32 { return asked[i] })
	}
	if err != nil {
		return err
	}
	level, err := kernel.Choose(os.Getenv(kernel.EnvLevel))
	if err != nil {
		return err
	}
	exact := vector.NewExact(rows, 0, rows.Len(), level)
	truth := make([][]uint32, queries)
	for i, q := range asked {
		hits, _, err := exact.Search(ctx, vector.Query{Vector: q, K: neighbours})
		if err != nil {
			return err
		}
		for _, h := range hits {
			truth[i] = append(truth[i], h.Row)
		}
	}
	return writeMatrix(filepath.Join(s.folder, truthFile), queries, neighbours, func(i int) []uint32 { return truth[i] })
}

// clustered draws unit vectors of 384 values around centres, one for every
// hundred vectors: about as hard to search as embeddings of text.
func clustered(size int) func() ([]float32, error) {
	const dims, spread = 384, 0.8
	r := rand.New(rand.NewPCG(1, uint64(size)))
	centres := make([][]float32, max(1, size/100))
	for i := range centres {
		centres[i] = make([]float32, dims)
		for j := range centres[i] {
			centres[i][j] = float32(r.NormFloat64() / math.Sqrt(dims))
		}
	}
	return func() ([]float32, error) {
		x, c := make([]float32, dims), centres[r.IntN(len(centres))]
		var sum float64
		for j := range x {
			x[j] = c[j] + float32(spread*r.NormFloat64()/math.Sqrt(dims))
			sum += float64(x[j]) * float64(x[j])
		}
		for j := range x {
			x[j] = float32(float64(x[j]) / math.Sqrt(sum))
		}
		return x, nil
	}
}

// wiki embeds passages of English, then of Korean Wikipedia.
type wiki struct {
	ctx     context.Context
	model   *embed.Model
	files   []string
	file    *os.File
	lines   *bufio.Scanner
	vectors [][]float32
}

func newWiki(ctx context.Context, corpora string) (*wiki, error) {
	b, err := builtin.Open()
	if err != nil {
		return nil, err
	}
	m, err := embed.FromModel(b, embed.Options{})
	if err != nil {
		return nil, err
	}
	w := &wiki{ctx: ctx, model: m}
	for _, name := range []string{"wiki-en.jsonl.gz", "wiki-ko.jsonl.gz"} {
		w.files = append(w.files, filepath.Join(corpora, "text", name))
	}
	return w, nil
}

func (w *wiki) close() {
	if w.file != nil {
		_ = w.file.Close()
	}
	_ = w.model.Close()
}

func (w *wiki) next() ([]float32, error) {
	for len(w.vectors) == 0 {
		text, err := w.article()
		if err != nil {
			return nil, err
		}
		runes := []rune(text)
		var passages []string
		for _, s := range index.SplitText(text, index.SplitOptions{Size: 300}) {
			passages = append(passages, string(runes[s.Start:s.End]))
		}
		r, err := w.model.Encode(w.ctx, passages, embed.EncodeOptions{})
		if err != nil {
			return nil, err
		}
		for _, v := range r.Vectors {
			if v[0] != 0 {
				w.vectors = append(w.vectors, v)
			}
		}
	}
	v := w.vectors[0]
	w.vectors = w.vectors[1:]
	return v, nil
}

// article reads the next text.
func (w *wiki) article() (string, error) {
	for {
		if w.lines != nil && w.lines.Scan() {
			var a struct{ Text string }
			if err := json.Unmarshal(w.lines.Bytes(), &a); err != nil {
				return "", err
			}
			return a.Text, nil
		}
		if w.lines != nil && w.lines.Err() != nil {
			return "", w.lines.Err()
		}
		if len(w.files) == 0 {
			return "", fmt.Errorf("the corpora have no more passages")
		}
		if w.file != nil {
			_ = w.file.Close()
		}
		f, err := os.Open(w.files[0])
		if err != nil {
			return "", err
		}
		w.file, w.files = f, w.files[1:]
		z, err := gzip.NewReader(f)
		if err != nil {
			return "", err
		}
		w.lines = bufio.NewScanner(z)
		w.lines.Buffer(nil, 64<<20)
	}
}

func writeMatrix[T float32 | uint32](path string, rows, width int, row func(i int) []T) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	b := bufio.NewWriterSize(f, 1<<20)
	if err := binary.Write(b, binary.NativeEndian, []uint32{uint32(rows), uint32(width)}); err != nil {
		return err
	}
	for i := range rows {
		if err := binary.Write(b, binary.NativeEndian, row(i)); err != nil {
			return err
		}
	}
	if err := b.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// matrix reads a file row by row.
type matrix struct {
	*os.File
	r           *bufio.Reader
	rows, width int
}

func openMatrix(path string) (*matrix, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	m := &matrix{File: f, r: bufio.NewReaderSize(f, 1<<20)}
	var head [2]uint32
	if err := binary.Read(m.r, binary.NativeEndian, head[:]); err != nil {
		_ = f.Close()
		return nil, err
	}
	m.rows, m.width = int(head[0]), int(head[1])
	return m, nil
}

func matrixWidth(path string) (int, error) {
	m, err := openMatrix(path)
	if err != nil {
		return 0, err
	}
	return m.width, m.Close()
}

// readMatrix calls each with every row; the slice is used again.
func readMatrix[T float32 | uint32](path string, each func(x []T)) error {
	m, err := openMatrix(path)
	if err != nil {
		return err
	}
	defer m.Close()
	x := make([]T, m.width)
	for range m.rows {
		if err := binary.Read(m.r, binary.NativeEndian, x); err != nil {
			return err
		}
		each(x)
	}
	return nil
}
