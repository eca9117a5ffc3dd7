package embed_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"semdex/embed"
	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/tokenize"
)

var architectures = []model.Architecture{model.BERT, model.DistilBERT, model.Static}

// TestEncodeAgreesWithEncoder follows texts by hand: tokens with special ones
// for a transformer, without for a static table, then the encoder.
func TestEncodeAgreesWithEncoder(t *testing.T) {
	texts := []string{"the search", "", "한국어 검색 문장을 searching?", "a"}
	for _, arch := range architectures {
		t.Run(string(arch), func(t *testing.T) {
			dir := modeltest.Folder(t, arch, modeltest.Options{Vocab: 120})
			m := load(t, dir, embed.Options{Reference: true})
			open, err := model.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer open.Close()
			enc, err := encoder.New(open, 1)
			if err != nil {
				t.Fatal(err)
			}
			var b encoder.Batch
			for _, text := range texts {
				b.Append(open.Tokenizer.Encode(text, tokenize.Options{NoSpecials: arch == model.Static}).IDs)
			}
			want := make([]float32, len(texts)*32)
			if err := enc.Encode(t.Context(), &b, encoder.Output{Normalize: true}, want); err != nil {
				t.Fatal(err)
			}
			got := run(t, m, texts, embed.EncodeOptions{})
			for i := range texts {
				same(t, fmt.Sprintf("text %d", i), got.Vectors[i], want[i*32:(i+1)*32])
				if n := int(b.Offsets[i+1] - b.Offsets[i]); got.Tokens[i] != n || got.Truncated[i] || got.Chunks[i] != 1 {
					t.Errorf("text %d: tokens %d, want %d; truncated %v, chunks %d", i, got.Tokens[i], n, got.Truncated[i], got.Chunks[i])
				}
			}
		})
	}
}

// TestEncodeDoesNotDependOnTheCall encodes random texts together, in several
// ways, and one by one.
func TestEncodeDoesNotDependOnTheCall(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 3))
	texts := make([]string, 150)
	for i := range texts {
		texts[i] = randomText(r, 120)
	}
	for _, arch := range architectures {
		for _, long := range []embed.LongPolicy{embed.LongTruncate, embed.LongSplit} {
			t.Run(fmt.Sprintf("%s/%d", arch, long), func(t *testing.T) {
				o := embed.EncodeOptions{Long: long, Prompt: "search: "}
				dir := modeltest.Folder(t, arch, modeltest.Options{Vocab: 120, Positions: 40})
				want := make([][]float32, len(texts))
				single := load(t, dir, embed.Options{Workers: 1})
				for i := range texts {
					want[i] = run(t, single, texts[i:i+1], o).Vectors[0]
				}
				for _, options := range []embed.Options{{}, {Workers: 1, BatchTokens: 1}, {Workers: 5, BatchTokens: 100}} {
					m := load(t, dir, options)
					order := r.Perm(len(texts))[:1+r.IntN(len(texts))]
					shuffled := make([]string, len(order))
					for at, i := range order {
						shuffled[at] = texts[i]
					}
					for at, v := range run(t, m, shuffled, o).Vectors {
						same(t, fmt.Sprintf("%+v, text %d", options, order[at]), v, want[order[at]])
					}
				}
			})
		}
	}
}

