package vector

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"unsafe"

	"semdex/internal/kernel"
)

// A vector file holds a graph with its rows. docs/formats.md describes it: a
// header, then sections in flat arrays. Opening it reads all but the float32
// values, which may stay in a mapped file.
const (
	fileMagic   = "semdexvg"
	fileVersion = 1
	headerSize  = 256
	tableAt     = 64
	entrySize   = 24
	headerSum   = headerSize - 4
)

// The sections, in the order of the file.
const (
	sectionMeta = iota
	sectionScales
	sectionUpper
	sectionLinks
	sectionCodes
	sectionValues
	sections
)

// sectionAlign is where sections may begin: at whole pages.
const sectionAlign = 4096

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// littleEndian tells whether memory has the byte order of files.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// section is where a part of the file stands.
type section struct {
	offset, length uint64
	sum            uint32
}

// bytesOf views numbers as the bytes of a file.
func bytesOf[T int8 | uint32 | float32](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*int(unsafe.Sizeof(x[0])))
}

// viewOf views the bytes of a file as numbers of four bytes; copies them if
// they are not aligned.
func viewOf[T uint32 | float32](b []byte) []T {
	if len(b) == 0 {
		return nil
	}
	if uintptr(unsafe.Pointer(&b[0]))%4 != 0 {
		x := make([]T, len(b)/4)
		copy(bytesOf(x), b)
		return x
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), len(b)/4)
}

// Save writes the graph and its rows, with meta for whoever opens it. The
// header comes last, so a file that was cut short has none. It returns the
// length of the file; syncing it is the caller's.
func (g *Graph) Save(w io.WriterAt, meta []byte) (size int64, err error) {
	if !littleEndian {
		return 0, ErrUnsupported
	}
	out := &fileWriter{w: w, at: headerSize}
	out.section(sectionMeta, meta)
	out.section(sectionScales, bytesOf(g.codes.scales))
	out.section(sectionUpper, bytesOf(g.upper()))
	out.section(sectionLinks, bytesOf(g.layers[0].links))
	out.section(sectionCodes, bytesOf(g.codes.codes))
	out.begin(sectionValues)
	for i := 0; i < g.count; {
		f, at := g.rows.piece(i)
		n := min(len(f.scales)-at, g.count-i)
		out.write(bytesOf(f.values[at*g.rows.dims : (at+n)*g.rows.dims]))
		i += n
	}
	out.end(sectionValues)
	size = out.at
	out.at = 0
	out.put(g.header(out.table))
	if out.err != nil {
		return 0, fmt.Errorf("write vector file: %w", out.err)
	}
	return size, nil
}

// header is the first bytes of the file.
func (g *Graph) header(table [sections]section) []byte {
	b := make([]byte, headerSize)
	le := binary.LittleEndian
	copy(b, fileMagic)
	le.PutUint32(b[8:], fileVersion)
	le.PutUint32(b[12:], uint32(g.rows.dims))
	le.PutUint64(b[16:], uint64(g.count))
	le.PutUint32(b[24:], uint32(g.params.M))
	le.PutUint32(b[28:], uint32(g.params.EFConstruction))
	le.PutUint64(b[32:], g.params.Seed)
	le.PutUint32(b[40:], uint32(len(g.layers)))
	le.PutUint64(b[48:], math.Float64bits(g.rows.miss))
	le.PutUint64(b[56:], math.Float64bits(g.rows.norm))
	for i, s := range table {
		e := b[tableAt+i*entrySize:]
		le.PutUint64(e, s.offset)
		le.PutUint64(e[8:], s.length)
		le.PutUint32(e[16:], s.sum)
	}
	le.PutUint32(b[headerSum:], crc32.Checksum(b[:headerSum], castagnoli))
	return b
}

// upper is the layers above the bottom one after the other: number of nodes,
// rows, down, links.
func (g *Graph) upper() []uint32 {
	var x []uint32
	for _, l := range g.layers[1:] {
		x = append(x, uint32(l.nodes()))
		x = append(x, l.rows...)
		x = append(x, l.down...)
		x = append(x, l.links...)
	}
	return x
}

// fileWriter writes sections and notes where they are.
type fileWriter struct {
	w     io.WriterAt
	at    int64
	table [sections]section
	err   error
}

const writeSize = 1 << 20

func (f *fileWriter) section(i int, b []byte) {
	f.begin(i)
	f.table[i].sum = crc32.Checksum(b, castagnoli)
	f.put(b)
	f.table[i].length = uint64(len(b))
}

func (f *fileWriter) begin(i int) {
	f.put(make([]byte, -f.at&(sectionAlign-1)))
	f.table[i].offset = uint64(f.at)
}

// write adds to the section of the values.
func (f *fileWriter) write(b []byte) {
	s := &f.table[sectionValues]
	s.sum = crc32.Update(s.sum, castagnoli, b)
	f.put(b)
}

func (f *fileWriter) end(i int) { f.table[i].length = uint64(f.at) - f.table[i].offset }

func (f *fileWriter) put(b []byte) {
	for len(b) > 0 && f.err == nil {
		n := min(len(b), writeSize)
		_, f.err = f.w.WriteAt(b[:n], f.at)
		f.at += int64(n)
		b = b[n:]
	}
}

// File is an opened vector file.
type File struct {
	Graph *Graph
	Meta  []byte

	values []byte
	sum    uint32
}

// Rows are the rows of the file. They refer to the data that it was opened
// with.
func (f *File) Rows() Rows { return f.Graph.rows }

