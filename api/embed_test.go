package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestEmbedForms(t *testing.T) {
	tests := []struct {
		name, body string
		texts      []string
	}{
		{"text", `{"inputs":"ab"}`, []string{"ab"}},
		{"texts", `{"inputs":["ab","c"]}`, []string{"ab", "c"}},
		{"token ids", `{"inputs":[97,98]}`, []string{"ab"}},
		{"lists of token ids", `{"inputs":[[97,98],[99]]}`, []string{"ab", "c"}},
		{"mixed", `{"inputs":[[97,98],"c"]}`, []string{"ab", "c"}},
		{"unknown fields", `{"inputs":"ab","model":"x","user":"y"}`, []string{"ab"}},
		{"nulls", `{"inputs":"ab","truncate":null,"prompt_name":null,"dimensions":null,"truncation_direction":null}`, []string{"ab"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var texts []string
			e := decodingEmbedder{&fakeEmbedder{dims: 4, onEncode: func(_ context.Context, got []string) error {
				texts = got
				return nil
			}}}
			s := newTestServer(t, Options{Embedder: e})
			w := do(s, "POST", "/embed", tt.body)
			wantStatus(t, w, 200)
			var vectors [][]float32
			if err := json.Unmarshal(w.Body.Bytes(), &vectors); err != nil {
				t.Fatalf("not a list of lists: %s", w.Body)
			}
			if !reflect.DeepEqual(texts, tt.texts) || len(vectors) != len(texts) || len(vectors[0]) != 4 {
				t.Errorf("encoded %q into %v, want %q", texts, vectors, tt.texts)
			}
		})
	}
}

func TestEmbedOptions(t *testing.T) {
	tests := []struct {
		body string
		want EncodeOptions
	}{
		{`{"inputs":"a"}`, EncodeOptions{Truncate: true, Normalize: true}},
		{`{"inputs":"a","truncate":false,"normalize":false}`, EncodeOptions{}},
		{`{"inputs":"a","truncation_direction":"Left"}`, EncodeOptions{Truncate: true, Normalize: true, CutStart: true}},
		{`{"inputs":"a","truncation_direction":"right","dimensions":2,"prompt_name":"query"}`, EncodeOptions{Truncate: true, Normalize: true, Dims: 2, Prompt: "query"}},
	}
	for _, tt := range tests {
		e := &fakeEmbedder{dims: 4}
		s := newTestServer(t, Options{Embedder: e})
		wantStatus(t, do(s, "POST", "/embed", tt.body), 200)
		if !reflect.DeepEqual(e.options, []EncodeOptions{tt.want}) {
			t.Errorf("%s: %+v, want %+v", tt.body, e.options, tt.want)
		}
	}
}

func TestEmbedHeaders(t *testing.T) {
	s := newTestServer(t, Options{})
	w := do(s, "POST", "/embed", `{"inputs":["한국어","ab"]}`)
	wantStatus(t, w, 200)
	for name, want := range map[string]string{"x-compute-type": "cpu", "x-compute-characters": "5", "x-compute-tokens": "5", "content-type": "application/json"} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"x-compute-time", "x-total-time", "x-inference-time"} {
		if w.Header().Get(name) == "" {
			t.Errorf("no header %s", name)
		}
	}
}

// TestEmbedFailures are the encoder's own: TEI calls them Backend, and nothing
// of their detail leaks.
func TestEmbedFailures(t *testing.T) {
	tests := []struct {
		name   string
		e      Embedder
		status int
	}{
		{"error", &fakeEmbedder{dims: 4, onEncode: func(context.Context, []string) error { return errors.New("secret detail") }}, 424},
		{"NaN", brokenEmbedder{&fakeEmbedder{dims: 4}, [][]float32{{1, float32(math.NaN())}}}, 424},
		{"infinity", brokenEmbedder{&fakeEmbedder{dims: 4}, [][]float32{{1, float32(math.Inf(-1))}}}, 424},
		{"too few vectors", brokenEmbedder{&fakeEmbedder{dims: 4}, nil}, 424},
		{"panic", &fakeEmbedder{dims: 4, onEncode: func(context.Context, []string) error { panic("secret detail") }}, 424},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newTestServer(t, Options{Embedder: tt.e})
			w := do(s, "POST", "/embed", `{"inputs":"a"}`)
			wantStatus(t, w, tt.status)
			if body := w.Body.String(); strings.Contains(body, "secret") || !strings.Contains(body, `"error_type":"Backend"`) {
				t.Errorf("answer %s", body)
			}
			wantStatus(t, do(s, "POST", "/v1/embeddings", `{"input":"a"}`), 500)
			wantStatus(t, do(s, "GET", "/healthz", ""), 200)
		})
	}
}

type brokenEmbedder struct {
	*fakeEmbedder
	vectors [][]float32
}

func (b brokenEmbedder) Encode(context.Context, []string, EncodeOptions) (Encoding, error) {
	return Encoding{Vectors: b.vectors, Tokens: []int{1}}, nil
}

func TestOpenAIEmbeddings(t *testing.T) {
	e := &fakeEmbedder{dims: 4}
	s := newTestServer(t, Options{Embedder: e})
	type response struct {
		Object string
		Data   []struct {
			Object    string
			Index     int
			Embedding json.RawMessage
		}
		Model string
		Usage map[string]int
	}
	ask := func(body string) response {
		t.Helper()
		w := do(s, "POST", "/v1/embeddings", body)
		wantStatus(t, w, 200)
		var r response
		if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	numbers := ask(`{"model":"FAKE-model","input":["ab","cde"],"user":"u","encoding_format":"float"}`)
	if numbers.Object != "list" || numbers.Model != "fake-model" || len(numbers.Data) != 2 || numbers.Data[1].Index != 1 ||
		numbers.Usage["prompt_tokens"] != 5 || numbers.Usage["total_tokens"] != 5 {
		t.Fatalf("answer %+v", numbers)
	}
	encoded := ask(`{"input":["ab","cde"],"encoding_format":"base64"}`)
	for i := range numbers.Data {
		var floats []float32
		var text string
		if err := errors.Join(json.Unmarshal(numbers.Data[i].Embedding, &floats), json.Unmarshal(encoded.Data[i].Embedding, &text)); err != nil {
			t.Fatal(err)
		}
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(raw) != 4*len(floats) {
			t.Fatalf("%d bytes, %v", len(raw), err)
		}
		for j, x := range floats {
			bits := uint32(raw[4*j]) | uint32(raw[4*j+1])<<8 | uint32(raw[4*j+2])<<16 | uint32(raw[4*j+3])<<24
			if math.Float32frombits(bits) != x {
				t.Errorf("value %d of text %d differs", j, i)
			}
		}
	}
	short := ask(`{"input":"ab","dimensions":2}`)
	if got := string(short.Data[0].Embedding); strings.Count(got, ",") != 1 {
		t.Errorf("two dimensions: %s", got)
	}
}
