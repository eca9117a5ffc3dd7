package postings

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
)

// Writer writes a segment: all terms in ascending order, then Close. Lists go out as
// they come; terms are held until the end.
type Writer struct {
	out  *bufio.Writer
	sum  hash.Hash32
	at   uint64
	keys []Key

	terms, groups []byte
	last          string
	count, total  uint64
	list          []byte
}

// NewWriter begins a segment of the passages with these keys, which ascend.
func NewWriter(w io.Writer, keys []Key) (*Writer, error) {
	for i := 1; i < len(keys); i++ {
		if keys[i-1].Compare(keys[i]) >= 0 {
			return nil, fmt.Errorf("postings: key %v behind %v", keys[i], keys[i-1])
		}
	}
	out := &Writer{sum: crc32.NewIEEE(), keys: keys}
	out.out = bufio.NewWriterSize(io.MultiWriter(w, out.sum), 64<<10)
	return out, out.write([]byte(magic))
}

func (w *Writer) write(b []byte) error {
	w.at += uint64(len(b))
	_, err := w.out.Write(b)
	return err
}

// Add adds a term, which comes behind those before, and its passages, ascending, of
// which there is one at least.
func (w *Writer) Add(term string, list []Posting) error {
	if w.count > 0 && term <= w.last {
		return fmt.Errorf("postings: term %q behind %q", term, w.last)
	}
	if err := w.check(list); err != nil {
		return fmt.Errorf("postings: term %q: %w", term, err)
	}
	begin := w.at
	w.list = w.appendList(w.list[:0], list)
	if uint64(len(w.list)) > math.MaxUint32 { // a table says where blocks end in 32 bits
		return fmt.Errorf("postings: term %q: a list of %d bytes", term, len(w.list))
	}
	if err := w.write(w.list); err != nil {
		return err
	}
	if w.count%groupSize == 0 {
		w.groups = binary.LittleEndian.AppendUint64(w.groups, uint64(len(w.terms)))
		w.groups = binary.LittleEndian.AppendUint64(w.groups, begin)
	} else {
		n := shared(w.last, term)
		w.terms = binary.AppendUvarint(w.terms, uint64(n))
		term, w.last = term[n:], term
	}
	w.terms = binary.AppendUvarint(w.terms, uint64(len(term)))
	w.terms = append(w.terms, term...)
	w.terms = binary.AppendUvarint(w.terms, uint64(len(list)))
	w.terms = binary.AppendUvarint(w.terms, uint64(len(w.list)))
	if w.count%groupSize == 0 {
		w.last = term
	}
	w.count++
	w.total += uint64(len(list))
	return nil
}

func (w *Writer) check(list []Posting) error {
	if len(list) == 0 {
		return fmt.Errorf("no passages")
	}
	for i, p := range list {
		if i > 0 && p.Passage <= list[i-1].Passage || p.Frequency == 0 || int64(p.Passage) >= int64(len(w.keys)) {
			return fmt.Errorf("posting %d, %v, among %d passages", i, p, len(w.keys))
		}
	}
	return nil
}

func (w *Writer) appendList(out []byte, list []Posting) []byte {
	if len(list) <= BlockSize {
		return appendBlock(out, -1, list)
	}
	table := (len(list) + BlockSize - 1) / BlockSize * tableEntry
	out = append(out, make([]byte, table)...)
	before := int64(-1)
	for entry := 0; len(list) > 0; entry += tableEntry {
		block := list[:min(BlockSize, len(list))]
		list = list[len(block):]
		out = appendBlock(out, before, block)
		last := block[len(block)-1].Passage
		before = int64(last)
		var bound Bound
		for _, p := range block {
			bound.add(p.Frequency, w.keys[p.Passage].Length)
		}
		e := out[entry : entry+tableEntry]
		binary.LittleEndian.PutUint32(e, last)
		binary.LittleEndian.PutUint32(e[4:], uint32(len(out)-table))
		for i, short := range bound.shortest {
			binary.LittleEndian.PutUint16(e[8+2*i:], short)
		}
		binary.LittleEndian.PutUint16(e[14:], bound.most)
	}
	return out
}

// Close writes what remains. It does not close what is below.
func (w *Writer) Close() error {
	terms := w.at
	if err := w.write(w.terms); err != nil {
		return err
	}
	groups := w.at
	if err := w.write(w.groups); err != nil {
		return err
	}
	keys := w.at
	var b []byte
	for _, k := range w.keys {
		b = binary.LittleEndian.AppendUint64(b[:0], k.Sequence)
		b = binary.LittleEndian.AppendUint32(b, k.Ordinal)
		if err := w.write(binary.LittleEndian.AppendUint32(b, k.Length)); err != nil {
			return err
		}
	}
	b = b[:0]
	for _, n := range []uint64{uint64(len(w.keys)), w.count, w.total, terms, groups, keys} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	if err := w.write(b); err != nil {
		return err
	}
	if err := w.out.Flush(); err != nil {
		return err
	}
	if err := w.write(binary.BigEndian.AppendUint32(nil, w.sum.Sum32())); err != nil {
		return err
	}
	return w.out.Flush()
}

// shared is the number of bytes that two terms begin with.
func shared(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