// Verify compares the float32 values with their checksum, which Open does not.
func (f *File) Verify() error {
	if crc32.Checksum(f.values, castagnoli) != f.sum {
		return fmt.Errorf("%w: the values do not match their checksum", ErrCorrupt)
	}
	return nil
}

// Open reads a vector file. It verifies and copies everything but the float32
// values, which stay in data.
//
// Errors: ErrCorrupt, ErrNewerFormat.
func Open(data []byte, level kernel.Level) (*File, error) {
	if !littleEndian {
		return nil, ErrUnsupported
	}
	o := &opener{data: data, table: make([][]byte, sections)}
	if err := o.header(); err != nil {
		return nil, err
	}
	g, err := o.graph(level)
	if err != nil {
		return nil, err
	}
	f := &File{Graph: g, values: o.table[sectionValues], sum: o.sums[sectionValues]}
	f.Meta = append([]byte(nil), o.table[sectionMeta]...)
	return f, nil
}

// opener checks a file before anything of it is believed.
type opener struct {
	data  []byte
	p     Params
	dims  int
	count int
	high  int // layers
	miss  float64
	norm  float64
	table [][]byte
	sums  [sections]uint32
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// header reads the header and finds the sections.
func (o *opener) header() error {
	b, le := o.data, binary.LittleEndian
	if len(b) < headerSize || string(b[:len(fileMagic)]) != fileMagic || le.Uint32(b[headerSum:]) != crc32.Checksum(b[:headerSum], castagnoli) {
		return damaged("its header is not valid")
	}
	if v := le.Uint32(b[8:]); v != fileVersion {
		return fmt.Errorf("%w: %d, this program reads %d", ErrNewerFormat, v, fileVersion)
	}
	dims, count := le.Uint32(b[12:]), le.Uint64(b[16:])
	o.p = Params{M: int(le.Uint32(b[24:])), EFConstruction: int(le.Uint32(b[28:])), Seed: le.Uint64(b[32:])}
	high := le.Uint32(b[40:])
	if dims == 0 || dims > 1<<17 || count >= expanded || high == 0 || high > maxLayers || o.p.M < 2 || o.p.M > maxM || o.p.EFConstruction < 1 {
		return damaged("its header has impossible values")
	}
	o.dims, o.count, o.high = int(dims), int(count), int(high)
	o.miss, o.norm = math.Float64frombits(le.Uint64(b[48:])), math.Float64frombits(le.Uint64(b[56:]))
	for i := range sections {
		e := b[tableAt+i*entrySize:]
		offset, length := le.Uint64(e), le.Uint64(e[8:])
		if offset > uint64(len(b)) || length > uint64(len(b))-offset {
			return damaged("it is %d bytes long, too short", len(b))
		}
		o.table[i], o.sums[i] = b[offset:offset+length:offset+length], le.Uint32(e[16:])
		if i != sectionValues && crc32.Checksum(o.table[i], castagnoli) != o.sums[i] {
			return damaged("section %d does not match its checksum", i)
		}
	}
	stride := codeStride(o.dims)
	for i, want := range map[int]int{
		sectionScales: 4 * o.count, sectionLinks: 8 * o.p.M * o.count,
		sectionCodes: stride * o.count, sectionValues: 4 * o.dims * o.count,
	} {
		if len(o.table[i]) != want {
			return damaged("section %d has %d bytes, not %d", i, len(o.table[i]), want)
		}
	}
	if len(o.table[sectionUpper])%4 != 0 {
		return damaged("its upper layers are not whole")
	}
	return nil
}

// graph puts the sections together.
func (o *opener) graph(level kernel.Level) (*Graph, error) {
	codes := flat{
		values: viewOf[float32](o.table[sectionValues]),
		codes:  hugeInt8s(len(o.table[sectionCodes])),
		scales: append([]float32(nil), viewOf[float32](o.table[sectionScales])...),
	}
	copy(bytesOf(codes.codes), o.table[sectionCodes])
	rows := Rows{dims: o.dims, count: o.count, base: codes, miss: o.miss, norm: o.norm}
	g := newGraph(rows, o.p, level)
	g.count = o.count
	g.codes = flat{codes: codes.codes, scales: codes.scales}
	g.layers[0].links = hugeUint32s(len(o.table[sectionLinks]) / 4)
	copy(bytesOf(g.layers[0].links), o.table[sectionLinks])
	upper := viewOf[uint32](o.table[sectionUpper])
	for range o.high - 1 {
		if len(upper) == 0 || uint64(upper[0])*uint64(2+o.p.M) > uint64(len(upper)-1) {
			return nil, damaged("its upper layers are not whole")
		}
		n := int(upper[0])
		take := func(n int) []uint32 {
			part := upper[:n:n]
			upper = upper[n:]
			return append([]uint32(nil), part...)
		}
		take(1)
		g.layers = append(g.layers, layer{width: o.p.M, rows: take(n), down: take(n), links: take(n * o.p.M)})
	}
	if len(upper) != 0 {
		return nil, damaged("its upper layers are too long")
	}
	return g, g.check()
}

// check verifies that every number in the graph refers to something.
func (g *Graph) check() error {
	for i := range g.layers {
		l := &g.layers[i]
		n := uint32(l.nodes())
		for _, x := range l.links {
			if x >= n && x != none {
				return damaged("layer %d has a link to node %d of %d", i, x, n)
			}
		}
		if i == 0 {
			continue
		}
		if n == 0 {
			return damaged("layer %d is empty", i)
		}
		below := &g.layers[i-1]
		for node, row := range l.rows {
			if d := l.down[node]; int(row) >= g.count || int(d) >= below.nodes() || below.row(d) != row {
				return damaged("layer %d misplaces node %d", i, node)
			}
		}
	}
	return nil
}
