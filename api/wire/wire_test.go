package wire

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

func TestParseInputs(t *testing.T) {
	tests := []struct {
		raw  string
		want []Input
		err  string
	}{
		{raw: `"a"`, want: []Input{{Text: "a", Path: "inputs"}}},
		{raw: ` "a" `, want: []Input{{Text: "a", Path: "inputs"}}},
		{raw: `["a","b"]`, want: []Input{{Text: "a", Path: "inputs[0]"}, {Text: "b", Path: "inputs[1]"}}},
		{raw: `[1,2]`, want: []Input{{IDs: []int{1, 2}, Path: "inputs"}}},
		{raw: `[[1],"a"]`, want: []Input{{IDs: []int{1}, Path: "inputs[0]"}, {Text: "a", Path: "inputs[1]"}}},
		{raw: `[]`, want: []Input{}},
		{raw: `[[]]`, want: []Input{{IDs: []int{}, Path: "inputs[0]"}}},
		{raw: ``, err: "inputs is missing: it must be a text, a list of texts, or token ids"},
		{raw: `null`, err: "inputs must be a text, a list of texts, or token ids, not null"},
		{raw: `7`, err: "inputs must be a text, a list of texts, or token ids, not a number"},
		{raw: `{"a":1}`, err: "inputs must be a text, a list of texts, or token ids, not an object"},
		{raw: `["a",true]`, err: "inputs[1] must be a text or a list of token ids, not a boolean"},
		{raw: `["a",3]`, err: "inputs[1] must be a text or a list of token ids, not a number"},
		{raw: `[1,"a"]`, err: "inputs[1] must be a token id: an integer from 0 to 2147483647, not a text"},
		{raw: `[[1,1.5]]`, err: "inputs[0][1] must be a token id: an integer from 0 to 2147483647, not 1.5"},
		{raw: `[-1]`, err: "inputs[0] must be a token id: an integer from 0 to 2147483647, not -1"},
		{raw: `[4294967296]`, err: "inputs[0] must be a token id: an integer from 0 to 2147483647, not 4294967296"},
	}
	for _, tt := range tests {
		t.Run(tt.raw, func(t *testing.T) {
			got, err := ParseInputs("inputs", json.RawMessage(tt.raw))
			switch {
			case err != nil && err.Error() != tt.err:
				t.Fatalf("error %q, want %q", err, tt.err)
			case err == nil && tt.err != "":
				t.Fatalf("no error, want %q", tt.err)
			case err == nil && !reflect.DeepEqual(got, tt.want):
				t.Fatalf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestAppendVectors reads back what it writes, bit by bit, with encoding/json
// as the judge.
func TestAppendVectors(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	vectors := [][]float32{{}, {0, float32(math.Copysign(0, -1)), 1, -1.5, 1e-7, 1e-45, math.MaxFloat32, 1e21, 0.1}}
	for range 50 {
		v := make([]float32, 20)
		for i := range v {
			for {
				v[i] = math.Float32frombits(rng.Uint32())
				if !math.IsNaN(float64(v[i])) && !math.IsInf(float64(v[i]), 0) {
					break
				}
			}
		}
		vectors = append(vectors, v)
	}
	text := AppendVectors(nil, vectors)
	var back [][]float32
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if len(back) != len(vectors) {
		t.Fatalf("%d vectors, want %d", len(back), len(vectors))
	}
	for i, v := range vectors {
		for j, x := range v {
			if math.Float32bits(back[i][j]) != math.Float32bits(x) {
				t.Fatalf("vector %d value %d: %v, want %v", i, j, back[i][j], x)
			}
		}
	}
}

func TestAppendBase64(t *testing.T) {
	vector := []float32{1, -0.5, 3.25e-9}
	var text string
	if err := json.Unmarshal(AppendBase64(nil, vector), &text); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != 12 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	for i, x := range vector {
		if got := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])); got != x {
			t.Errorf("value %d: %v, want %v", i, got, x)
		}
	}
}

func TestAppendOpenAIEmbeddings(t *testing.T) {
	const want = `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1,0.5]},` +
		`{"object":"embedding","index":1,"embedding":[0,-2]}],"model":"a\"b","usage":{"prompt_tokens":7,"total_tokens":7}}`
	got := AppendOpenAIEmbeddings(nil, `a"b`, [][]float32{{1, 0.5}, {0, -2}}, 7, false)
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := AppendOpenAIEmbeddings(nil, "m", [][]float32{{1}}, 1, true); !json.Valid(got) {
		t.Errorf("not JSON: %s", got)
	}
}

func FuzzParseInputs(f *testing.F) {
	for _, seed := range []string{`"a"`, `["a",[1,2]]`, `[1,2]`, `[[]]`, `{}`, ``, `[1,`, `[" \ud800"]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		inputs, err := ParseInputs("inputs", raw)
		if err == nil && !json.Valid(raw) {
			t.Fatalf("accepted %q, which is not JSON", raw)
		}
		for _, input := range inputs {
			for _, id := range input.IDs {
				if err == nil && id < 0 {
					t.Fatalf("negative id in %q", raw)
				}
			}
		}
	})
}

func BenchmarkAppendVectors(b *testing.B) {
	vectors := make([][]float32, 32)
	for i := range vectors {
		vectors[i] = make([]float32, 384)
		for j := range vectors[i] {
			vectors[i][j] = rand.Float32() - 0.5
		}
	}
	var buf []byte
	for b.Loop() {
		buf = AppendVectors(buf[:0], vectors)
	}
	b.SetBytes(int64(len(buf)))
}
