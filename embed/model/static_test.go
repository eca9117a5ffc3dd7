package model_test

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

// static is a folder of a static model whose weights change rewrites.
func static(t *testing.T, change func(map[string]*model.Tensor)) string {
	t.Helper()
	dir := modeltest.Folder(t, model.Static, modeltest.Options{Normalize: true})
	module := filepath.Join(dir, "0_StaticEmbedding")
	rename(t, module, same, func(name string, x map[string]*model.Tensor) {
		change(x)
		model.WriteTensors(t, name, x)
	})
	return dir
}

// TestOpenStaticVariants opens the same table from every layout there is.
func TestOpenStaticVariants(t *testing.T) {
	want := modeltest.New(model.Static, modeltest.Options{Normalize: true}).Fingerprint()
	nothing := func(map[string]*model.Tensor) {}
	tests := map[string]func(t *testing.T) string{
		"as saved": func(t *testing.T) string { return static(t, nothing) },
		"model2vec's key": func(t *testing.T) string {
			return static(t, func(x map[string]*model.Tensor) {
				x["embeddings"] = x["embedding.weight"]
				delete(x, "embedding.weight")
			})
		},
		"pickle": func(t *testing.T) string {
			dir := static(t, nothing)
			rename(t, filepath.Join(dir, "0_StaticEmbedding"), same, func(name string, x map[string]*model.Tensor) {
				model.WriteTorch(t, filepath.Join(filepath.Dir(name), "pytorch_model.bin"), x, true)
			})
			return dir
		},
		"new generation, in the root": func(t *testing.T) string {
			dir := static(t, nothing)
			root := filepath.Join(dir, "0_StaticEmbedding")
			writeFile(t, root, "modules.json", `[
				{"idx":0,"name":"0","path":"","type":"sentence_transformers.sentence_transformer.modules.static_embedding.StaticEmbedding"},
				{"idx":1,"name":"1","path":"1_Normalize","type":"sentence_transformers.base.modules.normalize.Normalize"}]`)
			return root
		},
		"model2vec's folder": func(t *testing.T) string {
			root := filepath.Join(static(t, nothing), "0_StaticEmbedding")
			writeFile(t, root, "config.json", `{"model_type":"model2vec","normalize":true}`)
			return root
		},
		"only tokenizer.json": func(t *testing.T) string {
			dir := static(t, nothing)
			remove(t, filepath.Join(dir, "0_StaticEmbedding"), "vocab.txt", "tokenizer_config.json", "special_tokens_map.json")
			return dir
		},
	}
	for name, folder := range tests {
		t.Run(name, func(t *testing.T) {
			m := open(t, folder(t))
			if m.Architecture != model.Static || m.Transformer != nil || !m.Normalize || m.Dims() != 32 || m.Config.VocabSize != 64 {
				t.Errorf("%s, %d dims, %d rows", m.Architecture, m.Dims(), m.Config.VocabSize)
			}
			if m.Parameters() != 64*32 {
				t.Errorf("%d parameters", m.Parameters())
			}
			if got := m.Fingerprint(); got != want {
				t.Errorf("fingerprint %s, want %s", got, want)
			}
		})
	}
}

func TestOpenStaticErrors(t *testing.T) {
	const weight, scale = "embedding.weight", "embedding.scale"
	codes := model.NewI8(weight, []int{64, 32}, make([]int8, 2048))
	floats := func(n int) *model.Tensor { return model.NewF32("", []int{n}, make([]float32, n)) }
	tests := []struct {
		name   string
		change func(map[string]*model.Tensor)
		want   error
		parts  []string
	}{
		{"no table", func(x map[string]*model.Tensor) { clear(x); x["linear.weight"] = floats(4) }, model.ErrTensor, []string{weight, "linear.weight"}},
		{"one dimension", func(x map[string]*model.Tensor) { x[weight] = floats(64) }, model.ErrTensor, []string{"[64]"}},
		{"no rows", func(x map[string]*model.Tensor) { x[weight] = model.NewF32("", []int{0, 32}, nil) }, model.ErrTensor, []string{"[0 32]"}},
		{"int8 without a scale", func(x map[string]*model.Tensor) { x[weight] = codes }, model.ErrTensor, []string{scale, "missing"}},
		{"a scale of another length", func(x map[string]*model.Tensor) { x[weight], x[scale] = codes, floats(63) }, model.ErrTensor, []string{scale, "[63]", "[64]"}},
		{"a scale beside floats", func(x map[string]*model.Tensor) { x[scale] = floats(64) }, model.ErrTensor, []string{"without a scale"}},
		{"another tensor", func(x map[string]*model.Tensor) { x["mapping"] = floats(64) }, model.ErrTensor, []string{"mapping"}},
		{"too few rows", func(x map[string]*model.Tensor) { x[weight] = model.NewF32("", []int{60, 32}, make([]float32, 1920)) }, model.ErrVocabulary, []string{"64 entries", "60 rows"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := model.Open(static(t, tt.change))
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			for _, part := range tt.parts {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not name %q", err, part)
				}
			}
		})
	}
}

// TestStaticFileKeys pins the names that sentence-transformers looks for.
func TestStaticFileKeys(t *testing.T) {
	m := modeltest.New(model.Static, modeltest.Options{})
	for as, want := range map[model.DType][]string{
		model.F16: {"embedding.weight"},
		model.I8:  {"embedding.scale", "embedding.weight"},
	} {
		dir := filepath.Join(t.TempDir(), "m")
		if err := m.Save(dir, model.SaveOptions{DType: as}); err != nil {
			t.Fatal(err)
		}
		tensors := model.ReadTensors(t, filepath.Join(dir, "0_StaticEmbedding", "model.safetensors"))
		if got := slices.Sorted(maps.Keys(tensors)); !slices.Equal(got, want) || tensors["embedding.weight"].DType != as {
			t.Errorf("%s: keys %q", as, got)
		}
	}
}
