// Package builtin holds the models inside the binary, so that semdex encodes
// text with no download and no files beside it. Each folder below models is a
// complete model folder; its card says how it was made and how good it is.
package builtin

import (
	"embed"
	"fmt"
	"io/fs"
	"path"

	"semdex/embed/model"
)

// The models. Default is the encoder that Open gives, Reader a span reader: an
// encoder with a head that finds answers, for package qa.
const (
	Default = "semdex-static-ko-en-256"
	Reader  = "semdex-reader-ko-en-256"
)

const root = "models"

//go:embed all:models
var files embed.FS

// Names lists the built-in models, the default first.
func Names() []string { return []string{Default, Reader} }

// Open gives the default model. Its weights alias the binary's own memory:
// opening copies nothing, and Close releases nothing.
func Open() (*model.Model, error) { return OpenNamed(Default) }

// OpenNamed gives the built-in model of that name.
func OpenNamed(name string) (*model.Model, error) {
	if _, err := FS(name); err != nil {
		return nil, err
	}
	m, err := model.OpenFS(files, path.Join(root, name))
	if err != nil {
		return nil, fmt.Errorf("built-in model: %w", err)
	}
	m.Name = name
	return m, nil
}

// Golden gives the default model's golden sentences, which prove that this
// build computes what the original did.
func Golden() (*model.GoldenFile, error) {
	dir, err := FS(Default)
	if err != nil {
		return nil, err
	}
	return model.ReadGolden(dir)
}

// FS is the folder of a built-in model, to copy it or to read its card. The
// error of an unknown name wraps fs.ErrNotExist.
func FS(name string) (fs.FS, error) {
	if !fs.ValidPath(name) || path.Base(name) != name || name == "." {
		return nil, fmt.Errorf("built-in model %q: %w", name, fs.ErrNotExist)
	}
	dir := path.Join(root, name)
	if _, err := fs.Stat(files, dir); err != nil {
		return nil, fmt.Errorf("built-in model %q: %w", name, fs.ErrNotExist)
	}
	return fs.Sub(files, dir)
}
