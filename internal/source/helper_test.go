package source

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// collectAll reads everything and returns one line of JSON per document, then
// the errors.
func collectAll(t *testing.T, paths []string, opt Options) (docs []Document, errs []string, s *Source) {
	t.Helper()
	opt.OnBad = func(err error) { errs = append(errs, err.Error()) }
	s, err := Open(paths, opt)
	if err != nil {
		return nil, []string{err.Error()}, nil
	}
	for d, err := range s.Documents(context.Background()) {
		if err != nil {
			errs = append(errs, err.Error())
			continue
		}
		docs = append(docs, d)
	}
	return docs, errs, s
}

// fromText reads content as standard input in the given format.
func fromText(t *testing.T, content string, opt Options) (docs []Document, errs []string) {
	t.Helper()
	opt.Stdin = strings.NewReader(content)
	docs, errs, _ = collectAll(t, []string{Stdin}, opt)
	return docs, errs
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := asJSON(t, got), asJSON(t, want); g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func ids(docs []Document) []string {
	var list []string
	for _, d := range docs {
		list = append(list, d.ID)
	}
	return list
}
