package hub

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPullFullDisk lets the download write to the device that is always full.
func TestPullFullDisk(t *testing.T) {
	h := newFakeHub(t)
	o := options(t, h, nil)
	blob := repo{o.Config, h.id}.blob(h.etag(h.files["model.safetensors"], true))
	if err := os.MkdirAll(filepath.Dir(blob), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", blob+".incomplete"); err != nil {
		t.Fatal(err)
	}
	_, err := Pull(t.Context(), h.id, o)
	if !errors.Is(err, ErrNoSpace) || !strings.Contains(err.Error(), "HF_HOME") {
		t.Errorf("got %v", err)
	}
}
