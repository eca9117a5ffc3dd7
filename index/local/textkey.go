package local

import (
	"cmp"
	"encoding/binary"

	"semdex/index/local/postings"
)

// textKey is a postings.Key: it names a passage in the text leg, with its length,
// which BM25 needs and which would otherwise have to be computed again whenever a
// collection is opened.
type textKey struct {
	sequence uint64
	ordinal  uint32
	length   uint32
}

func textKeyOf(k postings.Key) textKey { return textKey{k.Sequence, k.Ordinal, k.Length} }

func (k textKey) key() postings.Key {
	return postings.Key{Sequence: k.sequence, Ordinal: k.ordinal, Length: k.length}
}

const textKeySize = 16

// String is the form in which bleve knows the key.
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
