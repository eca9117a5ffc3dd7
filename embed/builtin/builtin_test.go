package builtin

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"semdex/embed"
	"semdex/embed/model"
)

func load(t *testing.T, name string) *embed.Model {
	t.Helper()
	m, err := OpenNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	e, err := embed.FromModel(m, embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestModelsOpen(t *testing.T) {
	if Names()[0] != Default {
		t.Errorf("names %q, want the default first", Names())
	}
	for _, name := range Names() {
		m, err := OpenNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		if m.Name != name || m.Tokenizer.Len() > m.Config.VocabSize || len(m.Card) < 1000 {
			t.Errorf("%s: name %s, %d tokens, %d rows, a card of %d bytes", name, m.Name, m.Tokenizer.Len(), m.Config.VocabSize, len(m.Card))
		}
	}
	m, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != Default || m.Architecture != model.Static || m.Dims() != 256 || m.Static.Rows.DType != model.I8 {
		t.Errorf("default model %s: %s, %d dims, %s", m.Name, m.Architecture, m.Dims(), m.Static.Rows.DType)
	}
}

func TestUnknownNames(t *testing.T) {
	for _, name := range []string{"", ".", "..", "none", "../builtin", "models/" + Default, Default + "/", Default + "/0_StaticEmbedding"} {
		if _, err := OpenNamed(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Every build, on every machine, computes what the training machine did.
func TestGoldenSentences(t *testing.T) {
	golden, err := Golden()
	if err != nil {
		t.Fatal(err)
	}
	v, err := load(t, Default).Verify(context.Background(), golden)
	if err != nil || v.Sentences < 5 {
		t.Errorf("%+v, %v", v, err)
	}
}

// The model knows what a keyword index cannot: in each row the first text is
// closer to the second, which shares no word with it, than to the third.
func TestMeaning(t *testing.T) {
	e := load(t, Default)
	for _, row := range [][3]string{
		{"A man is playing a guitar.", "Someone makes music.", "The stock market fell."},
		{"How do I get my money back?", "Refunds are paid within a week.", "The museum opens at nine."},
		{"아이가 공원에서 놀고 있다.", "어린이들이 놀이터에서 뛰어다닌다.", "정부가 세금을 올렸다."},
		{"주식 시장이 크게 떨어졌다", "코스피 지수가 하락했다", "고양이가 자고 있다"},
		{"A cat is sleeping.", "고양이가 자고 있다.", "대통령이 연설을 했다."},
		{"의사가 환자를 치료한다", "병원에서 진료를 받았다", "축구 경기가 열렸다"},
	} {
		r, err := e.Encode(context.Background(), row[:], embed.EncodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		near, far := dot(r.Vectors[0], r.Vectors[1]), dot(r.Vectors[0], r.Vectors[2])
		if near < far+.1 {
			t.Errorf("%q: %.2f to %q, %.2f to %q", row[0], near, row[1], far, row[2])
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	m, err := Open()
	if err != nil {
		b.Fatal(err)
	}
	e, err := embed.FromModel(m, embed.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	texts := make([]string, 0, 1000)
	for range 500 {
		texts = append(texts, "A group of men play soccer on the beach.", "한 무리의 남자들이 해변에서 축구를 하고 있다.")
	}
	for b.Loop() {
		if _, err := e.Encode(context.Background(), texts, embed.EncodeOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(texts))*float64(b.N)/b.Elapsed().Seconds(), "sentences/s")
}

// dot is the cosine: vectors have length 1.
func dot(a, b []float32) (s float32) {
	for i, x := range a {
		s += x * b[i]
	}
	return s
}

// The card names what a user has to know before using the model.
func TestCard(t *testing.T) {
	m, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"licence", "CC BY-SA", "Limits", "Matryoshka", "STS-B", "KorSTS", "semdex eval sts", "semdex train static"} {
		if !strings.Contains(m.Card, word) {
			t.Errorf("the card has no %q", word)
		}
	}
}
