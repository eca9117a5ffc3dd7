package model_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

// list names the files below dir.
func list(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func TestSaveFiles(t *testing.T) {
	tokenizer := []string{"special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"}
	in := func(dir string, names ...string) []string {
		out := make([]string, len(names))
		for i, n := range names {
			out[i] = dir + n
		}
		return out
	}
	tests := []struct {
		arch model.Architecture
		want []string
	}{
		{model.DistilBERT, slices.Concat(tokenizer, []string{
			"config.json", "model.safetensors", "modules.json", "sentence_bert_config.json",
			"config_sentence_transformers.json", "1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors",
		})},
		{model.Static, slices.Concat(in("0_StaticEmbedding/", tokenizer...), []string{
			"0_StaticEmbedding/model.safetensors", "modules.json", "config_sentence_transformers.json",
			"1_Dense/config.json", "1_Dense/model.safetensors",
		})},
	}
	for _, tt := range tests {
		dir := modeltest.Folder(t, tt.arch, modeltest.Options{Dense: 16, Normalize: true})
		slices.Sort(tt.want)
		if got := list(t, dir); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.arch, got, tt.want)
		}
	}
}

// TestSaveModules looks at what sentence-transformers will read.
func TestSaveModules(t *testing.T) {
	dir := modeltest.Folder(t, model.DistilBERT, modeltest.Options{Dense: 16, Normalize: true, Pooling: "cls+mean"})
	data, err := os.ReadFile(filepath.Join(dir, "modules.json"))
	if err != nil {
		t.Fatal(err)
	}
	var modules []map[string]any
	if err := json.Unmarshal(data, &modules); err != nil {
		t.Fatal(err)
	}
	want := [][2]string{{"", "Transformer"}, {"1_Pooling", "Pooling"}, {"2_Dense", "Dense"}, {"3_Normalize", "Normalize"}}
	if len(modules) != len(want) {
		t.Fatalf("%d modules: %s", len(modules), data)
	}
	for i, w := range want {
		m := modules[i]
		if m["idx"] != float64(i) || m["path"] != w[0] || m["type"] != "sentence_transformers.models."+w[1] {
			t.Errorf("module %d is %v", i, m)
		}
	}
	if c := readJSON(t, dir, "1_Pooling/config.json"); c["word_embedding_dimension"] != 32.0 || c["pooling_mode_cls_token"] != true || c["pooling_mode_mean_tokens"] != true || c["pooling_mode_max_tokens"] != false || c["pooling_mode_mean_sqrt_len_tokens"] != false || len(c) != 5 {
		t.Errorf("pooling %v", c)
	}
	if c := readJSON(t, dir, "2_Dense/config.json"); c["in_features"] != 64.0 || c["out_features"] != 16.0 || c["bias"] != true || c["activation_function"] != "torch.nn.modules.activation.Tanh" || len(c) != 4 {
		t.Errorf("dense %v", c)
	}
	if c := readJSON(t, dir, "config.json"); c["model_type"] != "distilbert" || c["dim"] != 32.0 || c["n_layers"] != 2.0 || c["n_heads"] != 4.0 || c["hidden_dim"] != 64.0 || c["torch_dtype"] != "float32" {
		t.Errorf("config %v", c)
	}
}

