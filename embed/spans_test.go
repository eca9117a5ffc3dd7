package embed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/queue"
	"semdex/embed/tokenize"
)

// TestSpansAgainstWholeDocument encodes whole texts with the reference engine and
// averages rows in float64: what EncodeSpans has to give where a text fits a pass.
func TestSpansAgainstWholeDocument(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, arch := range []model.Architecture{model.BERT, model.DistilBERT} {
		for _, c := range []struct {
			int8      bool
			least     float64 // cosine
			normalize bool
		}{{false, 1 - 1e-6, true}, {true, .99, true}, {false, 1 - 1e-6, false}} {
			raw := modeltest.New(arch, modeltest.Options{Vocab: 120, Positions: 512})
			m := open(t, modeltest.New(arch, modeltest.Options{Vocab: 120, Positions: 512}), Options{Int8: c.int8})
			var texts []SpanText
			for range 12 {
				texts = append(texts, randomSpans(rng, 60))
			}
			o := EncodeOptions{Prompt: "search: ", Raw: !c.normalize}
			got, err := m.EncodeSpans(t.Context(), texts, o)
			if err != nil {
				t.Fatal(err)
			}
			if got.Passes != len(texts) {
				t.Errorf("%d passes for %d texts that fit one", got.Passes, len(texts))
			}
			at := 0
			for _, text := range texts {
				for i, want := range naiveSpans(t, raw, o.Prompt, text) {
					v := got.Vectors[at]
					at++
					if cos := cosine(v, want); cos < c.least {
						t.Errorf("%s, int8 %t: span %v of %q: cosine %.8f", arch, c.int8, text.Spans[i], text.Text, cos)
					}
					if n := norm(v); c.normalize && math.Abs(n-1) > 1e-5 || !c.normalize && math.Abs(n/normOf(want)-1) > .01 {
						t.Errorf("a vector of length %v", n)
					}
				}
			}
		}
	}
}

// naiveSpans is late chunking in its simplest form: the mean of rows of the states
// of [CLS] prompt prefix text [SEP].
func naiveSpans(t *testing.T, m *model.Model, prompt string, text SpanText) [][]float64 {
	t.Helper()
	engine, err := encoder.NewReference(m.Transformer, m.Config, 1)
	if err != nil {
		t.Fatal(err)
	}
	prefix := prompt
	if text.Prefixes != nil {
		prefix += text.Prefixes[0]
	}
	before := m.Tokenizer.AppendIDs([]int32{m.Tokenizer.ClassID()}, prefix)
	e := m.Tokenizer.Encode(text.Text, tokenize.Options{NoSpecials: true})
	ids := append(slices.Concat(before, e.IDs), m.Tokenizer.SeparatorID())
	var states []float32
	err = engine.Forward(t.Context(), &encoder.Batch{IDs: ids, Offsets: []int32{0, int32(len(ids))}}, func(_ int, s []float32) { states = slices.Clone(s) })
	if err != nil {
		t.Fatal(err)
	}
	h := m.Config.Hidden
	out := make([][]float64, len(text.Spans))
	for i, s := range text.Spans {
		out[i] = make([]float64, h)
		n := 0.
		for j, o := range e.Offsets {
			if int(o.Start) < s.End && int(o.End) > s.Start {
				n++
				for k := range h {
					out[i][k] += float64(states[(len(before)+j)*h+k])
				}
			}
		}
		for k := range out[i] {
			out[i][k] /= max(n, 1)
		}
	}
	return out
}

// randomSpans is a text of up to so many words with spans at the borders of words.
func randomSpans(rng *rand.Rand, n int) SpanText {
	words := strings.Fields("the search searching 한국어 검색문장을 a bcd ef , zzzz 문장 house . q")
	var text SpanText
	var borders []int
	size := 0
	for range 1 + rng.IntN(n) {
		w := words[rng.IntN(len(words))] + " "
		text.Text += w
		borders = append(borders, size)
		size += len([]rune(w))
	}
	for at := 0; at < len(borders); {
		end := at + 1 + rng.IntN(len(borders)-at)
		s := Span{borders[at], size}
		if end < len(borders) {
			s.End = borders[end]
		}
		text.Spans = append(text.Spans, s)
		if at = end; rng.IntN(3) == 0 && end-at > 1 {
			at-- // they overlap
		}
	}
	text.Spans = append(text.Spans, Span{size - 1, size}) // the space at the end: no token
	if rng.IntN(2) == 0 {
		text.Prefixes = slices.Repeat([]string{"문장 title"}, len(text.Spans))
	}
	return text
}

