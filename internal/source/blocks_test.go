package source

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestBlocks(t *testing.T) {
	long := strings.Repeat(strings.Repeat("x", 1023)+"\n", 1500)
	for _, c := range []struct {
		name, text string
		want       []string
		ids        []string
	}{
		{"blocks", "\n one\r\ntwo \n \t\n\nthree\n", []string{"one\ntwo", "three"}, []string{"f.txt:2", "f.txt:6"}},
		{"empty", "\n\n", nil, nil},
		{"no end", "one", []string{"one"}, []string{"f.txt:1"}},
		{"long", long, []string{long[:1025*1024-1], strings.TrimSpace(long[1025*1024:])}, []string{"f.txt:1", "f.txt:1026"}},
	} {
		path := filepath.Join(t.TempDir(), "f.txt")
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := Open([]string{path}, Options{Blocks: true})
		if err != nil {
			t.Fatal(err)
		}
		var texts, ids []string
		for d, err := range s.Documents(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			texts, ids = append(texts, d.Text), append(ids, d.ID)
		}
		if !slices.Equal(texts, c.want) || !slices.Equal(ids, c.ids) {
			t.Errorf("%s: %d blocks %q, want %d %q", c.name, len(texts), ids, len(c.want), c.ids)
		}
	}
}
