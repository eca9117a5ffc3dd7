//go:build !windows

package vector

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"github.com/coder/hnsw"
)

// Coder searches a graph with github.com/coder/hnsw. That package's own
// building, adding and deleting are not used: it imports what Graph has built
// and is only read from then on.
//
// Its search keeps as many candidates as results, so it is asked for many more
// than K, which are rescored here.
type Coder struct {
	graph *hnsw.Graph[uint32]
	rows  Rows
	own   *Graph // for what coder/hnsw cannot do: filters and scans
	count int
	ef    int // how many candidates it is asked for at least
}

// coderEF is what ef begins with; it is doubled, up to coderMost, until the
// recall gate opens.
const (
	coderEF   = 400
	coderMost = 3200
)

// coderVersion is that of coder/hnsw's encoding.
const coderVersion = 1

// NewCoder hands a graph to coder/hnsw and holds the outcome against the recall
// gate: ErrRecall if it does not find what it should.
func NewCoder(ctx context.Context, g *Graph) (*Coder, error) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(g.exportCoder(w)) }()
	c, err := importCoder(g, r)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	return c.pass(ctx)
}

// pass takes the index through the recall gate.
func (c *Coder) pass(ctx context.Context) (*Coder, error) {
	for c.ef = coderEF; ; c.ef *= 2 {
		err := CheckRecall(ctx, unaided{c}, &c.rows, c.own.level)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, ErrRecall) || c.ef >= coderMost {
			return nil, fmt.Errorf("coder/hnsw: %w", err)
		}
	}
}

func importCoder(g *Graph, r io.Reader) (c *Coder, err error) {
	c = &Coder{graph: hnsw.NewGraph[uint32](), rows: g.rows, own: g, count: g.count}
	defer func() { // the package trusts what it reads
		if p := recover(); p != nil {
			c, err = nil, fmt.Errorf("%w: coder/hnsw: %v", ErrCorrupt, p)
		}
	}()
	if err := c.graph.Import(bufio.NewReaderSize(r, 1<<20)); err != nil {
		return nil, fmt.Errorf("coder/hnsw: %w", err)
	}
	return c, nil
}

// exportCoder writes the graph in coder/hnsw's encoding: varint numbers, then
// for every layer its nodes with key, values and keys of neighbours.
func (g *Graph) exportCoder(w io.Writer) error {
	b := bufio.NewWriterSize(w, 1<<20)
	var e []byte
	e = binary.AppendVarint(e, coderVersion)
	e = binary.AppendVarint(e, int64(g.layers[0].width))
	e = binary.LittleEndian.AppendUint64(e, math.Float64bits(1/float64(g.params.M)))
	e = binary.AppendVarint(e, coderEF)
	e = binary.AppendVarint(e, int64(len("cosine")))
	e = append(e, "cosine"...)
	e = binary.AppendVarint(e, int64(len(g.layers)))
	for i := range g.layers {
		l := &g.layers[i]
		var nodes int64
		for node := range uint32(l.nodes()) {
			if g.codes.scales[l.row(node)] != 0 { // it knows no angle to zeros
				nodes++
			}
		}
		e = binary.AppendVarint(e, nodes)
		for node := range uint32(l.nodes()) {
			if g.codes.scales[l.row(node)] == 0 {
				continue
			}
			e = g.appendCoder(e, l, node)
			if _, err := b.Write(e); err != nil {
				return err
			}
			e = e[:0]
		}
	}
	if _, err := b.Write(e); err != nil {
		return err
	}
	return b.Flush()
}

func (g *Graph) appendCoder(e []byte, l *layer, node uint32) []byte {
	row := l.row(node)
	e = binary.LittleEndian.AppendUint32(e, row)
	e = binary.AppendVarint(e, int64(g.rows.dims))
	for _, v := range g.rows.At(int(row)) {
		e = binary.LittleEndian.AppendUint32(e, math.Float32bits(v))
	}
	links := l.neighbours(node)
	links = links[:degree(links)]
	e = binary.AppendVarint(e, int64(len(links)))
	for _, x := range links {
		e = binary.LittleEndian.AppendUint32(e, l.row(x))
	}
	return e
}

// Len implements Index.
func (c *Coder) Len() int { return c.count }

// Bytes implements Index. It is an estimate: each node holds its neighbours in a
// map.
func (c *Coder) Bytes() int64 {
	const node, link = 160, 24
	var n int64
	for i := range c.own.layers {
		l := &c.own.layers[i]
		n += int64(l.nodes()) * int64(node+4*c.rows.dims+link*l.width)
	}
	return n
}