func norm(v []float32) float64 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return 1 // a span without tokens
	}
	return math.Sqrt(sum)
}

func normOf(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x * x
	}
	if sum == 0 {
		return 1
	}
	return math.Sqrt(sum)
}

func cosine(a []float32, b []float64) float64 {
	var dot float64
	zero := true
	for i := range a {
		dot += float64(a[i]) * b[i]
		zero = zero && a[i] == 0 && b[i] == 0
	}
	if zero {
		return 1
	}
	return dot / norm(a) / normOf(b)
}

// TestSpansDoNotDependOnTheCall compares bits over batch sizes, workers, queues and
// the texts beside, for texts of one and of many passes.
func TestSpansDoNotDependOnTheCall(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	var texts []SpanText
	for i := range 20 {
		texts = append(texts, randomSpans(rng, 10+40*(i%5)))
	}
	for _, int8 := range []bool{false, true} {
		base := func() *model.Model {
			return modeltest.New(model.BERT, modeltest.Options{Vocab: 120, Positions: 48, Dense: 20})
		}
		o := EncodeOptions{Dims: 12}
		alone := open(t, base(), Options{Workers: 1, Int8: int8})
		var want [][]float32
		for _, text := range texts {
			r, err := alone.EncodeSpans(t.Context(), []SpanText{text}, o)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, r.Vectors...)
		}
		for _, options := range []Options{
			{Workers: 1, BatchTokens: 1},
			{Workers: 3},
			{Workers: 2, BatchTokens: 100},
			{Workers: 2, Queue: &queue.Options{BatchTokens: 100}},
			{Workers: 1, Queue: &queue.Options{BatchTokens: 1, MaxWaiting: 3}},
		} {
			options.Int8 = int8
			m := open(t, base(), options)
			for _, class := range []queue.Class{queue.Bulk, queue.Interactive} {
				if class == queue.Interactive && options.Queue != nil && options.Queue.MaxWaiting > 0 {
					continue // refused
				}
				o := o
				o.Class = class
				plain := make(chan error, 1)
				go func() { // others in the same queue
					_, err := m.Encode(context.Background(), []string{"the search", "한국어", "a b c"}, EncodeOptions{Class: queue.Bulk})
					plain <- err
				}()
				r, err := m.EncodeSpans(t.Context(), texts, o)
				if err := errors.Join(err, <-plain); err != nil {
					t.Fatal(err)
				}
				for i := range want {
					if !slices.Equal(r.Vectors[i], want[i]) {
						t.Fatalf("int8 %t, %+v: span %d differs", int8, options, i)
					}
				}
			}
		}
	}
}