func TestSavePooling(t *testing.T) {
	for _, mode := range []model.PoolingMode{
		model.PoolMean, model.PoolCLS, model.PoolMax, model.PoolMeanSqrtLen, model.PoolWeightedMean,
		model.PoolLastToken, "cls+max+mean+mean_sqrt_len+weightedmean+lasttoken", "mean+cls", "lasttoken+mean_sqrt_len",
	} {
		m := modeltest.New(model.BERT, modeltest.Options{Pooling: mode, Layers: 1})
		dir := filepath.Join(t.TempDir(), "m")
		if err := m.Save(dir, model.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := open(t, dir); got.Pooling != mode || got.Dims() != 32*len(mode.Modes()) {
			t.Errorf("%s came back as %s with %d dims", mode, got.Pooling, got.Dims())
		}
	}
}

// largest is the largest difference of two tensors.
func largest(a, b *model.Tensor) float64 {
	worst := 0.0
	y := b.F32()
	for i, x := range a.F32() {
		worst = max(worst, math.Abs(float64(x-y[i])))
	}
	return worst
}

func TestSaveTypes(t *testing.T) {
	m := modeltest.New(model.BERT, modeltest.Options{Dense: 8})
	for as, eps := range map[model.DType]float64{model.F32: 0, model.F16: 2e-3, model.BF16: 2e-2, "": 0} {
		dir := filepath.Join(t.TempDir(), "m")
		if err := m.Save(dir, model.SaveOptions{DType: as}); err != nil {
			t.Fatal(err)
		}
		got := open(t, dir)
		want := as
		if as == "" {
			want = model.F32
		}
		for _, pair := range [][2]*model.Tensor{
			{m.Transformer.Word, got.Transformer.Word},
			{m.Transformer.Layers[1].Down.Weight, got.Transformer.Layers[1].Down.Weight},
			{m.Transformer.Pooler.Bias, got.Transformer.Pooler.Bias},
			{m.Dense[0].Weight, got.Dense[0].Weight},
		} {
			if d := largest(pair[0], pair[1]); d > eps || pair[1].DType != want {
				t.Errorf("%q: %s is %s and off by %g", as, pair[1].Name, pair[1].DType, d)
			}
		}
		same := got.Fingerprint() == m.Fingerprint()
		if same != (eps == 0) {
			t.Errorf("%q: same fingerprint %t", as, same)
		}
		// Widened again, an f16 folder keeps its fingerprint.
		wide := filepath.Join(t.TempDir(), "wide")
		if err := got.Save(wide, model.SaveOptions{DType: model.F32}); err != nil {
			t.Fatal(err)
		}
		if open(t, wide).Fingerprint() != got.Fingerprint() {
			t.Errorf("%q: widening changed the fingerprint", as)
		}
	}
}

func TestSaveStaticTypes(t *testing.T) {
	m := modeltest.New(model.Static, modeltest.Options{Hidden: 48})
	copy(m.Static.Rows.F32()[:48], make([]float32, 48)) // a row of zeros, as padding has
	small := filepath.Join(t.TempDir(), "int8")
	if err := m.Save(small, model.SaveOptions{DType: model.I8}); err != nil {
		t.Fatal(err)
	}
	got := open(t, small)
	if got.Architecture != model.Static || got.Static.Rows.DType != model.I8 || got.Static.Scale == nil || got.MaxTokens != 0 || got.Dims() != 48 {
		t.Fatalf("%s %s, %d tokens, %d dims", got.Architecture, got.Static.Rows.DType, got.MaxTokens, got.Dims())
	}
	for i := range m.Static.Len() {
		want, row := m.Static.AppendRow(nil, i), got.Static.AppendRow(nil, i)
		top := 0.0
		for _, v := range want {
			top = max(top, math.Abs(float64(v)))
		}
		for j := range want {
			if d := math.Abs(float64(want[j] - row[j])); d > top/254*1.0001 {
				t.Fatalf("row %d: %v became %v", i, want[j], row[j])
			}
		}
	}
	if m.Fingerprint() == got.Fingerprint() {
		t.Error("rounding to int8 left the fingerprint")
	}
	// int8 stays int8 unless asked otherwise; f16 and f32 spell the values out.
	for as, want := range map[model.DType]model.DType{"": model.I8, model.I8: model.I8, model.F32: model.F32, model.F16: model.F16} {
		dir := filepath.Join(t.TempDir(), "again")
		if err := got.Save(dir, model.SaveOptions{DType: as}); err != nil {
			t.Fatal(err)
		}
		again := open(t, dir)
		if again.Static.Rows.DType != want || (again.Static.Scale != nil) != (want == model.I8) {
			t.Errorf("%q: saved as %s", as, again.Static.Rows.DType)
		}
		if want == model.I8 && again.Fingerprint() != got.Fingerprint() {
			t.Errorf("%q: the fingerprint changed", as)
		}
		a, b := got.Static.AppendRow(nil, 7), again.Static.AppendRow(nil, 7)
		for j := range a {
			if math.Abs(float64(a[j]-b[j])) > 1e-3 {
				t.Fatalf("%q: %v became %v", as, a[j], b[j])
			}
		}
	}
}

func TestSaveRefuses(t *testing.T) {
	good := func() *model.Model { return modeltest.New(model.BERT, modeltest.Options{Dense: 8}) }
	tests := []struct {
		name   string
		change func(*model.Model, *model.SaveOptions)
		want   error
		part   string
	}{
		{"int8 encoder", func(_ *model.Model, o *model.SaveOptions) { o.DType = model.I8 }, model.ErrUnsupported, "static"},
		{"odd type", func(_ *model.Model, o *model.SaveOptions) { o.DType = model.I32 }, model.ErrUnsupported, "I32"},
		{"no tokenizer", func(m *model.Model, _ *model.SaveOptions) { m.Tokenizer = nil }, model.ErrVocabulary, "tokenizer"},
		{"large vocabulary", func(m *model.Model, _ *model.SaveOptions) { m.Tokenizer = modeltest.Tokenizer(80) }, model.ErrVocabulary, "80"},
		{"missing tensor", func(m *model.Model, _ *model.SaveOptions) { m.Transformer.Layers[0].Key.Bias = nil }, model.ErrTensor, "encoder.layer.0.attention.self.key.bias"},
		{"wrong shape", func(m *model.Model, _ *model.SaveOptions) { m.Config.Intermediate = 65 }, model.ErrTensor, "[65 32]"},
		{"missing layer", func(m *model.Model, _ *model.SaveOptions) { m.Transformer.Layers = m.Transformer.Layers[:1] }, model.ErrTensor, "1 layers"},
		{"two kinds", func(m *model.Model, _ *model.SaveOptions) { m.Static = &model.StaticTable{} }, model.ErrTensor, "either"},
		{"dense of another width", func(m *model.Model, _ *model.SaveOptions) { m.Pooling = "cls+mean" }, model.ErrTensor, "64 dims"},
		{"pooling", func(m *model.Model, _ *model.SaveOptions) { m.Pooling = "median" }, model.ErrUnsupported, "median"},
		{"f16 overflow", func(m *model.Model, o *model.SaveOptions) { o.DType = model.F16; m.Transformer.Word.F32()[3] = 1e6 }, nil, "does not fit in f16"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, o := good(), model.SaveOptions{}
			tt.change(m, &o)
			parent := t.TempDir()
			err := m.Save(filepath.Join(parent, "m"), o)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.part) {
				t.Errorf("got %v, want %v with %q", err, tt.want, tt.part)
			}
			if left := list(t, parent); len(left) > 0 {
				t.Errorf("%q stay", left)
			}
			if entries, _ := os.ReadDir(parent); len(entries) > 0 {
				t.Errorf("folders stay: %v", entries)
			}
		})
	}
}

