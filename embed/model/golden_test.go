package model_test

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"semdex/embed/model"
)

func golden() *model.GoldenFile {
	return &model.GoldenFile{
		Version: 1, Model: "abc", Tolerance: 1e-4,
		Sentences: []model.GoldenSentence{
			{Text: "한국어 문장 <b>", Vector: []float32{0.1, -1.5e-9, 1}},
			{Text: "a question", Prompt: "query", Vector: []float32{1, 2, 3}},
		},
	}
}

func TestGolden(t *testing.T) {
	dir := t.TempDir()
	if _, err := model.ReadGolden(os.DirFS(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for range 2 { // the second replaces the first
		if err := model.WriteGolden(dir, golden()); err != nil {
			t.Fatal(err)
		}
	}
	got, err := model.ReadGolden(os.DirFS(dir))
	if err != nil || !reflect.DeepEqual(got, golden()) {
		t.Errorf("got %+v, %v", got, err)
	}
	if names := list(t, dir); len(names) != 1 {
		t.Errorf("files %q", names)
	}
	for name, content := range map[string]string{
		"no JSON": "x", "a newer version": `{"version":2}`, "no sentences": `{"version":1,"tolerance":0.1}`,
		"no tolerance": `{"version":1,"sentences":[{"text":"a","vector":[1]}]}`,
	} {
		writeFile(t, dir, model.GoldenName, content)
		if _, err := model.ReadGolden(os.DirFS(dir)); err == nil || !strings.Contains(err.Error(), model.GoldenName) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := model.WriteGolden(dir+"/none", golden()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

func TestGoldenCompare(t *testing.T) {
	g := golden()
	vectors := func() [][]float32 { return [][]float32{{0.1, 0, 1}, {1, 2, 3}} }
	if err := g.Compare(vectors()); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func([][]float32) [][]float32{
		"off":      func(v [][]float32) [][]float32 { v[1][2] += 2e-4; return v },
		"NaN":      func(v [][]float32) [][]float32 { v[1][2] = float32(math.NaN()); return v },
		"too few":  func(v [][]float32) [][]float32 { return v[:1] },
		"too wide": func(v [][]float32) [][]float32 { v[1] = append(v[1], 0); return v },
	} {
		err := g.Compare(change(vectors()))
		if err == nil || name != "too few" && !strings.Contains(err.Error(), "a question") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
