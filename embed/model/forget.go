package model

import "unsafe"

// Forget tells the system that Data will not be read for some time. If it is a
// mapping of a file, its pages leave the process's memory; should it be read
// after all, they come back. Otherwise Forget does nothing.
func (t *Tensor) Forget() {
	if t != nil && t.mapped && len(t.Data) > 0 {
		dropPages(t.Data)
	}
}

// markMapped marks the tensors whose data lies in a mapped file.
func markMapped(tensors map[string]*Tensor, file []byte) {
	if len(file) == 0 {
		return
	}
	from := uintptr(unsafe.Pointer(&file[0]))
	for _, t := range tensors {
		if len(t.Data) == 0 {
			continue
		}
		at := uintptr(unsafe.Pointer(&t.Data[0])) - from // huge if before
		t.mapped = at < uintptr(len(file)) && uintptr(len(file))-at >= uintptr(len(t.Data))
	}
}
