// Package encodertest holds the fixtures that tie the encoders and the ONNX
// export to onnxruntime: small models given by their seeds, token ids, and the
// vectors that onnxruntime computed from the exported files.
package encodertest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

// Fixture is one model and what onnxruntime says of it.
type Fixture struct {
	Name         string             `json:"name"`
	Architecture model.Architecture `json:"architecture"`
	Activation   string             `json:"activation,omitempty"`
	Epsilon      float64            `json:"epsilon,omitempty"`  // of LayerNorm; 0: 1e-12
	Int8         bool               `json:"int8,omitempty"`     // a quantised static table
	Truncate     int                `json:"truncate,omitempty"` // the model's truncate_dim
	Options      modeltest.Options  `json:"options"`

	// SHA256 is the hash of the ONNX file that was run, in hexadecimal.
	SHA256  string `json:"sha256"`
	Runtime string `json:"runtime"`

	IDs     [][]int32   `json:"ids"`
	Types   [][]int32   `json:"types,omitempty"`
	Vectors [][]float32 `json:"vectors"`
}

// Model makes the fixture's model.
func (f *Fixture) Model() *model.Model {
	m := modeltest.New(f.Architecture, f.Options)
	if f.Activation != "" {
		m.Config.Activation = f.Activation
	}
	if f.Epsilon != 0 {
		m.Config.LayerNormEps = f.Epsilon
	}
	if f.Int8 {
		m.Static = m.Static.Quantize()
	}
	m.TruncateDim = f.Truncate
	return m
}

// Batch is the fixture's sentences.
func (f *Fixture) Batch() *encoder.Batch {
	b := &encoder.Batch{}
	for _, ids := range f.IDs {
		b.Append(ids)
	}
	for _, types := range f.Types {
		b.Types = append(b.Types, types...)
	}
	return b
}

// Folder is where the fixtures lie: testdata/encoder of the repository.
func Folder() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..", "testdata", "encoder")
}

// Read reads all fixtures.
func Read(t testing.TB) []*Fixture {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(Folder(), "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures in %s: %v", Folder(), err)
	}
	var all []*Fixture
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f := new(Fixture)
		if err := json.Unmarshal(data, f); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, f)
	}
	return all
}

// Write stores f.
func (f *Fixture) Write() error {
	data, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("fixture %s: %w", f.Name, err)
	}
	return os.WriteFile(filepath.Join(Folder(), f.Name+".json"), append(data, '\n'), 0o644)
}
