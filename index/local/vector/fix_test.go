package vector

import (
	"encoding/binary"
	"hash/crc32"
)

// fix makes the checksums of a file fit what it holds.
func fix(b []byte) {
	if len(b) < headerSize {
		return
	}
	le := binary.LittleEndian
	for i := range sections {
		e := b[tableAt+i*entrySize:]
		offset, length := le.Uint64(e), le.Uint64(e[8:])
		if offset <= uint64(len(b)) && length <= uint64(len(b))-offset {
			le.PutUint32(e[16:], crc32.Checksum(b[offset:offset+length], castagnoli))
		}
	}
	le.PutUint32(b[headerSum:], crc32.Checksum(b[:headerSum], castagnoli))
}