// TestPasses checks the plan of long texts: every token of a span is pooled once,
// from a pass that holds it, with context as far as there is some.
func TestPasses(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	m := open(t, modeltest.New(model.BERT, modeltest.Options{Vocab: 120, Positions: 64}), Options{})
	for range 500 {
		text := randomSpans(rng, 300)
		o := EncodeOptions{MaxTokens: 8 + rng.IntN(57)}
		p, err := m.plan(o)
		if err != nil {
			t.Fatal(err)
		}
		e := m.Tokenizer().Encode(text.Text, tokenize.Options{NoSpecials: true})
		pooled := make([]map[int]int, len(text.Spans)) // by token
		for i := range pooled {
			pooled[i] = map[int]int{}
		}
		for _, s := range p.cut(&text, 0) {
			if n := s.tokens(p); n > o.MaxTokens {
				t.Fatalf("a pass of %d tokens, %d are allowed", n, o.MaxTokens)
			}
			if !slices.Equal(s.ids, e.IDs[s.from:s.from+len(s.ids)]) {
				t.Fatal("a pass has other tokens than the text")
			}
			end := s.from + len(s.ids)
			for i, part := range s.parts {
				if part.from < s.from || part.to > end || part.from >= part.to {
					t.Fatalf("part %v of a pass from %d to %d", part, s.from, end)
				}
				if i > 0 && end < len(e.IDs) && end-part.to < len(s.ids)/(contextShare+2) {
					t.Errorf("part %v of a pass from %d to %d of %d has little context", part, s.from, end, len(e.IDs))
				}
				for at := part.from; at < part.to; at++ {
					pooled[part.span][at]++
				}
			}
		}
		for i, span := range text.Spans {
			for at, offset := range e.Offsets {
				want := 0
				if int(offset.Start) < span.End && int(offset.End) > span.Start {
					want = 1
				}
				if pooled[i][at] != want {
					t.Fatalf("token %d counts %d times in span %v, want %d", at, pooled[i][at], span, want)
				}
			}
		}
	}
}

// TestLongSpan: a span longer than the positions has the mean of its parts, each
// of which is a span of its own as well.
func TestLongSpan(t *testing.T) {
	m := open(t, modeltest.New(model.BERT, modeltest.Options{Vocab: 120, Positions: 22}), Options{})
	text := strings.Repeat("a b c d ", 10) // 40 tokens, 20 a pass
	r, err := m.EncodeSpans(t.Context(), []SpanText{{Text: text, Spans: []Span{{0, 80}}}, {Text: text, Spans: []Span{{0, 40}, {40, 80}}}}, EncodeOptions{Raw: true})
	if err != nil {
		t.Fatal(err)
	}
	if r.Passes != 4 || r.Tokens != 4*22 {
		t.Errorf("%d passes of %d tokens", r.Passes, r.Tokens)
	}
	for i, x := range r.Vectors[0] {
		if mean := (r.Vectors[1][i] + r.Vectors[2][i]) / 2; math.Abs(float64(x-mean)) > 1e-6 {
			t.Fatalf("value %d is %v, the mean of the halves %v", i, x, mean)
		}
	}
}

func TestModelsWithoutSpans(t *testing.T) {
	for _, c := range []struct {
		arch    model.Architecture
		pooling model.PoolingMode
		word    string
	}{
		{model.Static, "mean", "static table"}, {model.BERT, "cls", `"cls"`}, {model.BERT, "mean+lasttoken", `"lasttoken"`},
	} {
		m := open(t, modeltest.New(c.arch, modeltest.Options{Pooling: c.pooling}), Options{})
		_, err := m.EncodeSpans(t.Context(), nil, EncodeOptions{})
		if !errors.Is(err, ErrNoSpans) || !strings.Contains(err.Error(), c.word) || !errors.Is(m.CanEncodeSpans(), ErrNoSpans) {
			t.Errorf("%s %s: %v", c.arch, c.pooling, err)
		}
	}
	m := open(t, modeltest.New(model.BERT, modeltest.Options{Pooling: "mean+max"}), Options{})
	if err := m.CanEncodeSpans(); err != nil {
		t.Error(err)
	}
	for i, texts := range [][]SpanText{nil, {{}}, {{Text: "a"}}, {{Text: "a", Spans: []Span{{0, 0}, {0, 1}}}}} {
		r, err := m.EncodeSpans(t.Context(), texts, EncodeOptions{})
		if want := fmt.Sprint([]int{0, 0, 0, 2}[i]); err != nil || fmt.Sprint(len(r.Vectors)) != want {
			t.Errorf("%v: %d vectors, %v", texts, len(r.Vectors), err)
		}
	}
	if _, err := m.EncodeSpans(t.Context(), []SpanText{{Text: "a", Spans: []Span{{0, 1}}, Prefixes: []string{"b", "c"}}}, EncodeOptions{}); err == nil {
		t.Error("one span with two prefixes is accepted")
	}
}