func TestSaveOverwrite(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "deep", "m")
	first := modeltest.New(model.BERT, modeltest.Options{Seed: 1, Dense: 8})
	second := modeltest.New(model.Static, modeltest.Options{Seed: 2})
	if err := first.Save(dir, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := second.Save(dir, model.SaveOptions{}); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "overwrite") {
		t.Errorf("got %v", err)
	}
	old := open(t, dir)
	if old.Fingerprint() != first.Fingerprint() {
		t.Error("the refused Save changed the folder")
	}
	if err := second.Save(dir, model.SaveOptions{Overwrite: true, Card: "card", Golden: golden()}); err != nil {
		t.Fatal(err)
	}
	m := open(t, dir)
	if m.Fingerprint() != second.Fingerprint() || m.Card != "card" {
		t.Error("the folder is not the second model")
	}
	if names := list(t, dir); slices.Contains(names, "config.json") || !slices.Contains(names, model.GoldenName) {
		t.Errorf("files %q", names)
	}
	// A model that is open may be saved over its own folder.
	if err := m.Save(dir, model.SaveOptions{Overwrite: true, DType: model.F16}); err != nil {
		t.Fatal(err)
	}
	if n := open(t, dir); n.Static.Rows.DType != model.F16 || n.Card != "card" {
		t.Error("the folder was not converted in its place")
	}
	if entries, _ := os.ReadDir(filepath.Dir(dir)); len(entries) != 1 {
		t.Errorf("beside the folder: %v", entries)
	}

	t.Run("not a model folder", func(t *testing.T) {
		home := t.TempDir()
		writeFile(t, home, "thesis.txt", "years of work")
		if err := first.Save(home, model.SaveOptions{Overwrite: true}); !errors.Is(err, model.ErrNotModel) {
			t.Errorf("got %v", err)
		}
		if got := list(t, home); !slices.Equal(got, []string{"thesis.txt"}) {
			t.Errorf("files %q", got)
		}
	})
	t.Run("an empty folder", func(t *testing.T) {
		empty := t.TempDir()
		if err := first.Save(empty, model.SaveOptions{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("readable by others", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			return
		}
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
	})
}

// TestSaveFailsInTheMiddle: the weights cannot be stored, the old folder stays
// as it was and nothing is left beside it.
func TestSaveFailsInTheMiddle(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "m")
	m := modeltest.New(model.Static, modeltest.Options{})
	if err := m.Save(dir, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	before := list(t, dir)
	broken := modeltest.New(model.Static, modeltest.Options{})
	broken.Static.Rows.F32()[0] = 1e9
	if err := broken.Save(dir, model.SaveOptions{Overwrite: true, DType: model.F16}); err == nil {
		t.Fatal("1e9 was stored in f16")
	}
	if after := list(t, dir); !slices.Equal(after, before) || open(t, dir).Fingerprint() != m.Fingerprint() {
		t.Errorf("the folder changed: %q", after)
	}
	if entries, _ := os.ReadDir(parent); len(entries) != 1 {
		t.Errorf("beside the folder: %v", entries)
	}
}
