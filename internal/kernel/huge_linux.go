package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of most systems' huge pages.
const hugePage = 2 << 20

// adviseHuge asks for huge pages where whole ones fit in b. It is advice: a
// system without them answers with an error that does not matter.
func adviseHuge(b []byte) {
	if len(b) == 0 {
		return
	}
	skip := int(-uintptr(unsafe.Pointer(&b[0])) % hugePage)
	if whole := (len(b) - skip) / hugePage * hugePage; whole > 0 {
		_ = unix.Madvise(b[skip:skip+whole], unix.MADV_HUGEPAGE)
	}
}
