package model

import (
	"os"
	"testing"
)

// WriteTensors writes a safetensors file with the given keys, for tests of
// folders that Save would not write.
func WriteTensors(t *testing.T, name string, tensors map[string]*Tensor) {
	t.Helper()
	var all []stored
	for key, v := range tensors {
		all = append(all, stored{key, v, v.DType})
	}
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeSafetensors(f, all); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// ReadTensors reads a safetensors file.
func ReadTensors(t *testing.T, name string) map[string]*Tensor {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	tensors, err := readSafetensors(data)
	if err != nil {
		t.Fatal(err)
	}
	return tensors
}

// WriteTorch writes a pytorch_model.bin, in the zip form or the older stream.
func WriteTorch(t *testing.T, name string, tensors map[string]*Tensor, zipped bool) {
	t.Helper()
	data := torchStream(tensors)
	if zipped {
		data = torchZip(tensors)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
