package local

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"semdex/index"
)

// A log file is a header and frames. Integers are little-endian, checksums
// CRC-32C.
//
//	file header, 32 bytes: magic [8], version u32, number u32, collection [8],
//	                       zero u32, checksum of the 28 bytes before u32
//	frame header, 24 bytes: kind u8, zero [3], payload length u32, sequence u64,
//	                       checksum of the payload u32, checksum of the 20 bytes
//	                       before u32
//	payload
//
// Frames form batches: any number of upserts, deletes and field definitions,
// then a commit with the number of frames before it. A batch without its commit
// never happened. The sequence grows by one with every frame but the commit,
// which repeats that of the frame before it; compaction leaves gaps.
//
// A frame begins with a byte that is not zero, and so does a batch end with one:
// zeros in their place were never written. See scanner.damaged.
const (
	fileMagic       = "semdexlg"
	fileHeaderSize  = 32
	frameHeaderSize = 24
	maxPayload      = 1 << 30
)

type frameKind uint8

const (
	frameUpsert frameKind = 1
	frameDelete frameKind = 2
	frameFields frameKind = 3
	frameCommit frameKind = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// collectionID tells the files of one collection from those of another.
type collectionID [8]byte

func appendFileHeader(dst []byte, number uint32, id collectionID) []byte {
	at := len(dst)
	dst = append(dst, fileMagic...)
	dst = binary.LittleEndian.AppendUint32(dst, baseVersion)
	dst = binary.LittleEndian.AppendUint32(dst, number)
	dst = append(dst, id[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	return binary.LittleEndian.AppendUint32(dst, checksum(dst[at:]))
}

func checkFileHeader(b []byte, number uint32, id collectionID) error {
	if len(b) < fileHeaderSize || string(b[:8]) != fileMagic || checksum(b[:28]) != binary.LittleEndian.Uint32(b[28:]) {
		return fmt.Errorf("%w: the header of the file is not valid", index.ErrCorrupt)
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v > formatVersion {
		return newerFormat(int(v))
	}
	if n := binary.LittleEndian.Uint32(b[12:]); n != number || collectionID(b[16:24]) != id {
		return fmt.Errorf("%w: the file is number %d of collection %x, not number %d of %x", index.ErrCorrupt, n, b[16:24], number, id)
	}
	return nil
}

type frameHeader struct {
	length   uint32
	kind     frameKind
	sequence uint64
	checksum uint32 // of the payload
}

// appendFrame appends a frame whose payload fill appends.
func appendFrame(dst []byte, kind frameKind, sequence uint64, fill func([]byte) []byte) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, frameHeaderSize)...)
	dst = fill(dst)
	h, payload := dst[at:at+frameHeaderSize], dst[at+frameHeaderSize:]
	h[0] = byte(kind)
	binary.LittleEndian.PutUint32(h[4:], uint32(len(payload)))
	binary.LittleEndian.PutUint64(h[8:], sequence)
	binary.LittleEndian.PutUint32(h[16:], checksum(payload))
	binary.LittleEndian.PutUint32(h[20:], checksum(h[:20]))
	return dst
}

// parseFrameHeader reports whether b begins with a valid header.
func parseFrameHeader(b []byte) (frameHeader, bool) {
	h := frameHeader{
		kind:     frameKind(b[0]),
		length:   binary.LittleEndian.Uint32(b[4:]),
		sequence: binary.LittleEndian.Uint64(b[8:]),
		checksum: binary.LittleEndian.Uint32(b[16:]),
	}
	ok := checksum(b[:20]) == binary.LittleEndian.Uint32(b[20:]) &&
		b[1]|b[2]|b[3] == 0 && h.length <= maxPayload && h.kind >= frameUpsert && h.kind <= frameCommit
	return h, ok
}

// commit ends a batch.
type commit struct {
	frames uint32
	// durable is the sequence up to which everything was on disk before this
	// batch was written: damage there is no torn write.
	durable uint64
}

const (
	commitSize = 16
	commitMark = 0xC0117ED5
)

func appendCommit(dst []byte, sequence uint64, c commit) []byte {
	return appendFrame(dst, frameCommit, sequence, func(b []byte) []byte {
		b = binary.LittleEndian.AppendUint32(b, c.frames)
		b = binary.LittleEndian.AppendUint64(b, c.durable)
		return binary.LittleEndian.AppendUint32(b, commitMark)
	})
}

func parseCommit(payload []byte) (commit, bool) {
	if len(payload) != commitSize || binary.LittleEndian.Uint32(payload[12:]) != commitMark {
		return commit{}, false
	}
	return commit{binary.LittleEndian.Uint32(payload), binary.LittleEndian.Uint64(payload[4:])}, true
}
