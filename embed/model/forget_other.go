//go:build !unix

package model

// dropPages does nothing: files are read, not mapped.
func dropPages([]byte) {}
