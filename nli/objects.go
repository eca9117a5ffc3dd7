package nli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// readObjects reads a JSON list of objects, an object whose "data" is one, or
// one object per line.
func readObjects(path string, f Format) (*Dataset, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	d := &Dataset{Path: path, Header: true}
	objects, lines, err := splitObjects(data)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	if len(objects) == 0 {
		return nil, fmt.Errorf("%s: %w: the file is empty", path, ErrLayout)
	}
	for i, raw := range objects {
		r := Row{Line: lines[i]}
		var object map[string]any
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		if err := dec.Decode(&object); err != nil {
			return nil, d.errorf(r, "%w", err)
		}
		for c, known := range [][]string{firstNames, secondNames, goldNames(f.Kind)} {
			if len(f.Columns) > 0 {
				known = f.Columns[c : c+1]
			}
			name, value := lookUp(object, known)
			if name == "" {
				return nil, d.errorf(r, "%w: no key %s", ErrLayout, strings.Join(known, " or "))
			}
			d.Columns[c] = name
			*[]*string{&r.A, &r.B, &r.Gold}[c] = value
		}
		_, r.ID = lookUp(object, idNames)
		d.Rows = append(d.Rows, r)
	}
	return d, nil
}

// splitObjects gives the objects of a file, with the line of each, or its number
// in a list, from 1. Errors begin with the place.
func splitObjects(data []byte) (objects []json.RawMessage, lines []int, err error) {
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '[' {
		err = json.Unmarshal(data, &objects)
	} else {
		var whole struct {
			Data []json.RawMessage `json:"data"`
		}
		if json.Unmarshal(data, &whole) != nil || whole.Data == nil {
			return splitLines(data)
		}
		objects = whole.Data
	}
	if err != nil {
		return nil, nil, fmt.Errorf(" %w", err)
	}
	for i := range objects {
		lines = append(lines, i+1)
	}
	return objects, lines, nil
}

// splitLines gives the objects of JSON lines.
func splitLines(data []byte) (objects []json.RawMessage, lines []int, err error) {
	for i, line := range bytes.Split(data, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if !json.Valid(line) {
			return nil, nil, fmt.Errorf("%d: %w: the line is no JSON object", i+1, ErrLayout)
		}
		objects, lines = append(objects, line), append(lines, i+1)
	}
	return objects, lines, nil
}

// lookUp finds the best of the names in an object; a dot leads into an object
// within. Texts and numbers count, anything else does not.
func lookUp(object map[string]any, names []string) (name, value string) {
	for _, n := range names {
		for key, v := range object {
			outer, inner, nested := strings.Cut(n, ".")
			if nested && canonical(key) == outer {
				if within, ok := v.(map[string]any); ok {
					if _, value := lookUp(within, []string{inner}); value != "" {
						return n, value
					}
				}
			}
			if canonical(key) != canonical(n) {
				continue
			}
			switch v := v.(type) {
			case string:
				return key, v
			case json.Number:
				return key, v.String()
			}
		}
	}
	return "", ""
}

// split is a corpus in three files, line by line: s1.dev, s2.dev, labels.dev.
type split struct{ dir, name string }

func (s split) file(part string) string { return filepath.Join(s.dir, part+"."+s.name) }

// threeFiles says that path names such a corpus: its folder and the part, or one
// of the three files.
func threeFiles(path string) (split, bool) {
	dir, base := filepath.Dir(path), strings.TrimSuffix(filepath.Base(path), ".gz")
	s := split{dir, base}
	for _, part := range []string{"s1.", "s2.", "labels."} {
		if name, ok := strings.CutPrefix(base, part); ok {
			s.name = name
		}
	}
	return s, s.name != "" && s.has("s1") && s.has("s2") && s.has("labels")
}

// has says that a part is there, plain or gzipped.
func (s split) has(part string) bool {
	return slices.ContainsFunc([]string{"", ".gz"}, func(ext string) bool {
		info, err := os.Stat(s.file(part) + ext)
		return err == nil && info.Mode().IsRegular()
	})
}

// readThree reads a corpus in three files.
func readThree(s split) (*Dataset, error) {
	var parts [3][]string
	for i, part := range []string{"s1", "s2", "labels"} {
		data, err := readFile(s.file(part))
		if err != nil {
			return nil, err
		}
		text := strings.TrimSuffix(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
		parts[i] = strings.Split(text, "\n")
	}
	for i, part := range []string{"s1", "s2"} {
		if have, want := len(parts[i]), len(parts[2]); have != want {
			return nil, fmt.Errorf("%s: %w: %d lines, %s has %d", s.file(part), ErrLayout, have, s.file("labels"), want)
		}
	}
	d := &Dataset{Columns: [3]string{"s1", "s2", "labels"}}
	for i := range parts[0] {
		d.Rows = append(d.Rows, Row{A: parts[0][i], B: parts[1][i], Gold: parts[2][i], Line: i + 1})
	}
	return d, nil
}

// Expand replaces a folder by the corpora in three files that it holds, in the
// order of their names; other paths stay. A folder without one is an error, which
// wraps ErrLayout.
func Expand(paths ...string) ([]string, error) {
	var out []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			out = append(out, path) // Read says what is wrong with it
			continue
		}
		found, err := filepath.Glob(filepath.Join(path, "labels.*"))
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf("%s: %w: a folder without files labels.*", path, ErrLayout)
		}
		for _, f := range found {
			name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "labels."), ".gz")
			out = append(out, filepath.Join(path, name))
		}
	}
	return out, nil
}
