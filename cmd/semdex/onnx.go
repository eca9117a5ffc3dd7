package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"semdex/embed/model"
	"semdex/internal/cli"
)

// writeONNX writes the file whole or not at all: under another name in the
// same folder first, then renamed.
func writeONNX(ctx context.Context, m *model.Model, write func(io.Writer, *model.Model) error, out string, overwrite bool) (err error) {
	if _, err := os.Stat(out); err == nil && !overwrite {
		return cli.WithHint(fmt.Errorf("%s: %w", out, fs.ErrExist), "choose another name, or replace it with --overwrite")
	}
	temp, err := os.CreateTemp(filepath.Dir(out), "."+filepath.Base(out)+".tmp-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignore(temp.Close(), os.ErrClosed), os.Remove(temp.Name()))
		}
	}()
	w := bufio.NewWriterSize(&cancelled{ctx, temp}, 1<<20)
	if err = write(w, m); err != nil {
		return err
	}
	if err = w.Flush(); err != nil {
		return err
	}
	if err = temp.Sync(); err != nil {
		return err
	}
	if err = temp.Chmod(0o644); err != nil {
		return err
	}
	if err = temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), out)
}

func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// cancelled is a writer that stops when its context ends.
type cancelled struct {
	ctx context.Context
	w   io.Writer
}

func (c *cancelled) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(p)
}
