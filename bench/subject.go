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
	"strings"

	"semdex/embed/builtin"
	"semdex/embed/model"
	"semdex/embed/model/onnx"
	"semdex/embed/workload"
)

// subject is a model under test, in the forms in which the sides read it.
type subject struct {
	name, about string
	model       string // a folder, or builtinName
	onnx, int8  string // files; int8 is "" for static models
	config      model.Config
	static      bool
}

// builtinName stands for the model inside the program.
const builtinName = "builtin"

// openSubject opens a folder or the built-in model.
func openSubject(path string) (*model.Model, error) {
	if path == builtinName {
		return builtin.Open()
	}
	return model.Open(path)
}

// randomSubject makes the model of a shape with random weights.
func randomSubject(dir string, s workload.Shape) (*subject, error) {
	folder := filepath.Join(dir, s.Name)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		m, err := s.Model()
		if err != nil {
			return nil, err
		}
		if err := m.Save(folder, model.SaveOptions{}); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	return exportSubject(dir, s.Name, s.About+", random weights", folder)
}

// namedSubject is a model that is there: NAME=FOLDER, or the built-in one.
func namedSubject(dir, arg string) (*subject, error) {
	if arg == builtinName {
		return exportSubject(dir, builtinName, "the model inside the program", builtinName)
	}
	name, path, ok := strings.Cut(arg, "=")
	if !ok || name == "" || strings.ContainsAny(name, "/* ") {
		return nil, fmt.Errorf("model %q: want NAME=FOLDER with a plain name, or %s", arg, builtinName)
	}
	return exportSubject(dir, name, "", path)
}

// exportSubject writes the model at path as ONNX files into dir.
func exportSubject(dir, name, about, path string) (_ *subject, err error) {
	m, err := openSubject(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	base := filepath.Join(dir, name+"-"+m.Fingerprint()[:12]) // a model may change under its name
	s := &subject{
		name: name, about: about, model: path, onnx: base + ".onnx",
		config: m.Config, static: m.Static != nil,
	}
	if s.about == "" {
		s.about = fmt.Sprintf("%s, %d layers, %d hidden, %d heads, %d intermediate",
			m.Architecture, m.Config.Layers, m.Config.Hidden, m.Config.Heads, m.Config.Intermediate)
	}
	if err := writeOnce(s.onnx, m, onnx.Write); err != nil || s.static {
		return s, err
	}
	s.int8 = base + ".int8.onnx"
	return s, writeOnce(s.int8, m, onnx.WriteInt8)
}

// writeOnce writes the file, whole or not at all, unless it is there.
func writeOnce(path string, m *model.Model, write func(io.Writer, *model.Model) error) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if err = errors.Join(write(w, m), w.Flush(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}

// fits reports whether the model has the positions for the workload.
func (s *subject) fits(w workload.Workload) bool {
	for _, n := range w.Lengths {
		if !s.static && n > s.config.MaxPositions {
			return false
		}
	}
	return true
}

// sides starts both programs on the subject.
func (s *subject) sides(ctx context.Context, c commands, precision string, threads int) (us, peer *side, err error) {
	if us, err = s.ours(ctx, c, precision, threads); err != nil {
		return nil, nil, err
	}
	if peer, err = s.peer(ctx, c, precision, threads); err != nil {
		return nil, nil, errors.Join(err, us.stop())
	}
	return us, peer, nil
}

func (s *subject) ours(ctx context.Context, c commands, precision string, threads int) (*side, error) {
	return loaded(ctx, c.ours(threads), s.model, precision, threads)
}

func (s *subject) peer(ctx context.Context, c commands, precision string, threads int) (*side, error) {
	path := s.onnx
	if precision == precisionInt8 {
		path = s.int8
	}
	return loaded(ctx, c.peer(), path, precision, threads)
}

func loaded(ctx context.Context, c command, path, precision string, threads int) (*side, error) {
	p, err := c.start(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.load(path, threads, precision == precisionInt8); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}
