package local

import (
	"cmp"
	"encoding/binary"
)

// textKey names a passage in the text leg: the sequence of its document's
// frame, its position, and its length in terms, which BM25 needs and which
// would otherwise have to be computed again whenever a collection is opened. A
// key never comes to mean another text.
type textKey struct {
	sequence uint64
	ordinal  uint32
	length   uint32
}

const textKeySize = 16

// String is the form in which bleve stores the key.
func (k textKey) String() string {
	b := make([]byte, 0, textKeySize)
	b = binary.BigEndian.AppendUint64(b, k.sequence)
	b = binary.BigEndian.AppendUint32(b, k.ordinal)
	return string(binary.BigEndian.AppendUint32(b, k.length))
}

// compare orders keys by frame, then position.
func (k textKey) compare(o textKey) int {
	return cmp.Or(cmp.Compare(k.sequence, o.sequence), cmp.Compare(k.ordinal, o.ordinal))
}

func parseTextKey(b []byte) (textKey, bool) {
	if len(b) != textKeySize {
		return textKey{}, false
	}
	return textKey{
		sequence: binary.BigEndian.Uint64(b),
		ordinal:  binary.BigEndian.Uint32(b[8:]),
		length:   binary.BigEndian.Uint32(b[12:]),
	}, true
}
