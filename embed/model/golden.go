package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
)

// GoldenName is the file of golden sentences in a model folder.
const GoldenName = "semdex_golden.json"

// GoldenFile holds sentences with the vectors they must have, so that a copy of
// a model can prove that it computes what the original did.
type GoldenFile struct {
	Version int `json:"version"` // 1
	// Model is the fingerprint of the model that made the vectors.
	Model string `json:"model,omitempty"`
	// Tolerance is the largest absolute difference allowed in any component.
	Tolerance float64          `json:"tolerance"`
	Sentences []GoldenSentence `json:"sentences"`
}

// GoldenSentence is a text and its vector.
type GoldenSentence struct {
	Text   string    `json:"text"`
	Prompt string    `json:"prompt,omitempty"` // the name of a prompt
	Vector []float32 `json:"vector"`
}

// ReadGolden reads the golden sentences of the model folder fsys. The error is
// fs.ErrNotExist if it has none.
func ReadGolden(fsys fs.FS) (*GoldenFile, error) {
	data, err := fs.ReadFile(fsys, GoldenName)
	if err != nil {
		return nil, err
	}
	var g GoldenFile
	if err := json.Unmarshal(data, &g); err != nil {
		return nil, fmt.Errorf("%s: %w", GoldenName, err)
	}
	if g.Version != 1 {
		return nil, fmt.Errorf("%s: %w: version %d, this program knows 1", GoldenName, ErrUnsupported, g.Version)
	}
	if len(g.Sentences) == 0 || !(g.Tolerance > 0) {
		return nil, fmt.Errorf("%s: %w: it needs sentences and a positive tolerance", GoldenName, ErrCorrupt)
	}
	return &g, nil
}

// WriteGolden writes the golden sentences into the model folder dir, replacing
// those it has.
func WriteGolden(dir string, g *GoldenFile) error {
	w := &folderWriter{root: dir}
	temp := "." + GoldenName + ".tmp"
	w.remove(temp)
	w.json(temp, g)
	w.rename(temp, GoldenName)
	if w.err != nil {
		w.remove(temp)
		return fmt.Errorf("write golden sentences: %w", w.err)
	}
	return nil
}

// Compare checks that got are the vectors of the sentences, in order, and names
// the first that is not.
func (g *GoldenFile) Compare(got [][]float32) error {
	if len(got) != len(g.Sentences) {
		return errors.New("golden sentences: another number of vectors")
	}
	for i, s := range g.Sentences {
		if len(got[i]) != len(s.Vector) {
			return fmt.Errorf("golden sentence %q: %d dims, want %d", s.Text, len(got[i]), len(s.Vector))
		}
		for j, want := range s.Vector {
			d := math.Abs(float64(got[i][j]) - float64(want))
			if !(d <= g.Tolerance) {
				return fmt.Errorf("golden sentence %q: component %d is %g, want %g within %g", s.Text, j, got[i][j], want, g.Tolerance)
			}
		}
	}
	return nil
}