func TestLongTexts(t *testing.T) {
	dir := modeltest.Folder(t, model.BERT, modeltest.Options{Vocab: 120, Positions: 16})
	m := load(t, dir, embed.Options{})
	// Words of one token each; 14 fit beside [CLS] and [SEP].
	words := strings.Fields("a b c d e f g h i j k l m n o p q r s t u v w x y z")
	long := strings.Join(words, " ")
	text := func(from, to int) string { return strings.Join(words[from:to], " ") }
	raw := embed.EncodeOptions{Raw: true}

	t.Run("truncate", func(t *testing.T) {
		r := run(t, m, []string{long, text(0, 14), text(0, 15)}, raw)
		same(t, "long text", r.Vectors[0], r.Vectors[1])
		if fmt.Sprint(r.Truncated) != "[true false true]" || fmt.Sprint(r.Tokens) != "[16 16 16]" {
			t.Errorf("truncated %v, tokens %v", r.Truncated, r.Tokens)
		}
	})
	t.Run("left", func(t *testing.T) {
		r := run(t, m, []string{long}, embed.EncodeOptions{Raw: true, Left: true})
		same(t, "long text", r.Vectors[0], run(t, m, []string{text(12, 26)}, raw).Vectors[0])
		if !r.Truncated[0] {
			t.Error("not reported as truncated")
		}
		r = run(t, m, []string{long}, embed.EncodeOptions{Raw: true, Left: true, Prompt: "search: "})
		same(t, "with a prompt", r.Vectors[0], run(t, m, []string{"search: " + text(26-14+promptTokens(t, m, "search: "), 26)}, raw).Vectors[0])
	})
	t.Run("max tokens", func(t *testing.T) {
		r := run(t, m, []string{long}, embed.EncodeOptions{Raw: true, MaxTokens: 5})
		same(t, "long text", r.Vectors[0], run(t, m, []string{text(0, 3)}, raw).Vectors[0])
	})
	t.Run("far beyond the limit", func(t *testing.T) {
		r := run(t, m, []string{strings.Repeat(long+" ", 1000)}, raw)
		same(t, "long text", r.Vectors[0], run(t, m, []string{text(0, 14)}, raw).Vectors[0])
		if !r.Truncated[0] {
			t.Error("not reported as truncated")
		}
		r = run(t, m, []string{strings.Repeat(" ", 5000) + "a"}, raw)
		if r.Truncated[0] {
			t.Error("blanks are reported as truncated")
		}
	})
	t.Run("split", func(t *testing.T) {
		r := run(t, m, []string{long, text(0, 14)}, embed.EncodeOptions{Raw: true, Long: embed.LongSplit})
		parts := run(t, m, []string{text(0, 13), text(13, 26)}, raw)
		for d, got := range r.Vectors[0] {
			want := (13*float64(parts.Vectors[0][d]) + 13*float64(parts.Vectors[1][d])) / 26
			if math.Abs(float64(got)-want) > 1e-6 {
				t.Fatalf("dimension %d: %v, want %v", d, got, want)
			}
		}
		if fmt.Sprint(r.Chunks, r.Truncated, r.Tokens) != "[2 1] [false false] [30 16]" {
			t.Errorf("chunks %v, truncated %v, tokens %v", r.Chunks, r.Truncated, r.Tokens)
		}
	})
	t.Run("refuse", func(t *testing.T) {
		_, err := m.Encode(t.Context(), []string{"a", long}, embed.EncodeOptions{Long: embed.LongRefuse})
		if !errors.Is(err, embed.ErrTooLong) || !strings.Contains(err.Error(), "text 1") {
			t.Errorf("%v", err)
		}
		run(t, m, []string{text(0, 14)}, embed.EncodeOptions{Long: embed.LongRefuse})
	})
	t.Run("static models have no limit but one asked for", func(t *testing.T) {
		s := load(t, modeltest.Folder(t, model.Static, modeltest.Options{Vocab: 120}), embed.Options{})
		if r := run(t, s, []string{long}, raw); r.Tokens[0] != 26 || r.Truncated[0] || s.MaxTokens() != 0 {
			t.Errorf("tokens %v, truncated %v", r.Tokens, r.Truncated)
		}
		if r := run(t, s, []string{long}, embed.EncodeOptions{MaxTokens: 10}); r.Tokens[0] != 10 || !r.Truncated[0] {
			t.Errorf("tokens %v, truncated %v", r.Tokens, r.Truncated)
		}
	})
}

func TestPrompts(t *testing.T) {
	base := modeltest.New(model.DistilBERT, modeltest.Options{Vocab: 120})
	base.Prompts = map[string]string{"query": "search: ", "passage": "the: ", "none": ""}
	base.DefaultPrompt = "passage"
	m, err := embed.FromModel(base, embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	plain := func(text string) []float32 {
		return run(t, m, []string{text}, embed.EncodeOptions{NoPrompt: true}).Vectors[0]
	}
	for _, c := range []struct {
		o    embed.EncodeOptions
		want string
	}{
		{embed.EncodeOptions{}, "the: a b"},
		{embed.EncodeOptions{PromptName: "query"}, "search: a b"},
		{embed.EncodeOptions{PromptName: "none"}, "a b"},
		{embed.EncodeOptions{Prompt: "x y "}, "x y a b"},
		{embed.EncodeOptions{Prompt: "x"}, "xa b"}, // runs into the text
		{embed.EncodeOptions{NoPrompt: true}, "a b"},
	} {
		r := run(t, m, []string{"a b"}, c.o)
		same(t, fmt.Sprintf("%+v", c.o), r.Vectors[0], plain(c.want))
	}
	for _, o := range []embed.EncodeOptions{{PromptName: "question"}, {PromptName: "query", NoPrompt: true}} {
		if _, err := m.Encode(t.Context(), []string{"a"}, o); !errors.Is(err, embed.ErrUnknownPrompt) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	_, err = m.Encode(t.Context(), nil, embed.EncodeOptions{PromptName: "question"})
	if want := `"question" in tiny-distilbert: it has none, passage, query`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestDimsAndNormalisation(t *testing.T) {
	m := load(t, modeltest.Folder(t, model.BERT, modeltest.Options{Vocab: 120}), embed.Options{})
	texts := []string{"the search"}
	raw := run(t, m, texts, embed.EncodeOptions{Raw: true}).Vectors[0]
	for _, dims := range []int{1, 7, 32} {
		v := run(t, m, texts, embed.EncodeOptions{Dims: dims}).Vectors[0]
		if len(v) != dims {
			t.Fatalf("%d dims, want %d", len(v), dims)
		}
		norm := 0.0
		for _, x := range raw[:dims] {
			norm += float64(x) * float64(x)
		}
		for d := range v {
			if want := float64(raw[d]) / math.Sqrt(norm); math.Abs(float64(v[d])-want) > 1e-6 {
				t.Errorf("dims %d, dimension %d: %v, want %v", dims, d, v[d], want)
			}
		}
	}
	for _, dims := range []int{-1, 33} {
		if _, err := m.Encode(t.Context(), texts, embed.EncodeOptions{Dims: dims}); !errors.Is(err, embed.ErrDims) {
			t.Errorf("dims %d: %v", dims, err)
		}
	}
	for _, n := range []int{-1, 2, 65} {
		if _, err := m.Encode(t.Context(), texts, embed.EncodeOptions{MaxTokens: n}); !errors.Is(err, embed.ErrMaxTokens) {
			t.Errorf("max tokens %d: %v", n, err)
		}
	}
}

// TestTruncateDim: the folder's own truncation is the default, not the limit.
func TestTruncateDim(t *testing.T) {
	base := modeltest.New(model.BERT, modeltest.Options{Vocab: 120})
	base.TruncateDim = 10
	m, err := embed.FromModel(base, embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(run(t, m, []string{"a"}, embed.EncodeOptions{}).Vectors[0]); n != 10 || m.Dims() != 10 {
		t.Errorf("%d dims", n)
	}
	if n := len(run(t, m, []string{"a"}, embed.EncodeOptions{Dims: 20}).Vectors[0]); n != 20 {
		t.Errorf("%d dims, asked for 20", n)
	}
}

func TestOddTexts(t *testing.T) {
	for _, arch := range architectures {
		t.Run(string(arch), func(t *testing.T) {
			m := load(t, modeltest.Folder(t, arch, modeltest.Options{Vocab: 120}), embed.Options{})
			r := run(t, m, nil, embed.EncodeOptions{})
			if r.Vectors == nil || len(r.Vectors)+len(r.Tokens)+len(r.Truncated)+len(r.Chunks) != 0 {
				t.Errorf("no texts: %+v", r)
			}
			huge := strings.Repeat("the search 한국어 ", 10<<20/20)
			r = run(t, m, []string{"a\xff\xfeb", "a\uFFFD\uFFFDb", "\xff", "", "\x00", huge}, embed.EncodeOptions{})
			same(t, "invalid UTF-8", r.Vectors[0], r.Vectors[1])
			for i, v := range r.Vectors {
				if n := length(v); math.Abs(n-1) > 1e-6 && r.Tokens[i] > 0 {
					t.Errorf("text %d has length %v", i, n)
				}
			}
			if n := length(r.Vectors[3]); arch == model.Static && (n != 0 || r.Tokens[3] != 0) {
				t.Errorf("empty text in a static model: length %v, %d tokens", n, r.Tokens[3])
			}
			if arch != model.Static && !r.Truncated[5] {
				t.Error("10 MB are not reported as truncated")
			}
		})
	}
}

func load(t testing.TB, dir string, o embed.Options) *embed.Model {
	t.Helper()
	m, err := embed.Load(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func run(t testing.TB, m *embed.Model, texts []string, o embed.EncodeOptions) embed.Result {
	t.Helper()
	r, err := m.Encode(t.Context(), texts, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// same asks for equality bit by bit.
func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d dims, want %d", what, len(got), len(want))
	}
	for d := range got {
		if math.Float32bits(got[d]) != math.Float32bits(want[d]) {
			t.Fatalf("%s, dimension %d: %v, want %v", what, d, got[d], want[d])
		}
	}
}

func promptTokens(t *testing.T, m *embed.Model, prompt string) int {
	t.Helper()
	return len(m.Tokenizer().AppendIDs(nil, prompt))
}

func length(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}

// randomText has up to n words, Korean and English, also long ones.
func randomText(r *rand.Rand, n int) string {
	var b strings.Builder
	for range r.IntN(n) {
		for range 1 + r.IntN(6) {
			if r.IntN(3) == 0 {
				b.WriteRune([]rune("한국어의검색문장을")[r.IntN(9)])
			} else {
				b.WriteByte(byte('a' + r.IntN(26)))
			}
		}
		b.WriteString([]string{" ", ". ", "\n"}[r.IntN(3)])
	}
	return b.String()
}
