//go:build unix

package model

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dropPages takes the pages that lie wholly in data, part of a shared read-only
// mapping, out of the process's memory. They stay in the system's cache of the
// file. It is advice: an error changes nothing.
func dropPages(data []byte) {
	page := os.Getpagesize()
	skip := int(-uintptr(unsafe.Pointer(&data[0])) % uintptr(page))
	if whole := (len(data) - skip) / page * page; whole > 0 {
		_ = unix.Madvise(data[skip:skip+whole], unix.MADV_DONTNEED)
	}
}
