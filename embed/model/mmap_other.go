//go:build !unix

package model

import "os"

// mapFile reads the file: a mapped file could not be replaced on Windows while
// a model is open.
func mapFile(name string) (data []byte, unmap func() error, err error) {
	data, err = os.ReadFile(name)
	return data, nil, err
}
