package distill_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"semdex/distill"
	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/trainable"
	"semdex/internal/train"
)

// TestParameterCounts holds the published sizes of the reference models.
func TestParameterCounts(t *testing.T) {
	for _, c := range []struct {
		arch  model.Architecture
		vocab int
		heads int64
		want  int64
	}{
		{model.BERT, 167_550, 0, 214_719_744},
		{model.DistilBERT, 167_550, 0, 171_600_384},
		{model.DistilBERT, 167_550, 592_899, 172_193_283},
		{model.DistilBERT, 143_772, 0, 153_338_880},
		{model.DistilBERT, 143_772, 1_538, 153_340_418},
		{model.DistilBERT, 119_547, 0, 134_734_080},
		{model.DistilBERT, 119_547, 592_899, 135_326_979},
	} {
		s := distill.Base(c.arch)
		s.VocabSize = c.vocab
		if got := s.Parameters() + c.heads; got != c.want {
			t.Errorf("%s with %d entries: %d parameters, want %d", c.arch, c.vocab, got, c.want)
		}
	}
	const three, span = 768*768 + 768 + 3*768 + 3, 2*768 + 2
	if three != 592_899 || span != 1_538 {
		t.Errorf("heads of %d and %d", three, span)
	}
}

func small(arch model.Architecture) distill.Spec {
	s := distill.Base(arch)
	s.Hidden, s.Layers, s.Heads, s.Intermediate, s.MaxPositions, s.Seed = 48, 3, 4, 96, 40, 7
	return s
}

