package model_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

// readJSON decodes a file of a folder into a map.
func readJSON(t *testing.T, dir, name string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func writeFile(t *testing.T, dir, name, content string) {
	t.Helper()
	name = filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// copyFolder copies a folder to where a test may break it.
func copyFolder(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "model")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// edit changes one JSON file of a folder.
func edit(t *testing.T, dir, name string, change func(map[string]any)) {
	t.Helper()
	v := readJSON(t, dir, name)
	change(v)
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, name, string(data))
}

func remove(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, dir string) *model.Model {
	t.Helper()
	m, err := model.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// rename rewrites the weights of a folder under other keys, in another form.
func rename(t *testing.T, dir string, key func(string) string, write func(name string, tensors map[string]*model.Tensor)) {
	t.Helper()
	file := filepath.Join(dir, "model.safetensors")
	tensors := make(map[string]*model.Tensor)
	for name, x := range model.ReadTensors(t, file) {
		tensors[key(name)] = x
	}
	remove(t, dir, "model.safetensors")
	write(file, tensors)
}

var (
	same        = func(name string) string { return name }
	withPrefix  = func(p string) func(string) string { return func(name string) string { return p + name } }
	safetensors = func(t *testing.T) func(string, map[string]*model.Tensor) {
		return func(name string, x map[string]*model.Tensor) { model.WriteTensors(t, name, x) }
	}
)

// oldNames are the LayerNorm parameters of TensorFlow's time.
func oldNames(name string) string {
	if strings.Contains(name, "LayerNorm") || strings.Contains(name, "layer_norm") {
		name = strings.Replace(name, ".weight", ".gamma", 1)
		name = strings.Replace(name, ".bias", ".beta", 1)
	}
	return name
}

// TestOpenVariants stores one model in many ways and opens the same model each
// time.
func TestOpenVariants(t *testing.T) {
	torch := func(t *testing.T, zipped bool) func(string, map[string]*model.Tensor) {
		return func(name string, x map[string]*model.Tensor) {
			model.WriteTorch(t, filepath.Join(filepath.Dir(name), "pytorch_model.bin"), x, zipped)
		}
	}
	sharded := func(t *testing.T) func(string, map[string]*model.Tensor) {
		return func(name string, x map[string]*model.Tensor) {
			shards := [2]map[string]*model.Tensor{{}, {}}
			weightMap := make(map[string]string)
			for i, key := range slices.Sorted(maps.Keys(x)) {
				shards[i%2][key] = x[key]
				weightMap[key] = fmt.Sprintf("model-0000%d-of-00002.safetensors", i%2+1)
			}
			for i, shard := range shards {
				model.WriteTensors(t, filepath.Join(filepath.Dir(name), fmt.Sprintf("model-0000%d-of-00002.safetensors", i+1)), shard)
			}
			index, _ := json.Marshal(map[string]any{"weight_map": weightMap})
			writeFile(t, filepath.Dir(name), "model.safetensors.index.json", string(index))
		}
	}
	variants := map[string]func(t *testing.T, dir string, arch model.Architecture){
		"as saved": func(*testing.T, string, model.Architecture) {},
		"the architecture as prefix": func(t *testing.T, dir string, arch model.Architecture) {
			rename(t, dir, withPrefix(string(arch)+"."), safetensors(t))
		},
		"model. as prefix": func(t *testing.T, dir string, _ model.Architecture) {
			rename(t, dir, withPrefix("model."), safetensors(t))
		},
		"0.auto_model. as prefix": func(t *testing.T, dir string, _ model.Architecture) {
			rename(t, dir, withPrefix("0.auto_model."), safetensors(t))
		},
		"gamma and beta": func(t *testing.T, dir string, _ model.Architecture) {
			rename(t, dir, oldNames, safetensors(t))
		},
		"pickle": func(t *testing.T, dir string, _ model.Architecture) { rename(t, dir, same, torch(t, true)) },
		"old pickle with a prefix": func(t *testing.T, dir string, arch model.Architecture) {
			rename(t, dir, withPrefix(string(arch)+"."), torch(t, false))
		},
		"shards": func(t *testing.T, dir string, _ model.Architecture) { rename(t, dir, same, sharded(t)) },
		"with position_ids": func(t *testing.T, dir string, _ model.Architecture) {
			rename(t, dir, same, func(name string, x map[string]*model.Tensor) {
				x["embeddings.position_ids"] = &model.Tensor{DType: model.I64, Shape: []int{1, 2}, Data: make([]byte, 16)}
				model.WriteTensors(t, name, x)
			})
		},
		"new generation": func(t *testing.T, dir string, _ model.Architecture) {
			writeFile(t, dir, "modules.json", `[
				{"idx":0,"name":"0","path":"","type":"sentence_transformers.base.modules.transformer.Transformer"},
				{"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.sentence_transformer.modules.pooling.Pooling"},
				{"idx":3,"name":"3","path":"3_Normalize","type":"sentence_transformers.base.modules.normalize.Normalize"},
				{"idx":2,"name":"2","path":"2_Dense","type":"sentence_transformers.base.modules.dense.Dense"}]`)
			writeFile(t, dir, "1_Pooling/config.json", `{"embedding_dimension":32,"pooling_mode":["cls","mean"],"include_prompt":true}`)
			edit(t, dir, "2_Dense/config.json", func(c map[string]any) {
				c["module_input_name"], c["module_output_name"] = "sentence_embedding", "sentence_embedding"
			})
		},
		"first generation": func(t *testing.T, dir string, _ model.Architecture) {
			writeFile(t, dir, "modules.json", `[
				{"idx":0,"name":"0","path":"0_Transformer","type":"sentence_transformers.models.BERT"},
				{"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.models.Pooling"},
				{"idx":2,"name":"2","path":"2_Dense","type":"sentence_transformers.models.Dense"},
				{"idx":3,"name":"3","path":"3_Normalize","type":"sentence_transformers.models.Normalize"}]`)
			writeFile(t, dir, "1_Pooling/config.json", `{"word_embedding_dimension":32,"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":true,"pooling_mode_max_tokens":false,"pooling_mode_mean_sqrt_len_tokens":false}`)
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(dir, "0_Transformer"), 0o755); err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if !e.IsDir() && e.Name() != "modules.json" && e.Name() != "config_sentence_transformers.json" {
					if err := os.Rename(filepath.Join(dir, e.Name()), filepath.Join(dir, "0_Transformer", e.Name())); err != nil {
						t.Fatal(err)
					}
				}
			}
		},
		"no model_type": func(t *testing.T, dir string, _ model.Architecture) {
			edit(t, dir, "config.json", func(c map[string]any) { delete(c, "model_type") })
		},
		"a byte order mark": func(t *testing.T, dir string, _ model.Architecture) {
			data, err := os.ReadFile(filepath.Join(dir, "modules.json"))
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, dir, "modules.json", "\ufeff"+string(data))
		},
	}
	for _, arch := range []model.Architecture{model.BERT, model.DistilBERT} {
		o := modeltest.Options{Seed: 3, Pooling: "cls+mean", Dense: 24, Normalize: true, Layers: 2}
		want := modeltest.New(arch, o)
		print := want.Fingerprint()
		saved := modeltest.Folder(t, arch, o)
		for name, change := range variants {
			t.Run(string(arch)+"/"+name, func(t *testing.T) {
				dir := copyFolder(t, saved)
				change(t, dir, arch)
				m := open(t, dir)
				if m.Architecture != arch || m.Pooling != "cls+mean" || m.PoolingAssumed || !m.Normalize || m.Dims() != 24 || m.MaxTokens != 64 {
					t.Errorf("%s, %s, normalize %t, %d dims, %d tokens", m.Architecture, m.Pooling, m.Normalize, m.Dims(), m.MaxTokens)
				}
				if m.Config.Hidden != want.Config.Hidden || m.Config.LayerNormEps != 1e-12 || m.Config.Activation != "gelu" {
					t.Errorf("config %+v", m.Config)
				}
				if len(m.Heads) > 0 {
					t.Errorf("heads %v", slices.Collect(maps.Keys(m.Heads)))
				}
				if m.Parameters() != want.Parameters() {
					t.Errorf("%d parameters, want %d", m.Parameters(), want.Parameters())
				}
				if got := m.Fingerprint(); got != print {
					t.Errorf("fingerprint %s, want %s", got, print)
				}
			})
		}
	}
}

