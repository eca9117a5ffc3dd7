package mlm_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"semdex/distill"
	"semdex/distill/mlm"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/tokenize"
	"semdex/internal/kernel"
	"semdex/internal/train"
)

func tokenizer(t testing.TB) *tokenize.Tokenizer {
	t.Helper()
	tokens := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
	for i := range 100 {
		tokens = append(tokens, fmt.Sprintf("w%d", i), fmt.Sprintf("##x%d", i))
	}
	vocab, err := tokenize.NewVocab(tokens)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenize.New(vocab, tokenize.DefaultConfig(true))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// corpus is lines of a language in which a word decides the next.
func corpus(seed uint64, lines int) string {
	rng := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	for range lines {
		w := rng.IntN(40)
		for range 10 + rng.IntN(8) {
			fmt.Fprintf(&b, "w%d ", w)
			w = (w*7 + 3) % 40
		}
		b.WriteString("\n\n")
	}
	return b.String()
}

func pack(t testing.TB, tok *tokenize.Tokenizer, maxTokens int, text string) *mlm.Data {
	t.Helper()
	p, err := mlm.NewPacker(tok, maxTokens)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.ReadLines(strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	d, err := p.Data()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestMasking(t *testing.T) {
	tok := tokenizer(t)
	for _, whole := range []bool{false, true} {
		m, err := mlm.NewMasker(tok, 0.15, whole)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(2, 2))
		var ordinary, chosen, masked, random, kept, differ int
		for n := range uint64(400) {
			ids := []int32{2}
			for range 40 + rng.IntN(60) {
				ids = append(ids, 5+rng.Int32N(200))
			}
			ids = append(ids, 3)
			ordinary += len(ids) - 2
			var b, again, other mlm.Masked
			m.Append(&b, ids, n)
			m.Append(&again, ids, n)
			m.Append(&other, ids, n+1000)
			if !slices.Equal(b.IDs, again.IDs) || !slices.Equal(b.Rows, again.Rows) {
				t.Fatal("the same seed hides other tokens")
			}
			if !slices.Equal(b.Rows, other.Rows) {
				differ++
			}
			chosen += len(b.Rows)
			for i, r := range b.Rows {
				if b.Targets[i] != ids[r] || tok.IsSpecial(ids[r]) {
					t.Fatalf("row %d: target %d for %d", r, b.Targets[i], ids[r])
				}
				switch b.IDs[r] {
				case tok.MaskID():
					masked++
				case ids[r]:
					kept++
				default:
					random++
					if tok.IsSpecial(b.IDs[r]) {
						t.Fatal("a random token is special")
					}
				}
			}
			for i, id := range b.IDs {
				in := slices.Contains(b.Rows, int32(i))
				if !in && id != ids[i] {
					t.Fatal("a token that was not chosen changed")
				}
				next := i+1 < len(ids) && strings.HasPrefix(tok.Token(ids[i+1]), "##") && !tok.IsSpecial(ids[i])
				if whole && next && in != slices.Contains(b.Rows, int32(i+1)) {
					t.Fatalf("word cut at %d of %v", i, b.Rows)
				}
			}
		}
		share := func(n, of int) float64 { return float64(n) / float64(of) }
		if s := share(chosen, ordinary); math.Abs(s-0.15) > 0.01 {
			t.Errorf("whole %t: %.4f chosen", whole, s)
		}
		for what, c := range map[string][2]float64{
			"masked": {share(masked, chosen), 0.8}, "random": {share(random, chosen), 0.1}, "kept": {share(kept, chosen), 0.1},
		} {
			if math.Abs(c[0]-c[1]) > 0.02 {
				t.Errorf("whole %t: %.4f %s, want %.1f", whole, c[0], what, c[1])
			}
		}
		if differ < 395 {
			t.Errorf("whole %t: another seed hides the same tokens in %d of 400", whole, 400-differ)
		}
	}
}

func TestPacking(t *testing.T) {
	tok := tokenizer(t)
	w := func(n int) []int32 { // w0 to w(n-1)
		ids := make([]int32, n)
		for i := range ids {
			ids[i] = int32(5 + 2*i)
		}
		return ids
	}
	line := func(n int) string {
		var words []string
		for i := range n {
			words = append(words, fmt.Sprintf("w%d", i))
		}
		return strings.Join(words, " ") + "\n"
	}
	d := pack(t, tok, 12, line(4)+line(5)+line(3)+"\n"+line(2)+"  \n"+line(23)+line(1))
	want := [][]int32{
		slices.Concat(w(4), w(5)), w(3), w(2), w(23)[:10], w(23)[10:20], slices.Concat(w(23)[20:], w(1)),
	}
	if d.Len() != len(want) || d.Texts != 6 {
		t.Fatalf("%d sequences of %d sentences", d.Len(), d.Texts)
	}
	for i, ids := range want {
		if got := d.Sequence(i); !slices.Equal(got, slices.Concat([]int32{2}, ids, []int32{3})) {
			t.Errorf("sequence %d: %v, want %v in [CLS], [SEP]", i, got, ids)
		}
	}
}

func TestBadInput(t *testing.T) {
	tok := tokenizer(t)
	for name, text := range map[string]string{"binary": "w1 w2\nw1\x00w2\n", "not UTF-8": "w1\n\xff\xfe\n"} {
		p, err := mlm.NewPacker(tok, 16)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.ReadLines(strings.NewReader(text)); !errors.Is(err, mlm.ErrCorpus) || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"", "\n \n\n"} {
		p, err := mlm.NewPacker(tok, 16)
		if err := errors.Join(err, p.ReadLines(strings.NewReader(text))); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Data(); !errors.Is(err, mlm.ErrCorpus) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := mlm.NewPacker(tok, 2); !errors.Is(err, train.ErrConfig) {
		t.Error(err)
	}
	for _, share := range []float64{0, 1, math.NaN()} {
		if _, err := mlm.NewMasker(tok, share, false); !errors.Is(err, train.ErrConfig) {
			t.Errorf("share %g: %v", share, err)
		}
	}
}

func engine(t testing.TB) *train.Engine {
	t.Helper()
	level, err := kernel.Choose("")
	if err != nil {
		t.Fatal(err)
	}
	return train.NewEngine(level, 2)
}

func fresh(t testing.TB, arch model.Architecture, tok *tokenize.Tokenizer, layers int) *model.Model {
	t.Helper()
	s := distill.Base(arch)
	s.Hidden, s.Layers, s.Heads, s.Intermediate, s.MaxPositions = 64, layers, 4, 128, 32
	s.Dropout, s.AttnDropout, s.InitRange = 0, 0, 0.05
	m, err := distill.Create(tok, s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func open(t testing.TB, m *model.Model) *mlm.Net {
	t.Helper()
	n, err := mlm.Open(m, 3)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func options(steps int) train.Options {
	return train.Options{
		Seed: 5, Steps: steps, Plan: train.Plan{Tokens: 500}, Warmup: 10, Clip: 1,
		Optimizer: train.AdamW{LR: 3e-3, WeightDecay: 0.01},
	}
}

func run(t testing.TB, e *train.Engine, task train.Task, o train.Options) {
	t.Helper()
	tr, err := train.NewTrainer(e, task, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestPretrainAndDistil: a BERT teacher learns a small language, refuses to
// teach before, and teaches a student of half its layers.
func TestPretrainAndDistil(t *testing.T) {
	tok, e := tokenizer(t), engine(t)
	masker, err := mlm.NewMasker(tok, 0.15, false)
	if err != nil {
		t.Fatal(err)
	}
	data, held := pack(t, tok, 32, corpus(1, 64)), pack(t, tok, 32, corpus(2, 40))
	score := func(n *mlm.Net, d *mlm.Data) mlm.Score {
		t.Helper()
		s, err := n.Evaluate(e, d, masker, 9)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	teacher := open(t, fresh(t, model.BERT, tok, 4))
	before := score(teacher, held)
	teaching := &mlm.Teaching{Teacher: teacher, Alpha: 0.1, Beta: 0.5, Temperature: 4}
	if err := teaching.CheckScore(before); !errors.Is(err, mlm.ErrTeaching) {
		t.Errorf("an untrained teacher passes: %s (%v)", before, err)
	}
	run(t, e, &mlm.Task{Net: teacher, Data: data, Masker: masker}, options(400))
	after, own := score(teacher, held), score(teacher, data)
	t.Logf("teacher: held-out %s, before %s; training text %s", after, before, own)
	if own.Accuracy < 0.95 {
		t.Errorf("the training text is not learnt: %s", own)
	}
	if err := teaching.CheckScore(after); err != nil || after.Loss > after.Unigram/2 {
		t.Errorf("held-out text: %s, unigram entropy %.3f (%v)", after, after.Unigram, err)
	}

	dir := filepath.Join(t.TempDir(), "teacher")
	if err := teacher.Model().Save(dir, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	saved, err := model.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer saved.Close()
	if s := score(open(t, saved), held); s != after {
		t.Errorf("the saved teacher scores %s, before %s", s, after)
	}

	copied, _, err := distill.CopyLayers(saved, model.DistilBERT, distill.Every(4, 2))
	if err != nil {
		t.Fatal(err)
	}
	student := open(t, copied)
	start := score(student, held)
	teaching.Teacher = open(t, saved)
	if err := errors.Join(teaching.Check(student, tok, tok), teaching.CheckScore(after)); err != nil {
		t.Fatal(err)
	}
	o := options(60)
	o.Optimizer.LR = 1e-3
	for _, hiddenOnly := range []bool{true, false} {
		teaching.HiddenOnly = hiddenOnly
		run(t, e, &mlm.Task{Net: student, Data: data, Masker: masker, Teach: teaching}, o)
	}
	end := score(student, held)
	t.Logf("student: %s, from %s", end, start)
	if end.Perplexity >= start.Perplexity || end.Perplexity > 1.5*after.Perplexity {
		t.Errorf("student: %s, from %s; the teacher %s", end, start, after)
	}
}

func TestTeachingRefuses(t *testing.T) {
	tok := tokenizer(t)
	m := fresh(t, model.BERT, tok, 1)
	whole := open(t, open(t, m).Model()) // with a head that was stored
	small := distill.Base(model.BERT)
	small.Hidden, small.Layers, small.Heads, small.Intermediate = 32, 1, 2, 64
	narrow, err := distill.Create(tok, small)
	if err != nil {
		t.Fatal(err)
	}
	good := mlm.Teaching{Teacher: whole, Alpha: 0.5, Beta: 1, Temperature: 2}
	if err := good.Check(whole, tok, tok); err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func(k mlm.Teaching) error{
		"alpha":       func(k mlm.Teaching) error { k.Alpha = 2; return k.Check(whole, tok, tok) },
		"no say":      func(k mlm.Teaching) error { k.Alpha, k.Beta = 1, 0; return k.Check(whole, tok, tok) },
		"temperature": func(k mlm.Teaching) error { k.Temperature = 0.5; return k.Check(whole, tok, tok) },
		"NaN":         func(k mlm.Teaching) error { k.Temperature = math.NaN(); return k.Check(whole, tok, tok) },
		"tokenizer":   func(k mlm.Teaching) error { return k.Check(whole, modeltest.Tokenizer(205), tok) },
		"width":       func(k mlm.Teaching) error { return k.Check(open(t, narrow), tok, tok) },
		"no head":     func(k mlm.Teaching) error { k.Teacher = open(t, m); return k.Check(whole, tok, tok) },
	} {
		if err := try(good); !errors.Is(err, mlm.ErrTeaching) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNeighboursDoNotMatter: the loss of a sequence is the same alone and in a
// batch, bit for bit.
func TestNeighboursDoNotMatter(t *testing.T) {
	tok, e := tokenizer(t), engine(t)
	net := open(t, fresh(t, model.DistilBERT, tok, 2))
	data := pack(t, tok, 32, corpus(4, 6))
	logits := func(rows []int32, ids ...[]int32) []float32 {
		g := e.Eval()
		defer g.Close()
		b := new(train.Batch)
		for _, s := range ids {
			b.Append(s, nil)
		}
		states, err := net.Encoder.Forward(g, b)
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Head.Logits(g, states[2], rows, net.Encoder.Word)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(train.Values(l))
	}
	first := int32(len(data.Sequence(0)))
	alone := logits([]int32{1, 3}, data.Sequence(1))
	beside := logits([]int32{first + 1, first + 3}, data.Sequence(0), data.Sequence(1), data.Sequence(2))
	if !slices.Equal(alone, beside) {
		t.Error("a sequence's scores depend on its neighbours")
	}
}
