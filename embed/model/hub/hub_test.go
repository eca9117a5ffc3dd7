package hub

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFromEnv(t *testing.T) {
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		env  map[string]string
		want Config
	}{
		{"nothing set", nil, Config{Cache: filepath.Join(home, ".cache/huggingface/hub"), Endpoint: DefaultEndpoint}},
		{"HF_HOME", map[string]string{"HF_HOME": "/data/hf"}, Config{Cache: "/data/hf/hub", Endpoint: DefaultEndpoint}},
		{"HF_HUB_CACHE wins", map[string]string{"HF_HOME": "/data/hf", "HF_HUB_CACHE": "~/models"}, Config{Cache: filepath.Join(home, "models"), Endpoint: DefaultEndpoint}},
		{"XDG", map[string]string{"XDG_CACHE_HOME": "/x"}, Config{Cache: "/x/huggingface/hub", Endpoint: DefaultEndpoint}},
		{
			"the rest",
			map[string]string{"HF_HUB_CACHE": "/c", "HF_ENDPOINT": "http://hub/", "HF_TOKEN": "t\n", "HF_HUB_OFFLINE": "ON"},
			Config{Cache: "/c", Endpoint: "http://hub", Token: "t", Offline: true},
		},
		{
			"offline of transformers",
			map[string]string{"HF_HUB_CACHE": "/c", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_OFFLINE": "0"},
			Config{Cache: "/c", Endpoint: DefaultEndpoint, Offline: true},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := FromEnv(func(k string) string { return tt.env[k] })
			if err != nil {
				t.Fatal(err)
			}
			got.Cache = filepath.ToSlash(got.Cache)
			tt.want.Cache = filepath.ToSlash(tt.want.Cache)
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestValidID(t *testing.T) {
	for _, id := range []string{"bert-base-uncased", "org/name", "a/b.c_d-e", "0/1"} {
		if !ValidID(id) {
			t.Errorf("%q is refused", id)
		}
	}
	for _, id := range []string{"", "/etc", "./x", "../x", "a/../b", "a/b/c", "a--b", "a b", "a\\b", "-x", "a/", strings.Repeat("x", 97)} {
		if ValidID(id) {
			t.Errorf("%q is accepted", id)
		}
	}
}

// write makes a file and its folders.
func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestResolve(t *testing.T) {
	cache := t.TempDir()
	c := Config{Cache: cache, Offline: true}
	root := filepath.Join(cache, "models--org--name")
	write(t, filepath.Join(root, "refs", "main"), commitA+"\n")
	write(t, filepath.Join(root, "refs", "refs", "pr", "1"), commitB)
	for _, commit := range []string{commitA, commitB} {
		write(t, filepath.Join(root, "snapshots", commit, "config.json"), "{}")
	}
	write(t, filepath.Join(cache, "models--org--half", "refs", "main"), commitA)
	write(t, filepath.Join(cache, "models--org--half", "snapshots", commitA, "vocab.txt"), "")
	write(t, filepath.Join(cache, "models--org--odd", "refs", "main"), "../../../etc")

	tests := []struct {
		name, revision, want string
		err                  error
	}{
		{"org/name", "", filepath.Join(root, "snapshots", commitA), nil},
		{"org/name", "refs/pr/1", filepath.Join(root, "snapshots", commitB), nil},
		{"org/name", commitB, filepath.Join(root, "snapshots", commitB), nil},
		{"org/name", "v2", "", ErrNotCached},
		{"org/name", "../../x", "", ErrNotCached},
		{"org/half", "", "", ErrNotCached},
		{"org/odd", "", "", ErrNotCached},
		{"org/none", "", "", ErrNotCached},
		{"./none", "", "", ErrBadName},
	}
	for _, tt := range tests {
		got, err := Resolve(tt.name, tt.revision, c)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("Resolve(%q, %q) = %q, %v; want %q, %v", tt.name, tt.revision, got, err, tt.want, tt.err)
		}
	}
	if _, err := Resolve("org/none", "", c); !strings.Contains(err.Error(), "semdex model pull org/none") {
		t.Errorf("no hint in %q", err)
	}

	t.Run("a local folder wins", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if err := os.MkdirAll("org/name", 0o755); err != nil {
			t.Fatal(err)
		}
		if got, err := Resolve("org/name", "", c); got != "org/name" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		write(t, "file.bin", "")
		if _, err := Resolve("file.bin", "", c); !errors.Is(err, ErrBadName) {
			t.Errorf("a file as a model: %v", err)
		}
	})
}

func TestChoose(t *testing.T) {
	tests := []struct {
		name      string
		all, want []string
		err       error
	}{
		{
			"safetensors before pickle, per folder",
			[]string{"config.json", "model.safetensors", "pytorch_model.bin", "2_Dense/pytorch_model.bin", "2_Dense/config.json", "onnx/model.onnx", "onnx/config.json", "tf_model.h5", "flax_model.msgpack", "openvino/openvino_model.bin"},
			[]string{"2_Dense/config.json", "2_Dense/pytorch_model.bin", "config.json", "model.safetensors"},
			nil,
		},
		{
			"shards with their index",
			[]string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json", "pytorch_model.bin"},
			[]string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"},
			nil,
		},
		{
			"static table in its module",
			[]string{"0_StaticEmbedding/model.safetensors", "0_StaticEmbedding/tokenizer.json", "modules.json", "sentence_bert_config.json", "train_script.py"},
			[]string{"0_StaticEmbedding/model.safetensors", "0_StaticEmbedding/tokenizer.json", "modules.json", "sentence_bert_config.json"},
			nil,
		},
		{"no weights", []string{"config.json", "tf_model.h5", "model.fp16.safetensors"}, nil, ErrNoWeights},
		{"a path out of the folder", []string{"../config.json", "model.safetensors"}, nil, ErrServer},
		{"a Windows path", []string{`1_Pooling\..\..\x`, "model.safetensors"}, nil, ErrServer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := choose(tt.all)
			if !slices.Equal(got, tt.want) || !errors.Is(err, tt.err) {
				t.Errorf("got %q, %v; want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}
