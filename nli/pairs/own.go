package pairs

import (
	"errors"
	"io"
	"path/filepath"
	"strings"

	"semdex/nli/internal/table"
)

// ownFiles reads Options.Files. What a user asks for by name must be there.
func (b *builder) ownFiles() error {
	for _, path := range b.opt.Files {
		c := b.collect()
		name := strings.TrimSuffix(filepath.Base(path), ".gz")
		ext := filepath.Ext(name)
		var err error
		if ext == ".jsonl" {
			err = c.ownJSON(path)
		} else {
			err = c.ownTable(path, ext)
		}
		if err != nil {
			return err
		}
		c.close(strings.TrimSuffix(name, ext), "the user's own", b.opt.FileWeight, 1)
	}
	return nil
}

func (c *collection) ownTable(path, ext string) error {
	dialect := table.TSV
	if ext == ".csv" {
		dialect = table.CSV
	}
	r, err := table.Open(path, dialect)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		row, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if len(row) != 2 {
			return r.Errorf("%d columns, want two texts", len(row))
		}
		c.pair(row[0], row[1], 0)
	}
}

var errNoText = errors.New(`want non-empty "a" and "b"`)

func (c *collection) ownJSON(path string) error {
	groups := map[string]int32{}
	return readJSONLines(path, func(p struct{ A, B, Group string }) error {
		if strings.TrimSpace(p.A) == "" || strings.TrimSpace(p.B) == "" {
			return errNoText
		}
		var group int32
		if p.Group != "" {
			if groups[p.Group] == 0 {
				groups[p.Group] = int32(len(groups) + 1)
			}
			group = groups[p.Group]
		}
		c.pair(p.A, p.B, group)
		return nil
	})
}