func TestOpenPlainFolder(t *testing.T) {
	dir := modeltest.Folder(t, model.BERT, modeltest.Options{Pooling: model.PoolCLS})
	remove(t, dir, "modules.json", "1_Pooling", "config_sentence_transformers.json", "sentence_bert_config.json")
	m := open(t, dir)
	if m.Pooling != model.PoolMean || !m.PoolingAssumed || m.Normalize || m.Similarity != "cosine" {
		t.Errorf("%s, assumed %t, %s", m.Pooling, m.PoolingAssumed, m.Similarity)
	}
	if m.MaxTokens != 64 {
		t.Errorf("%d tokens, want the positions", m.MaxTokens)
	}
}

func TestOpenHeads(t *testing.T) {
	dir := modeltest.Folder(t, model.DistilBERT, modeltest.Options{})
	rename(t, dir, withPrefix("distilbert."), func(name string, x map[string]*model.Tensor) {
		x["qa_outputs.weight"] = model.NewF32("", []int{2, 32}, make([]float32, 64))
		x["qa_outputs.bias"] = model.NewF32("", []int{2}, make([]float32, 2))
		model.WriteTensors(t, name, x)
	})
	m := open(t, dir)
	if len(m.Heads) != 2 || m.Heads["qa_outputs.weight"] == nil {
		t.Fatalf("heads %v", m.Heads)
	}
	again := filepath.Join(t.TempDir(), "again")
	if err := m.Save(again, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	tensors := model.ReadTensors(t, filepath.Join(again, "model.safetensors"))
	if tensors["distilbert.embeddings.word_embeddings.weight"] == nil || tensors["qa_outputs.bias"] == nil {
		t.Errorf("saved %v", slices.Sorted(maps.Keys(tensors)))
	}
	if c := readJSON(t, again, "config.json"); fmt.Sprint(c["architectures"]) != "[DistilBertForQuestionAnswering]" {
		t.Errorf("architectures %v", c["architectures"])
	}
	if n := open(t, again); n.Fingerprint() != m.Fingerprint() || len(n.Heads) != 2 {
		t.Error("the second folder differs")
	}
}

func TestOpenSettings(t *testing.T) {
	dir := modeltest.Folder(t, model.BERT, modeltest.Options{})
	writeFile(t, dir, "config_sentence_transformers.json", `{"__version__":{},"prompts":{"query":"query: ","document":null},"default_prompt_name":"query","similarity_fn_name":"dot","truncate_dim":16}`)
	writeFile(t, dir, "sentence_bert_config.json", `{"max_seq_length":20,"do_lower_case":false}`)
	writeFile(t, dir, "README.md", "# A card\n")
	edit(t, dir, "config.json", func(c map[string]any) {
		c["id2label"] = map[string]string{"1": "neutral", "0": "entailment", "2": "contradiction"}
	})
	m := open(t, dir)
	if m.Prompts["query"] != "query: " || len(m.Prompts) != 1 || m.DefaultPrompt != "query" || m.Similarity != "dot" || m.TruncateDim != 16 || m.Dims() != 16 {
		t.Errorf("%v %q %q %d", m.Prompts, m.DefaultPrompt, m.Similarity, m.Dims())
	}
	if m.MaxTokens != 20 || m.Card != "# A card\n" || m.Name != "model" {
		t.Errorf("%d tokens, card %q, name %q", m.MaxTokens, m.Card, m.Name)
	}
	if !slices.Equal(m.Config.Labels, []string{"entailment", "neutral", "contradiction"}) {
		t.Errorf("labels %q", m.Config.Labels)
	}
	again := filepath.Join(t.TempDir(), "again")
	if err := m.Save(again, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	n := open(t, again)
	if n.Fingerprint() != m.Fingerprint() || n.Card != m.Card || !slices.Equal(n.Config.Labels, m.Config.Labels) || n.Similarity != "dot" {
		t.Error("Save lost something")
	}
}

func TestOpenFile(t *testing.T) {
	dir := modeltest.Folder(t, model.BERT, modeltest.Options{})
	if _, err := model.Open(filepath.Join(dir, "config.json")); !errors.Is(err, model.ErrNotModel) {
		t.Errorf("got %v", err)
	}
}

func TestOpenCacheName(t *testing.T) {
	dir := modeltest.Folder(t, model.BERT, modeltest.Options{})
	snapshot := filepath.Join(t.TempDir(), "models--org--tiny-bert", "snapshots", "0123")
	if err := os.MkdirAll(filepath.Dir(snapshot), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, snapshot); err != nil {
		t.Fatal(err)
	}
	if m := open(t, snapshot); m.Name != "org/tiny-bert" {
		t.Errorf("name %q", m.Name)
	}
}

// view counts how often weights are lent without a copy.
type view struct {
	fs.FS
	lent *int
}

func (v view) View(name string) ([]byte, error) {
	*v.lent++
	return fs.ReadFile(v.FS, name)
}

func TestOpenFS(t *testing.T) {
	dir := modeltest.Folder(t, model.Static, modeltest.Options{Normalize: true})
	want := open(t, dir).Fingerprint()
	parent := os.DirFS(filepath.Dir(dir))
	lent := 0
	for name, open := range map[string]func() (*model.Model, error){
		"folder":        func() (*model.Model, error) { return model.OpenFS(parent, "model") },
		"root":          func() (*model.Model, error) { return model.OpenFS(os.DirFS(dir), ".") },
		"viewer":        func() (*model.Model, error) { return model.OpenFS(view{parent, &lent}, "model") },
		"viewer's root": func() (*model.Model, error) { return model.OpenFS(view{os.DirFS(dir), &lent}, ".") },
	} {
		m, err := open()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if m.Fingerprint() != want {
			t.Errorf("%s: another fingerprint", name)
		}
		if err := m.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if lent != 2 {
		t.Errorf("weights were lent %d times, want 2", lent)
	}
	if _, err := model.OpenFS(parent, "none"); !errors.Is(err, model.ErrNotModel) {
		t.Errorf("no folder: %v", err)
	}
	if _, err := model.OpenFS(parent, "../model"); err == nil {
		t.Error("a path outside was opened")
	}
}
