package onnx_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"semdex/embed/encoder/encodertest"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/model/onnx"
)

var update = flag.Bool("update", false, "run the exported models in onnxruntime (needs Node, see testdata/gen/encoder) and store its vectors")

// cases are the models of testdata/encoder: every architecture, activation and
// pooling mode, and each module behind them.
func cases() []*encodertest.Fixture {
	type o = modeltest.Options
	return []*encodertest.Fixture{
		{Name: "bert-mean", Architecture: model.BERT, Options: o{Seed: 1, Normalize: true}},
		{
			Name: "bert-cls-tanh-gelu", Architecture: model.BERT, Activation: "gelu_new", Epsilon: 1e-5,
			Options: o{Seed: 2, Pooling: "cls", Hidden: 24, Heads: 3, Layers: 3},
		},
		{Name: "bert-dense", Architecture: model.BERT, Options: o{Seed: 3, Pooling: "max+mean", Dense: 20, Normalize: true}, Truncate: 12},
		{Name: "distilbert-mean", Architecture: model.DistilBERT, Options: o{Seed: 4, Layers: 4, Normalize: true}},
		{Name: "distilbert-relu", Architecture: model.DistilBERT, Activation: "relu", Options: o{Seed: 5, Pooling: "mean_sqrt_len+lasttoken"}},
		{Name: "distilbert-weighted", Architecture: model.DistilBERT, Options: o{Seed: 6, Pooling: "weightedmean+max+cls"}},
		{Name: "static", Architecture: model.Static, Options: o{Seed: 7, Normalize: true}},
		{Name: "static-int8-dense", Architecture: model.Static, Int8: true, Options: o{Seed: 8, Dense: 16}},
	}
}

// TestFixtures proves that the files written today are, byte for byte, those
// that onnxruntime has run; TestAgreesWithONNXRuntime of the encoder compares
// the vectors.
func TestFixtures(t *testing.T) {
	if *update {
		for _, f := range cases() {
			makeFixture(t, f)
		}
	}
	stored := make(map[string]*encodertest.Fixture)
	for _, f := range encodertest.Read(t) {
		stored[f.Name] = f
	}
	for _, c := range cases() {
		f := stored[c.Name]
		if f == nil {
			t.Errorf("%s: not in testdata/encoder; run with -update", c.Name)
			continue
		}
		if got := hash(export(t, c.Model())); got != f.SHA256 {
			t.Errorf("%s: the file has changed since onnxruntime ran it (%s, was %s); run with -update", c.Name, got, f.SHA256)
		}
	}
	if len(stored) != len(cases()) {
		t.Errorf("%d fixtures are stored, %d known", len(stored), len(cases()))
	}
}

// makeFixture runs f's model in onnxruntime and stores what it says.
func makeFixture(t *testing.T, f *encodertest.Fixture) {
	t.Helper()
	m := f.Model()
	r := rand.New(rand.NewPCG(f.Options.Seed, 2))
	for _, n := range []int{5, 1, 30, 2, 13, 7} {
		ids, types := make([]int32, n), make([]int32, n)
		for i := range ids {
			ids[i] = int32(r.IntN(m.Config.VocabSize))
			if 2*i > n {
				types[i] = 1
			}
		}
		f.IDs = append(f.IDs, ids)
		if m.Config.TypeVocabSize > 0 {
			f.Types = append(f.Types, types)
		}
	}
	dir := t.TempDir()
	data := export(t, m)
	f.SHA256 = hash(data)
	if err := os.WriteFile(filepath.Join(dir, "model.onnx"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	question, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(encodertest.Folder(), "..", "gen", "encoder", "run.js")
	cmd := exec.CommandContext(t.Context(), "node", script, filepath.Join(dir, "model.onnx"))
	cmd.Stdin, cmd.Stderr = bytes.NewReader(question), os.Stderr
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: node: %v", f.Name, err)
	}
	if err := json.Unmarshal(answer, f); err != nil {
		t.Fatalf("%s: answer of node: %v", f.Name, err)
	}
	if err := f.Write(); err != nil {
		t.Fatal(err)
	}
}

func export(t *testing.T, m *model.Model) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := onnx.Write(&buf, m); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func hash(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }
