package distill_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"semdex/distill"
	"semdex/embed"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/tokenize"
)

// extendable is a model with a tied head that predicts tokens. Its vocabulary of
// 100 has no character of "뷁".
func extendable(t *testing.T, arch model.Architecture, as model.DType) *model.Model {
	t.Helper()
	m := modeltest.New(arch, modeltest.Options{Seed: 5, Vocab: 100})
	if arch != model.Static {
		bias := make([]float32, 100)
		for i := range bias {
			bias[i] = float32(i) / 10
		}
		names := []string{"vocab_projector.bias", "vocab_projector.weight"}
		if arch == model.BERT {
			names = []string{"cls.predictions.bias", "cls.predictions.decoder.weight"}
		}
		m.Heads = map[string]*model.Tensor{
			names[0]:            model.NewF32(names[0], []int{100}, bias),
			names[1]:            m.Transformer.Word,
			"classifier.weight": model.NewF32("classifier.weight", []int{100, 1}, bias),
		}
	}
	dir := filepath.Join(t.TempDir(), "model")
	if err := m.Save(dir, model.SaveOptions{DType: as}); err != nil {
		t.Fatal(err)
	}
	return reopen(t, dir)
}

func reopen(t *testing.T, dir string) *model.Model {
	t.Helper()
	m, err := model.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// tables are the tensors with a row for every token.
func tables(m *model.Model) map[string]*model.Tensor {
	out := map[string]*model.Tensor{}
	if m.Static != nil {
		out["rows"] = m.Static.Rows
		if m.Static.Scale != nil {
			out["scale"] = m.Static.Scale
		}
		return out
	}
	out["word"] = m.Transformer.Word
	for name, head := range m.Heads {
		if name != "classifier.weight" {
			out[name] = head
		}
	}
	return out
}

func TestExtend(t *testing.T) {
	added := []string{"검색어", "sea뷁", "뷁", "뷁뷁", "searching"}
	for _, c := range []struct {
		arch model.Architecture
		as   model.DType
		tol  float64
	}{
		{model.BERT, model.F32, 0},
		{model.BERT, model.F16, 1e-3},
		{model.DistilBERT, model.F32, 0},
		{model.DistilBERT, model.BF16, 1e-2},
		{model.Static, model.F32, 0},
		{model.Static, model.F16, 1e-3},
		{model.Static, model.I8, 1e-2},
	} {
		t.Run(fmt.Sprint(c.arch, "/", c.as), func(t *testing.T) {
			before := extendable(t, c.arch, c.as)
			after, err := distill.Extend(before, added)
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "extended")
			if err := after.Save(dir, model.SaveOptions{}); err != nil {
				t.Fatal(err)
			}
			after = reopen(t, dir)
			if after.Config.VocabSize != 105 || after.Tokenizer.Len() != 105 {
				t.Fatalf("%d rows, %d tokens", after.Config.VocabSize, after.Tokenizer.Len())
			}
			if old, now := before.Tokenizer.Vocab().Tokens(), after.Tokenizer.Vocab().Tokens(); !slices.Equal(now, slices.Concat(old, added)) {
				t.Errorf("vocabulary %q", now)
			}
			now := tables(after)
			for name, old := range tables(before) {
				if grown := now[name]; grown.DType != old.DType || grown.Rows() != 105 || !bytes.Equal(grown.Data[:len(old.Data)], old.Data) {
					t.Errorf("%s: old rows differ", name)
				}
			}
			checkNewRows(t, before, after, c.tol)
			if h := after.Heads["classifier.weight"]; h != nil && h.Rows() != 100 {
				t.Error("a head that predicts no tokens grew")
			}
			checkVectors(t, before, after)
		})
	}
}

// checkNewRows compares the rows of "검색어", "sea뷁" and "뷁" with means
// computed here.
func checkNewRows(t *testing.T, before, after *model.Model, tol float64) {
	t.Helper()
	id := func(token string) int {
		n, ok := before.Tokenizer.ID(token)
		if !ok {
			t.Fatalf("no token %q", token)
		}
		return int(n)
	}
	var all []int
	for i := range 100 {
		all = append(all, i)
	}
	pieces := map[int][]int{
		100: {id("검"), id("##색"), id("##어")},
		101: {id("s"), id("##e"), id("##a")},
		102: all, 103: all,
		104: {id("search"), id("##ing")},
	}
	read := func(m *model.Model, name string, i int) []float32 {
		if m.Static != nil {
			return m.Static.AppendRow(nil, i)
		}
		return tables(m)[name].AppendRow(nil, i)
	}
	for name := range tables(before) {
		for i, from := range pieces {
			want := make([]float64, len(read(before, name, 0)))
			for _, p := range from {
				for j, v := range read(before, name, p) {
					want[j] += float64(v) / float64(len(from))
				}
			}
			for j, v := range read(after, name, i) {
				if math.Abs(float64(v)-want[j]) > (tol+1e-6)*(1+math.Abs(want[j])) {
					t.Fatalf("%s: row %d has %g at %d, want %g", name, i, v, j, want[j])
				}
			}
		}
	}
}

// checkVectors says that texts without a new token keep their vectors, bit for
// bit, and that the others do not.
func checkVectors(t *testing.T, before, after *model.Model) {
	t.Helper()
	encode := func(m *model.Model, text string) []float32 {
		e, err := embed.FromModel(m, embed.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := e.Encode(context.Background(), []string{text}, embed.EncodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return r.Vectors[0]
	}
	for text, same := range map[string]bool{
		"the search, of 검색 문장": true, "한국어 word99?": true, "a 검색어": false,
	} {
		if got := slices.Equal(encode(before, text), encode(after, text)); got != same {
			t.Errorf("%q: equal vectors %v, want %v", text, got, same)
		}
	}
}

// TestExtendUsesSpareRows checks a table that is longer than its vocabulary.
func TestExtendUsesSpareRows(t *testing.T) {
	m := modeltest.New(model.BERT, modeltest.Options{Seed: 5, Vocab: 100})
	m.Tokenizer = modeltest.Tokenizer(97)
	for n, want := range map[int]int{2: 100, 3: 100, 5: 102} {
		after, err := distill.Extend(m, []string{"aa", "bb", "cc", "dd", "ee"}[:n])
		if err != nil {
			t.Fatal(err)
		}
		word, old := after.Transformer.Word, m.Transformer.Word
		size := 4 * old.Cols()
		if after.Config.VocabSize != want || word.Rows() != want {
			t.Errorf("%d more: %d rows, want %d", n, word.Rows(), want)
		}
		if !bytes.Equal(word.Data[:97*size], old.Data[:97*size]) || bytes.Equal(word.Data[97*size:98*size], old.Data[97*size:98*size]) {
			t.Errorf("%d more: wrong rows changed", n)
		}
		if n == 2 && !bytes.Equal(word.Data[99*size:], old.Data[99*size:]) {
			t.Error("a spare row that is still spare changed")
		}
	}
}

func TestExtendRefuses(t *testing.T) {
	m := modeltest.New(model.DistilBERT, modeltest.Options{})
	for _, tokens := range [][]string{{"a"}, {""}, {"x", "x"}, {"new\nline"}} {
		if _, err := distill.Extend(m, tokens); !errors.Is(err, distill.ErrSpec) {
			t.Errorf("%q: %v", tokens, err)
		}
	}
	m.Heads = map[string]*model.Tensor{"vocab_projector.bias": model.NewF32("vocab_projector.bias", []int{3}, make([]float32, 3))}
	if _, err := distill.Extend(m, []string{"neu"}); !errors.Is(err, distill.ErrSpec) {
		t.Errorf("a head of another vocabulary: %v", err)
	}
	m.Heads = nil
	config := m.Tokenizer.Config()
	config.Added = append(config.Added, tokenize.AddedToken{Content: "neu", SingleWord: true})
	var err error
	if m.Tokenizer, err = tokenize.New(m.Tokenizer.Vocab(), config); err != nil {
		t.Fatal(err)
	}
	if _, err := distill.Extend(m, []string{"alt"}); !errors.Is(err, distill.ErrSpec) {
		t.Errorf("an added token that is a word: %v", err)
	}
}