func TestCreate(t *testing.T) {
	tok := modeltest.Tokenizer(400)
	for _, arch := range []model.Architecture{model.BERT, model.DistilBERT} {
		s := small(arch)
		s.VocabSize = 1000
		m, err := distill.Create(tok, s)
		if err != nil {
			t.Fatal(err)
		}
		count := m.Parameters()
		if p := m.Transformer.Pooler; p != nil {
			count += int64(p.Weight.Len() + p.Bias.Len())
		}
		if count != s.Parameters() {
			t.Errorf("%s: %d parameters, counted %d", arch, count, s.Parameters())
		}
		checkInit(t, m, 0.02)
		dir := filepath.Join(t.TempDir(), "m")
		if err := m.Save(dir, model.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		opened, err := model.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		for i, n := range trainable.Tensors(m) {
			if o := trainable.Tensors(opened)[i]; string(o.Tensor.Data) != string(n.Tensor.Data) {
				t.Errorf("%s changes on disk", n.Name)
			}
		}
		again, err := distill.Create(tok, s)
		if err != nil || again.Fingerprint() != m.Fingerprint() {
			t.Errorf("%s: another model from the same seed (%v)", arch, err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "config.json"))
		if err != nil || !strings.Contains(string(text), `"initializer_range": 0.02`) {
			t.Errorf("config.json: %s, %v", text, err)
		}
	}
}

// checkInit verifies every tensor of a fresh model.
func checkInit(t *testing.T, m *model.Model, std float64) {
	t.Helper()
	var sum, sq, n float64
	for _, x := range trainable.Tensors(m) {
		v := x.Tensor.F32()
		if len(x.Tensor.Shape) == 1 {
			want := float32(0)
			if strings.Contains(strings.ToLower(x.Name), "norm.weight") {
				want = 1
			}
			for _, w := range v {
				if w != want {
					t.Fatalf("%s holds %g, want %g", x.Name, w, want)
				}
			}
			continue
		}
		if strings.Contains(x.Name, "word") {
			for _, w := range v[:m.Config.Hidden] { // [PAD] is 0
				if w != 0 {
					t.Fatal("the padding row is not zero")
				}
			}
			v = v[m.Config.Hidden:]
		}
		for _, w := range v {
			sum, sq, n = sum+float64(w), sq+float64(w)*float64(w), n+1
		}
	}
	if got := math.Sqrt(sq/n - sum*sum/n/n); math.Abs(got-std) > 0.01*std {
		t.Errorf("standard deviation %g over %g weights, want %g", got, n, std)
	}
}

func TestCreateRefuses(t *testing.T) {
	tok := modeltest.Tokenizer(100)
	for name, change := range map[string]func(*distill.Spec){
		"heads":        func(s *distill.Spec) { s.Heads = 5 },
		"vocabulary":   func(s *distill.Spec) { s.VocabSize = 99 },
		"range":        func(s *distill.Spec) { s.InitRange = 0 },
		"saturation":   func(s *distill.Spec) { s.InitRange = 10 },
		"architecture": func(s *distill.Spec) { s.Architecture = model.Static },
	} {
		s := small(model.DistilBERT)
		change(&s)
		if _, err := distill.Create(tok, s); !errors.Is(err, distill.ErrSpec) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSaturation shows why a range of 10 is refused: the gradient of the
// queries of half of these narrow heads is exactly zero.
func TestSaturation(t *testing.T) {
	share := func(std float64) float64 {
		s := small(model.DistilBERT)
		s.InitRange, s.Force, s.Dropout, s.AttnDropout = std, true, 0, 0
		m, err := distill.Create(modeltest.Tokenizer(400), s)
		if err != nil {
			t.Fatal(err)
		}
		e, err := trainable.Encoder(m)
		if err != nil {
			t.Fatal(err)
		}
		g := train.NewEngine(0, 1).Train(1)
		defer g.Close()
		b := new(train.Batch)
		for i := range int32(8) {
			b.Append([]int32{2, 9 + i, 40 + 3*i, 77, 120 + i, 3}, nil)
		}
		states, err := e.Forward(g, b)
		if err != nil {
			t.Fatal(err)
		}
		x, err := g.Pool(states[3], b, train.PoolCLS)
		if err != nil {
			t.Fatal(err)
		}
		l, err := g.CrossEntropy(x, []int32{0, 1, 2, 3, 4, 5, 6, 7})
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Backward(l, 1); err != nil {
			t.Fatal(err)
		}
		zero := 0
		grad := train.Values(e.Layers[0].Query.Weight.Grad())
		for _, v := range grad {
			if v == 0 {
				zero++
			}
		}
		return float64(zero) / float64(len(grad))
	}
	if usual, wide := share(0.02), share(10); usual > 0.01 || wide < 0.4 {
		t.Errorf("%.3f of the query gradients are zero at .02, %.3f at 10", usual, wide)
	}
}

var teacherLayers = []int{0, 2, 4, 7, 9, 11}

func teacher() *model.Model {
	m := modeltest.New(model.BERT, modeltest.Options{Layers: 12, Seed: 4, Spread: 0.15})
	h := m.Config.Hidden
	vec := func(n int) *model.Tensor { return model.NewF32("t", []int{n}, make([]float32, n)) }
	mat := func(n, k int) *model.Tensor { return model.NewF32("t", []int{n, k}, make([]float32, n*k)) }
	m.Heads = map[string]*model.Tensor{
		"cls.predictions.transform.dense.weight":     mat(h, h),
		"cls.predictions.transform.dense.bias":       vec(h),
		"cls.predictions.transform.LayerNorm.weight": vec(h),
		"cls.predictions.transform.LayerNorm.bias":   vec(h),
		"cls.predictions.bias":                       vec(m.Config.VocabSize),
		"cls.seq_relationship.weight":                mat(2, h),
		"classifier.weight":                          mat(3, h),
		"classifier.bias":                            vec(3),
	}
	return m
}

func TestCopyLayers(t *testing.T) {
	m := teacher()
	for _, c := range []struct {
		as     model.Architecture
		layers []int
		count  int
	}{
		{model.DistilBERT, teacherLayers, 100},
		{model.BERT, distill.Every(12, 2), 101},
	} {
		student, report, err := distill.CopyLayers(m, c.as, c.layers)
		if err != nil {
			t.Fatal(err)
		}
		if len(report) != c.count {
			t.Errorf("%s: %d tensors, want %d", c.as, len(report), c.count)
		}
		for _, r := range report {
			if r.From == "" || r.Equal == r.Folded {
				t.Errorf("%s: %+v", c.as, r)
			}
			if r.Folded != (c.as == model.DistilBERT && r.Name == "embeddings.position_embeddings.weight") {
				t.Errorf("%s: %+v", c.as, r)
			}
		}
		mapped := map[model.Architecture][2]string{
			model.DistilBERT: {"transformer.layer.3.attention.q_lin.weight", "encoder.layer.7.attention.self.query.weight"},
			model.BERT:       {"encoder.layer.3.attention.self.query.weight", "encoder.layer.6.attention.self.query.weight"},
		}[c.as]
		for _, r := range report {
			if r.Name == mapped[0] && r.From != mapped[1] {
				t.Errorf("%s comes from %s", r.Name, r.From)
			}
		}
		head := train.NewMLMHead(config(t, student))
		if all, err := trainable.LoadHeads(student, head); err != nil || !all {
			t.Errorf("%s: the MLM head is not there (%v)", c.as, err)
		}
		if c.as == model.DistilBERT && (student.Heads["pre_classifier.weight"] != m.Transformer.Pooler.Weight || len(student.Heads) != 9) {
			t.Errorf("heads %v", student.Heads)
		}
		if err := student.Save(filepath.Join(t.TempDir(), "s"), model.SaveOptions{}); err != nil {
			t.Error(err)
		}
	}
}

func config(t *testing.T, m *model.Model) train.Config {
	t.Helper()
	c, err := trainable.Config(m)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestWholeCopy: with all layers, the student's states are the teacher's.
func TestWholeCopy(t *testing.T) {
	m := teacher()
	for _, as := range []model.Architecture{model.DistilBERT, model.BERT} {
		student, _, err := distill.CopyLayers(m, as, distill.Every(12, 1))
		if err != nil {
			t.Fatal(err)
		}
		want, got := states(t, m), states(t, student)
		for i, v := range want {
			if math.Abs(float64(v-got[i])) > 1e-5 {
				t.Fatalf("%s: state %d is %g, the teacher's %g", as, i, got[i], v)
			}
		}
	}
}

func states(t *testing.T, m *model.Model) []float32 {
	t.Helper()
	r, err := encoder.NewReference(m.Transformer, m.Config, 1)
	if err != nil {
		t.Fatal(err)
	}
	b := new(encoder.Batch)
	b.Append([]int32{2, 9, 33, 12, 60, 3})
	var out []float32
	err = r.Forward(context.Background(), b, func(_ int, s []float32) { out = append(out, s...) })
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCopyRefuses(t *testing.T) {
	m := teacher()
	student, _, err := distill.CopyLayers(m, model.DistilBERT, teacherLayers)
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func() error{
		"layer":    func() error { _, _, err := distill.CopyLayers(m, model.DistilBERT, []int{12}); return err },
		"negative": func() error { _, _, err := distill.CopyLayers(m, model.DistilBERT, []int{-1}); return err },
		"none":     func() error { _, _, err := distill.CopyLayers(m, model.DistilBERT, nil); return err },
		"to BERT":  func() error { _, _, err := distill.CopyLayers(student, model.BERT, []int{0}); return err },
		"static":   func() error { _, _, err := distill.CopyLayers(m, model.Static, []int{0}); return err },
	} {
		if err := try(); !errors.Is(err, distill.ErrTeacher) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
