package main

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"
)

// TestVectorFile: what was written is there again, whole vectors alone, and for
// the same texts alone.
func TestVectorFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "v")
	key := sha256.Sum256([]byte("a"))
	open := func(key [sha256.Size]byte, want int) *vectorFile {
		t.Helper()
		v, done, err := openVectors(path, key, 2, 10)
		if err != nil {
			t.Fatal(err)
		}
		if done != want {
			t.Fatalf("%d vectors are there, want %d", done, want)
		}
		return v
	}
	v := open(key, 0)
	if err := v.write(0, [][]float32{{1, 2}, {3, 4}, {5, 6}}); err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 2)
	if err := v.read(got, 1); err != nil || got[0] != 3 || got[1] != 4 {
		t.Fatalf("%v, %v", got, err)
	}
	if err := v.read(got, 3); err == nil {
		t.Error("a vector that is not there was read")
	}
	info, err := v.f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-1); err != nil {
		t.Fatal(err)
	}
	v = open(key, 2)
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	v = open(sha256.Sum256([]byte("b")), 0)
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
}
