// Package postings is the file format of the keyword leg's segments: which
// passages have which terms, how often, and how long the passages are. A segment
// is written once, in memory or into a file, read where it lies, and merged with
// others into a new one. It begins as a Run, or several: the same of passages that
// are new, by term but not packed, which an Inverter makes of their texts.
//
// A list of passages is cut into blocks of 128. A list of several begins with a
// table that says of each block where it ends, its last passage, and what the most
// promising of its passages can score at most, so that a search passes over blocks
// without reading them (Ding and Suel, Faster Top-k Document Retrieval Using
// Block-Max Indexes, 2011).
//
// A segment, its numbers little-endian:
//
//	magic        8 bytes
//	lists        one after the other
//	terms        ascending, in groups of 16: the first in full, of the others how
//	             much they share with the one before, and the rest; each with the
//	             number of its passages and the bytes of its list, as varints
//	groups       of terms: where each begins, and where the list of its first does
//	keys         16 bytes a passage: sequence, ordinal, length
//	footer       the numbers of passages, terms and postings, and where terms,
//	             groups and keys begin, 8 bytes each
//	checksum     CRC-32 (IEEE) of all before, big-endian
//
// A list of n passages:
//
//	table        if n > 128, 16 bytes a block: last passage, end of the block behind
//	             the table, Bound
//	blocks       a byte with the widths of what follows (2 bits each: 0, 1, 2 or 4
//	             bytes), the gaps between passages less one, the frequencies less one
package postings

import (
	"cmp"
	"errors"
)

// Key names a passage: the sequence of its document's frame and its position. A
// key never comes to mean another text, so the length goes with it. The passages
// of a segment are numbered by ascending keys.
type Key struct {
	Sequence uint64
	Ordinal  uint32
	Length   uint32 // in terms
}

// Compare orders keys by frame, then position.
func (k Key) Compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Sequence, o.Sequence), cmp.Compare(k.Ordinal, o.Ordinal))
}

// Posting is a passage with a term, and how often it has it, once at least.
type Posting struct {
	Passage   uint32
	Frequency uint32
}

// BlockSize is the number of postings of a block, but for the last of a list.
const BlockSize = 128

const (
	magic      = "semdexT1"
	groupSize  = 16 // terms
	groupEntry = 16 // bytes
	keySize    = 16
	tableEntry = 16
	footerSize = 6*8 + 4
)

// ErrCorrupt is a segment that is not what was written.
var ErrCorrupt = errors.New("postings: the segment is damaged")

// Bound says what the passages of a block can score at most, whatever the average
// length is when they are searched: by frequency, the shortest passage, for a
// score rises with the frequency and falls with the length.
type Bound struct {
	shortest [3]uint16 // of frequency 1, 2 and more, plus one; 0 if there is none
	most     uint16    // frequency
}

const manyTimes = 1 << 40 // in the place of a frequency that a Bound cannot hold

func (b *Bound) add(frequency, length uint32) {
	i := min(frequency, 3) - 1
	short := uint16(min(length, 1<<16-2)) + 1
	if b.shortest[i] == 0 || short < b.shortest[i] {
		b.shortest[i] = short
	}
	b.most = max(b.most, uint16(min(frequency, 1<<16-1)))
}

// Max is the highest score of a passage within the bound.
func (b Bound) Max(score func(frequency float64, length uint32) float64) float64 {
	best := 0.0
	for i, short := range b.shortest {
		if short == 0 {
			continue
		}
		frequency := float64(i + 1)
		if i == 2 {
			if frequency = float64(b.most); b.most == 1<<16-1 {
				frequency = manyTimes
			}
		}
		best = max(best, score(frequency, uint32(short)-1))
	}
	return best
}
