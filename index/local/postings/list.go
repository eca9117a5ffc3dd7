package postings

import "encoding/binary"

// List is the passages of a segment that have a term.
type List struct {
	n           int
	passages    int    // of the segment
	table, data []byte // the table only if there are several blocks
}

func newList(data []byte, n, passages int) (List, error) {
	l := List{n: n, passages: passages, data: data}
	if n <= BlockSize {
		return l, nil
	}
	table := l.Blocks() * tableEntry
	if table > len(data) {
		return List{}, ErrCorrupt
	}
	l.table, l.data = data[:table], data[table:]
	return l, nil
}

// Len is the number of passages.
func (l List) Len() int { return l.n }

// Blocks is the number of blocks.
func (l List) Blocks() int { return (l.n + BlockSize - 1) / BlockSize }

// Last is the last passage of a block of a list that has several.
func (l List) Last(block int) uint32 {
	return binary.LittleEndian.Uint32(l.table[block*tableEntry:])
}

// Bound is what the passages of a block of a list that has several can score.
func (l List) Bound(block int) Bound {
	e := l.table[block*tableEntry+8 : (block+1)*tableEntry]
	return Bound{
		shortest: [3]uint16{binary.LittleEndian.Uint16(e), binary.LittleEndian.Uint16(e[2:]), binary.LittleEndian.Uint16(e[4:])},
		most:     binary.LittleEndian.Uint16(e[6:]),
	}
}

// Block reads a block into the front of out, which has room for BlockSize postings.
func (l List) Block(block int, out []Posting) ([]Posting, error) {
	out = out[:min(BlockSize, l.n-block*BlockSize)]
	begin, end, before := 0, len(l.data), int64(-1)
	if len(l.table) > 0 {
		end = l.end(block)
		if block > 0 {
			begin, before = l.end(block-1), int64(l.Last(block-1))
		}
	}
	if begin > end || end > len(l.data) || !readBlock(l.data[begin:end], before, out) {
		return nil, ErrCorrupt
	}
	last := out[len(out)-1].Passage
	if int64(last) <= before || int64(last) >= int64(l.passages) || len(l.table) > 0 && last != l.Last(block) {
		return nil, ErrCorrupt
	}
	return out, nil
}

func (l List) end(block int) int {
	return int(binary.LittleEndian.Uint32(l.table[block*tableEntry+4:]))
}

// Append appends all passages.
func (l List) Append(out []Posting) ([]Posting, error) {
	for b := range l.Blocks() {
		var room [BlockSize]Posting
		block, err := l.Block(b, room[:])
		if err != nil {
			return nil, err
		}
		out = append(out, block...)
	}
	return out, nil
}
