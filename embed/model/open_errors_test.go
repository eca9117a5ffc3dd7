package model_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

// TestOpenErrors breaks a good folder in one place each; the message must name
// the thing and say what to do or what was wanted.
func TestOpenErrors(t *testing.T) {
	config := func(key string, v any) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			edit(t, dir, "config.json", func(c map[string]any) { c[key] = v })
		}
	}
	weights := func(change func(x map[string]*model.Tensor)) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			rename(t, dir, same, func(name string, x map[string]*model.Tensor) {
				change(x)
				model.WriteTensors(t, name, x)
			})
		}
	}
	file := func(name, content string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { writeFile(t, dir, name, content) }
	}
	without := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { remove(t, dir, name) }
	}
	const key = "encoder.layer.1.output.dense.weight"
	tests := []struct {
		name   string
		change func(t *testing.T, dir string)
		want   error
		parts  []string
	}{
		{"no folder", func(t *testing.T, dir string) { remove(t, dir, ".") }, fs.ErrNotExist, nil},
		{"empty folder", func(t *testing.T, dir string) { remove(t, dir, "modules.json", "config.json") }, nil, nil},
		{"no config", without("config.json"), model.ErrNotModel, []string{"config.json is missing"}},
		{"config is no JSON", file("config.json", "{"), model.ErrCorrupt, []string{"config.json", "not JSON at byte 1"}},
		{"wrong type in config", config("hidden_size", "32"), model.ErrCorrupt, []string{"config.json: hidden_size is not of the right type: a string"}},
		{"roberta", config("model_type", "roberta"), model.ErrUnsupported, []string{`"roberta"`, "bert, distilbert"}},
		{"no model_type", func(t *testing.T, dir string) {
			edit(t, dir, "config.json", func(c map[string]any) { delete(c, "model_type"); c["type_vocab_size"] = 1 })
		}, model.ErrUnsupported, []string{"model_type"}},
		{"relative positions", config("position_embedding_type", "relative_key"), model.ErrUnsupported, []string{"relative_key"}},
		{"decoder", config("is_decoder", true), model.ErrUnsupported, []string{"is_decoder"}},
		{"activation", config("hidden_act", "swish"), model.ErrUnsupported, []string{`"swish"`}},
		{"heads do not divide", config("num_attention_heads", 5), model.ErrUnsupported, []string{"32", "5 heads"}},
		{"negative size", config("hidden_size", -32), model.ErrUnsupported, []string{"hidden size is -32"}},
		{"absurd size", config("vocab_size", 1<<40), model.ErrUnsupported, []string{"vocabulary size"}},
		{"labels with a hole", config("id2label", map[string]string{"0": "a", "2": "b"}), model.ErrUnsupported, []string{"id2label"}},
		{"fewer rows than config", config("vocab_size", 100), model.ErrTensor, []string{"embeddings.word_embeddings.weight", "[64 32]", "[100 32]"}},
		{"more layers than weights", config("num_hidden_layers", 3), model.ErrTensor, []string{"encoder.layer.2.attention.self.query.weight", "missing", "3 layers"}},
		{"fewer layers than weights", config("num_hidden_layers", 1), model.ErrTensor, []string{"unexpected tensor encoder.layer.1.", "1 layers"}},
		{"missing tensor", weights(func(x map[string]*model.Tensor) { delete(x, key) }), model.ErrTensor, []string{key, "[32 64]", "missing"}},
		{"wrong shape", weights(func(x map[string]*model.Tensor) { x[key] = model.NewF32("", []int{64, 32}, x[key].F32()) }), model.ErrTensor, []string{key, "[64 32]", "[32 64]"}},
		{"wrong type", weights(func(x map[string]*model.Tensor) { x[key] = model.NewI8("", []int{32, 64}, make([]int8, 2048)) }), model.ErrTensor, []string{key, "I8", "floats"}},
		{"unexpected tensor", weights(func(x map[string]*model.Tensor) { x["embeddings.extra"] = x[key] }), model.ErrTensor, []string{"embeddings.extra"}},
		{"two encoders", weights(func(x map[string]*model.Tensor) {
			x["b.embeddings.word_embeddings.weight"] = x["embeddings.word_embeddings.weight"]
		}), model.ErrTensor, []string{"several encoders"}},
		{"other weights", weights(func(x map[string]*model.Tensor) {
			clear(x)
			x["conv.weight"] = model.NewF32("", []int{1}, []float32{1})
		}), model.ErrTensor, []string{"word_embeddings", "conv.weight"}},
		{"no weights", without("model.safetensors"), model.ErrNotModel, []string{"model.safetensors", "pytorch_model.bin"}},
		{"truncated weights", func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, "model.safetensors"), 9000); err != nil {
				t.Fatal(err)
			}
		}, model.ErrCorrupt, []string{"model.safetensors", "truncated"}},
		{"empty weights", file("model.safetensors", ""), model.ErrCorrupt, []string{"model.safetensors"}},
		{"LFS pointer", file("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n"), model.ErrCorrupt, []string{"git lfs pull"}},
		{"missing shard", func(t *testing.T, dir string) {
			remove(t, dir, "model.safetensors")
			writeFile(t, dir, "model.safetensors.index.json", `{"weight_map":{"a":"model-1.safetensors"}}`)
		}, model.ErrNotModel, []string{"model-1.safetensors"}},
		{"shard outside", func(t *testing.T, dir string) {
			remove(t, dir, "model.safetensors")
			writeFile(t, dir, "model.safetensors.index.json", `{"weight_map":{"a":"../../secret"}}`)
		}, nil, []string{"not a path inside the folder"}},
		{"vocabulary too large", func(t *testing.T, dir string) {
			if err := modeltest.Tokenizer(70).Save(dir); err != nil {
				t.Fatal(err)
			}
		}, model.ErrVocabulary, []string{"70", "64"}},
		{"no tokenizer", func(t *testing.T, dir string) { remove(t, dir, "vocab.txt", "tokenizer.json") }, nil, []string{"tokenizer"}},
		{"no modules", file("modules.json", "[]"), model.ErrNotModel, []string{"modules.json"}},
		{"unknown module", file("modules.json", `[{"idx":0,"path":"","type":"sentence_transformers.models.Transformer"},{"idx":1,"path":"1_CNN","type":"sentence_transformers.models.CNN"}]`), model.ErrUnsupported, []string{"CNN"}},
		{"no pooling module", file("modules.json", `[{"idx":0,"path":"","type":"sentence_transformers.models.Transformer"}]`), model.ErrUnsupported, []string{"Pooling"}},
		{"module outside", file("modules.json", `[{"idx":0,"path":"../other","type":"sentence_transformers.models.Transformer"}]`), nil, []string{`"../other/config.json" is not a path inside the folder`}},
		{"no pooling config", without("1_Pooling"), model.ErrNotModel, []string{"1_Pooling/config.json"}},
		{"pooling of another width", file("1_Pooling/config.json", `{"word_embedding_dimension":768,"pooling_mode_mean_tokens":true}`), model.ErrTensor, []string{"768", "32"}},
		{"pooling mode", file("1_Pooling/config.json", `{"embedding_dimension":32,"pooling_mode":"attention"}`), model.ErrUnsupported, []string{`"attention"`}},
		{"pooling without prompt", file("1_Pooling/config.json", `{"embedding_dimension":32,"include_prompt":false}`), model.ErrUnsupported, []string{"include_prompt"}},
		{"dense activation", func(t *testing.T, dir string) {
			edit(t, dir, "2_Dense/config.json", func(c map[string]any) { c["activation_function"] = "torch.nn.modules.activation.GELU" })
		}, model.ErrUnsupported, []string{"2_Dense/config.json", "GELU"}},
		{"dense of another width", func(t *testing.T, dir string) {
			edit(t, dir, "2_Dense/config.json", func(c map[string]any) { c["in_features"] = 99 })
		}, model.ErrTensor, []string{"in_features is 99", "32"}},
		{"dense without bias", func(t *testing.T, dir string) {
			edit(t, dir, "2_Dense/config.json", func(c map[string]any) { c["bias"] = false })
		}, model.ErrTensor, []string{"2_Dense", "linear.bias"}},
		{"dense weights of another width", func(t *testing.T, dir string) {
			edit(t, dir, "2_Dense/config.json", func(c map[string]any) { c["out_features"] = 99 })
		}, model.ErrTensor, []string{"linear.weight", "[24 32]", "[99 32]"}},
		{"unknown default prompt", file("config_sentence_transformers.json", `{"default_prompt_name":"query"}`), model.ErrUnsupported, []string{`"query"`}},
		{"similarity", file("config_sentence_transformers.json", `{"similarity_fn_name":"maxsim"}`), model.ErrUnsupported, []string{`"maxsim"`}},
		{"truncate_dim", file("config_sentence_transformers.json", `{"truncate_dim":25}`), model.ErrUnsupported, []string{"25", "24"}},
		{"cross-encoder", file("config_sentence_transformers.json", `{"model_type":"CrossEncoder"}`), model.ErrUnsupported, []string{"CrossEncoder"}},
		{"no room for text", file("sentence_bert_config.json", `{"max_seq_length":2}`), model.ErrUnsupported, []string{"max_seq_length 2"}},
	}
	good := modeltest.Folder(t, model.BERT, modeltest.Options{Dense: 24, Normalize: true})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := copyFolder(t, good)
			tt.change(t, dir)
			m, err := model.Open(dir)
			if tt.want == nil && err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Fatalf("got %v, %v; want %v", m, err, tt.want)
			}
			for _, part := range append(tt.parts, dir) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not name %q", err, part)
				}
			}
		})
	}
}