// Search implements Index. Filtered searches are the graph's own, for coder/hnsw
// cannot pass over rows.
func (c *Coder) Search(ctx context.Context, q Query) ([]Hit, Stats, error) {
	if err := ctx.Err(); err != nil {
		return nil, Stats{Plan: PlanCoder}, err
	}
	k := max(c.ef, q.EF, 4*q.K)
	if q.Accept != nil || q.K <= 0 || 2*k >= c.graph.Len() {
		return c.own.Search(ctx, q)
	}
	hits, rescored := c.ask(q, k)
	if len(hits) < q.K {
		return c.own.Search(ctx, q)
	}
	return hits, Stats{Plan: PlanCoder, Rescored: rescored}, nil
}

// ask takes the best of k answers of coder/hnsw; none if it fails.
func (c *Coder) ask(q Query, k int) (hits []Hit, rescored int) {
	defer func() {
		if p := recover(); p != nil {
			hits, rescored = nil, 0
		}
	}()
	best := newTop(q.K, q.Before)
	for _, n := range c.graph.Search(q.Vector, k) {
		rescored++
		best.offer(Hit{n.Key, c.own.level.Dot(q.Vector, n.Value)})
	}
	return best.sorted(), rescored
}

// unaided is coder/hnsw alone, for the recall gate.
type unaided struct{ *Coder }

func (u unaided) Search(_ context.Context, q Query) ([]Hit, Stats, error) {
	hits, rescored := u.ask(q, max(u.ef, 4*q.K))
	return hits, Stats{Plan: PlanCoder, Rescored: rescored}, nil
}

// A coder file is a header of 32 bytes and coder/hnsw's export, which has no
// checksum of its own:
//
//	magic [8], version u32, checksum of the export u32, its length u64,
//	zero u32, checksum of the 28 bytes before u32
const (
	coderMagic  = "semdexvc"
	coderHeader = 32
)

// SaveCoder writes a graph as a coder file. The header comes last.
func (g *Graph) SaveCoder(w io.WriterAt) (size int64, err error) {
	out := &sumWriter{w: w, at: coderHeader}
	if err := g.exportCoder(out); err != nil {
		return 0, fmt.Errorf("write coder file: %w", err)
	}
	b := make([]byte, coderHeader)
	copy(b, coderMagic)
	binary.LittleEndian.PutUint32(b[8:], fileVersion)
	binary.LittleEndian.PutUint32(b[12:], out.sum)
	binary.LittleEndian.PutUint64(b[16:], uint64(out.at-coderHeader))
	binary.LittleEndian.PutUint32(b[28:], crc32.Checksum(b[:28], castagnoli))
	if _, err := w.WriteAt(b, 0); err != nil {
		return 0, fmt.Errorf("write coder file: %w", err)
	}
	return out.at, nil
}

// sumWriter writes one thing after the other and keeps their checksum.
type sumWriter struct {
	w   io.WriterAt
	at  int64
	sum uint32
}

func (s *sumWriter) Write(b []byte) (int, error) {
	n, err := s.w.WriteAt(b, s.at)
	s.at += int64(n)
	s.sum = crc32.Update(s.sum, castagnoli, b[:n])
	return n, err
}

// OpenCoder reads a coder file of a graph, after its checksum, and holds it
// against the recall gate. Errors: ErrCorrupt, ErrNewerFormat, ErrRecall.
func OpenCoder(ctx context.Context, g *Graph, r io.ReaderAt, size int64) (*Coder, error) {
	b := make([]byte, coderHeader)
	if _, err := r.ReadAt(b, 0); err != nil {
		return nil, damaged("its header cannot be read: %v", err)
	}
	if string(b[:8]) != coderMagic || crc32.Checksum(b[:28], castagnoli) != binary.LittleEndian.Uint32(b[28:]) {
		return nil, damaged("its header is not valid")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != fileVersion {
		return nil, fmt.Errorf("%w: %d, this program reads %d", ErrNewerFormat, v, fileVersion)
	}
	length := binary.LittleEndian.Uint64(b[16:])
	if size < coderHeader || length != uint64(size-coderHeader) {
		return nil, damaged("it has %d bytes, not %d", size, length+coderHeader)
	}
	sum := crc32.New(castagnoli)
	if _, err := io.Copy(sum, io.NewSectionReader(r, coderHeader, int64(length))); err != nil {
		return nil, fmt.Errorf("read coder file: %w", err)
	}
	if sum.Sum32() != binary.LittleEndian.Uint32(b[12:]) {
		return nil, damaged("the export does not match its checksum")
	}
	c, err := importCoder(g, io.NewSectionReader(r, coderHeader, int64(length)))
	if err != nil {
		return nil, err
	}
	if c.graph.Len() > g.count || c.graph.Len() > 0 && c.graph.Dims() != g.rows.dims {
		return nil, damaged("it is of another graph")
	}
	return c.pass(ctx)
}
