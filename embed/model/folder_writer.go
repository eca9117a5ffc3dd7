package model

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// folderWriter writes the files of a folder and keeps the first error. Names
// are slash-separated and relative to root.
type folderWriter struct {
	root string
	err  error
}

func (w *folderWriter) path(name string) string {
	return filepath.Join(w.root, filepath.FromSlash(name))
}

func (w *folderWriter) mkdir(name string) {
	if w.err == nil {
		w.err = os.MkdirAll(w.path(name), 0o755)
	}
}

// stream creates name and lets fill write it.
func (w *folderWriter) stream(name string, fill func(io.Writer) error) {
	if w.err != nil {
		return
	}
	f, err := os.OpenFile(w.path(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		w.err = err
		return
	}
	w.err = errors.Join(fill(f), f.Close())
}

func (w *folderWriter) file(name string, data []byte) {
	w.stream(name, func(f io.Writer) error {
		_, err := f.Write(data)
		return err
	})
}

func (w *folderWriter) json(name string, v any) {
	w.stream(name, func(f io.Writer) error {
		enc := json.NewEncoder(f)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	})
}

func (w *folderWriter) safetensors(name string, tensors []stored) {
	w.stream(name, func(f io.Writer) error { return writeSafetensors(f, tensors) })
}

func (w *folderWriter) tokenizer(m *Model, dir string) {
	if w.err == nil {
		w.err = m.Tokenizer.Save(w.path(dir))
	}
}

// finish syncs every file and folder, so that the rename that follows never
// uncovers an empty one after a power cut, and opens the folder to others (it
// was made as a temporary one).
func (w *folderWriter) finish() error {
	err := filepath.WalkDir(w.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			syncDir(path)
			return nil
		}
		return syncFile(path)
	})
	return errors.Join(err, os.Chmod(w.root, 0o755))
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncDir syncs a folder's entries as far as the system can: Windows cannot.
func syncDir(path string) {
	if f, err := os.Open(path); err == nil {
		f.Sync()
		f.Close()
	}
}

// remove deletes a file that may be there.
func (w *folderWriter) remove(name string) {
	if err := os.Remove(w.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) && w.err == nil {
		w.err = err
	}
}

func (w *folderWriter) rename(from, to string) {
	if w.err == nil {
		w.err = syncFile(w.path(from))
	}
	if w.err == nil {
		w.err = os.Rename(w.path(from), w.path(to))
	}
}
