package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Viewer is a file system whose files can be had as bytes without a copy. An
// fs.FS over data that is already in memory may implement it to save one copy
// of the weights in OpenFS; the bytes must stay valid and unchanged.
type Viewer interface {
	View(name string) ([]byte, error)
}

// source reads the files of one model folder. dir is its path in the operating
// system, empty for other file systems; files there are mapped.
type source struct {
	fsys   fs.FS
	dir    string
	unmaps []func() error
}

func (s *source) exists(name string) bool {
	info, err := fs.Stat(s.fsys, name)
	return err == nil && !info.IsDir()
}

// view is a file's content, mapped if possible. It lives until close.
func (s *source) view(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("%q is not a path inside the folder", name)
	}
	if s.dir != "" {
		data, unmap, err := mapFile(filepath.Join(s.dir, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		if unmap != nil {
			s.unmaps = append(s.unmaps, unmap)
		}
		return data, nil
	}
	if v, ok := s.fsys.(Viewer); ok {
		return v.View(name)
	}
	return fs.ReadFile(s.fsys, name)
}

// maxJSON bounds configuration files; real ones are kilobytes.
const maxJSON = 64 << 20

// json decodes name into v and says whether the file exists.
func (s *source) json(name string, v any) (bool, error) {
	if !fs.ValidPath(name) {
		return false, fmt.Errorf("%q is not a path inside the folder", name)
	}
	info, err := fs.Stat(s.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if info.Size() > maxJSON {
		return true, fmt.Errorf("%s: %d bytes are too many for a configuration", name, info.Size())
	}
	data, err := fs.ReadFile(s.fsys, name)
	if err != nil {
		return true, err
	}
	// Windows editors leave a byte order mark, which JSON does not know.
	data = []byte(strings.TrimPrefix(string(data), "\ufeff"))
	if err := json.Unmarshal(data, v); err != nil {
		return true, fmt.Errorf("%w: %s: %w", ErrCorrupt, name, wording(err))
	}
	return true, nil
}

// wording says what encoding/json found in a file's terms, not in Go's.
func wording(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		what := e.Field
		if what == "" {
			what = "the file"
		}
		return fmt.Errorf("%s is not of the right type: a %s at byte %d", what, e.Value, e.Offset)
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("not JSON at byte %d: %w", e.Offset, e)
	}
	return err
}

// sub is a folder inside the source, "" or "." for itself. What it maps belongs
// to the parent.
func (s *source) sub(name string) (fs.FS, error) {
	if name = path.Clean(name); name == "." {
		return s.fsys, nil
	}
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("%q is not a path inside the folder", name)
	}
	return fs.Sub(s.fsys, name)
}

func (s *source) close() error {
	var errs []error
	for _, unmap := range s.unmaps {
		errs = append(errs, unmap())
	}
	s.unmaps = nil
	return errors.Join(errs...)
}

// osSource is the folder at dir.
func osSource(dir string) (*source, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%w: it is a file; give the folder that holds config.json and the weights", ErrNotModel)
	}
	return &source{fsys: os.DirFS(dir), dir: dir}, nil
}

// prefixed is a folder of another file system, like fs.Sub, and lends bytes if
// that one does.
type prefixed struct {
	fs.FS
	dir string
}

func (p prefixed) full(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return path.Join(p.dir, name), nil
}

// Open implements fs.FS.
func (p prefixed) Open(name string) (fs.File, error) {
	full, err := p.full("open", name)
	if err != nil {
		return nil, err
	}
	return p.FS.Open(full)
}

// View implements Viewer.
func (p prefixed) View(name string) ([]byte, error) {
	full, err := p.full("view", name)
	if err != nil {
		return nil, err
	}
	if v, ok := p.FS.(Viewer); ok {
		return v.View(full)
	}
	return fs.ReadFile(p.FS, full)
}
