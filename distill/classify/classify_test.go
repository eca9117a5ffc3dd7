package classify

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/nlpodyssey/spago/mat"

	"semdex/distill"
	"semdex/embed"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/trainable"
	"semdex/internal/kernel"
	"semdex/internal/train"
	"semdex/nli"
	"semdex/nli/cross"
)

func engine(t *testing.T) *train.Engine {
	t.Helper()
	level, err := kernel.Choose("")
	if err != nil {
		t.Fatal(err)
	}
	return train.NewEngine(level, 2)
}

// TestLossByHand: student logits (0, 0, 0), teacher logits (1, 2, 3), class 0.
//
//	CE = ln 3 = 1.0986123, d CE = (-2/3, 1/3, 1/3)
//	T = 2: softmax(.5, 1, 1.5) = (.1863237, .3071959, .5064804) = t,
//	KL = ln 3 - H(t) = 1.0986123 - 1.0201913 = .0784210 (from the table below),
//	d (T^2 KL) = T (1/3 - t)
//
// The same at T = 10 gives a gradient of the same size: T (1/3 - t) tends to
// (mean - logit)/3 = (1, 0, -1)/3, where without T^2 it would vanish.
func TestLossByHand(t *testing.T) {
	for _, c := range []struct {
		alpha, temperature float64
	}{{.5, 2}, {.1, 10}, {0, 1}, {.9, 100}} {
		teacher := []float64{1, 2, 3}
		var sum, kl float64
		soft, want := make([]float64, 3), make([]float64, 3)
		for i, x := range teacher {
			soft[i] = math.Exp(x / c.temperature)
			sum += soft[i]
		}
		for i := range soft {
			soft[i] /= sum
			kl += soft[i] * math.Log(3*soft[i])
			hard := 1. / 3
			if i == 0 {
				hard -= 1
			}
			want[i] = c.alpha*hard + (1-c.alpha)*c.temperature*(1./3-soft[i])
		}
		loss := c.alpha*math.Log(3) + (1-c.alpha)*c.temperature*c.temperature*kl
		if c.temperature == 2 && math.Abs(kl-.0784210) > 1e-6 {
			t.Fatalf("the table is wrong: KL %v", kl)
		}
		g := engine(t).Train(1)
		p := train.NewParam("p", []int{1, 3}, make([]float32, 3), true)
		k := Teaching{Alpha: c.alpha, Temperature: c.temperature}
		l, err := k.loss(g, mat.Tensor(p), train.Constant(1, 3, []float32{1, 2, 3}), []int32{0})
		if err != nil {
			t.Fatal(err)
		}
		if got := float64(train.Values(l)[0]); math.Abs(got-loss) > 1e-6*max(1, loss) {
			t.Errorf("%+v: loss %.8f, want %.8f", c, got, loss)
		}
		if err := g.Backward(l, 1); err != nil {
			t.Fatal(err)
		}
		for i, got := range train.Values(p.Grad()) {
			// At T = 100 the difference of two float32 near 1/3 is scaled by 100.
			if math.Abs(float64(got)-want[i]) > max(1e-6, 1e-7*c.temperature) {
				t.Errorf("%+v: gradient %d is %.8f, want %.8f", c, i, got, want[i])
			}
		}
		g.Close()
	}
}

// statements are pairs whose label a model has to read both texts for; share of
// the labels are wrong.
func statements(seed uint64, n int, wrong float64) *cross.Set {
	rng := rand.New(rand.NewPCG(seed, 1))
	word := func(i int) string { return fmt.Sprintf("word%d", 100+i) }
	s := &cross.Set{Name: "fixture", Labels: nli.LabelNames()}
	for range n {
		kinds := rng.Perm(4)
		thing, p, q := 20+rng.IntN(6), 2*kinds[0]+rng.IntN(2), 2*kinds[1]+rng.IntN(2)
		gold := rng.IntN(3)
		said := []int{p, 2*kinds[2] + rng.IntN(2), p ^ 1}[gold]
		if rng.IntN(2) == 0 {
			p, q = q, p
		}
		s.Pairs = append(s.Pairs, embed.Pair{A: word(thing) + " " + word(p) + " " + word(q), B: word(thing) + " " + word(said)})
		if rng.Float64() < wrong {
			gold = rng.IntN(3)
		}
		s.Classes = append(s.Classes, int32(gold))
	}
	return s
}

func open(t *testing.T, m *model.Model, labels []string, seed uint64) *trainable.ClassifierModel {
	t.Helper()
	c, err := trainable.Classifier(m, labels, seed)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func base() *model.Model {
	m := modeltest.New(model.BERT, modeltest.Options{Vocab: 140, Hidden: 64, Layers: 2, Heads: 4, Positions: 32, Spread: 0.08, Seed: 4})
	m.Config.Dropout, m.Config.AttentionDropout, m.Config.InitRange = 0, 0, 0.1
	return m
}

func run(t *testing.T, task train.Task, seed uint64, steps int) {
	t.Helper()
	tr, err := train.NewTrainer(engine(t), task, train.Options{
		Seed: seed, Steps: steps, Plan: train.Plan{Tokens: 4096, Examples: 48}, Clip: 1, WarmupShare: 0.1,
		Optimizer: train.AdamW{LR: 1.5e-3},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func score(t *testing.T, m *model.Model, s *cross.Set) *cross.Score {
	t.Helper()
	p, err := embed.NewPredictor(m, embed.Options{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out, err := cross.Evaluate(t.Context(), p, s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func exam(s *cross.Score) *Exam {
	e := &Exam{Pairs: s.Pairs, Accuracy: s.Accuracy, Loss: s.Loss}
	for i := range s.Confusion.Labels {
		e.Classes = append(e.Classes, s.Confusion.Gold(i))
	}
	return e
}

// TestDistil: with few labels, of which some are wrong, students of half the
// layers learn more from a trained teacher than from the labels alone, and come
// nearer to it. An untrained teacher is refused.
func TestDistil(t *testing.T) {
	held := statements(9, 300, 0)
	teacher := open(t, base(), nli.LabelNames(), 3)
	if err := exam(score(t, teacher.Model(), held)).Check(); !errors.Is(err, ErrTeaching) || !strings.Contains(err.Error(), "at chance") {
		t.Errorf("an untrained teacher: %v", err)
	}
	task, err := cross.NewTask(teacher, statements(1, 1500, 0), 32)
	if err != nil {
		t.Fatal(err)
	}
	run(t, task, 1, 250)
	m := teacher.Model()
	theirs := score(t, m, held)
	if err := exam(theirs).Check(); err != nil {
		t.Fatal(err)
	}
	few := statements(2, 400, .3)
	var alone, taught [3]float64
	for seed := range 3 {
		for _, with := range []bool{false, true} {
			start, _, err := distill.CopyLayers(m, model.DistilBERT, []int{0})
			if err != nil {
				t.Fatal(err)
			}
			student := open(t, start, nil, 1)
			k := &Teaching{Teacher: open(t, m, nil, 1), Alpha: 0.1, Temperature: 2}
			if err := k.Check(student); err != nil {
				t.Fatal(err)
			}
			examples := few.Tokenize(student.Tokenizer(), 32)
			var task train.Task = &Task{Examples: examples, Student: student, Teach: k}
			if !with {
				if task, err = cross.NewTask(student, few, 32); err != nil {
					t.Fatal(err)
				}
			}
			run(t, task, uint64(seed+1), 100)
			got := score(t, student.Model(), held).Accuracy
			if with {
				taught[seed] = got
			} else {
				alone[seed] = got
			}
		}
	}
	mean := func(x [3]float64) float64 { return (x[0] + x[1] + x[2]) / 3 }
	t.Logf("teacher %.4f; labels alone %.4f, taught %.4f", theirs.Accuracy, alone, taught)
	if mean(taught) < mean(alone) {
		t.Errorf("labels alone %v, taught %v", alone, taught)
	}
}

func TestCheck(t *testing.T) {
	teacher := open(t, open(t, base(), nli.LabelNames(), 3).Model(), nil, 1)
	student := open(t, base(), nli.LabelNames(), 4)
	good := Teaching{Teacher: teacher, Alpha: .5, Temperature: 4}
	if err := good.Check(student); err != nil {
		t.Fatal(err)
	}
	other := modeltest.New(model.BERT, modeltest.Options{Vocab: 139})
	for name, try := range map[string]func(k Teaching) error{
		"alpha":       func(k Teaching) error { k.Alpha = -1; return k.Check(student) },
		"no say":      func(k Teaching) error { k.Alpha = 1; return k.Check(student) },
		"temperature": func(k Teaching) error { k.Temperature = .5; return k.Check(student) },
		"NaN":         func(k Teaching) error { k.Temperature = math.NaN(); return k.Check(student) },
		"fresh":       func(k Teaching) error { k.Teacher = student; return k.Check(student) },
		"labels": func(k Teaching) error {
			return k.Check(open(t, base(), []string{"contradiction", "neutral", "entailment"}, 1))
		},
		"tokenizer": func(k Teaching) error { return k.Check(open(t, other, nli.LabelNames(), 1)) },
	} {
		if err := try(good); !errors.Is(err, ErrTeaching) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// By hand: 4 of 10 and 3, 3: entropy -(.4 ln .4 + 2 * .3 ln .3) = 1.0888999.
func TestExam(t *testing.T) {
	e := Exam{Pairs: 10, Classes: []int{4, 3, 3}}
	if math.Abs(e.Entropy()-1.0888999) > 1e-6 || e.Majority() != .4 {
		t.Errorf("entropy %v, majority %v", e.Entropy(), e.Majority())
	}
	for _, c := range []struct {
		accuracy, loss float64
		fine           bool
	}{{.34, 1.1, false}, {.5, .9, false}, {.9, 1.2, false}, {.9, .5, true}, {math.NaN(), .5, false}, {.9, math.NaN(), false}} {
		e.Accuracy, e.Loss = c.accuracy, c.loss
		if err := e.Check(); (err == nil) != c.fine || err != nil && !errors.Is(err, ErrTeaching) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := (&Exam{}).Check(); !errors.Is(err, ErrTeaching) {
		t.Errorf("no pairs: %v", err)
	}
}

// TestCopyHead: pre_classifier from the pooler, classifier from the classifier.
func TestCopyHead(t *testing.T) {
	teacher := open(t, open(t, base(), nli.LabelNames(), 3).Model(), nil, 1)
	plain := base()
	plain.Heads = nil
	start, _, err := distill.CopyLayers(plain, model.DistilBERT, []int{1})
	if err != nil {
		t.Fatal(err)
	}
	student := open(t, start, nli.LabelNames(), 9)
	if !CopyHead(student, teacher) {
		t.Fatal("not copied")
	}
	m := student.Model()
	for name, want := range map[string]*train.Linear{"pre_classifier.weight": teacher.Hidden, "classifier.weight": teacher.Output} {
		if !slices.Equal(m.Heads[name].F32(), train.Describe(want.Weight).Values) {
			t.Errorf("%s is not the teacher's", name)
		}
	}
	if CopyHead(teacher, student) {
		t.Error("a trained head was replaced")
	}
	narrow := open(t, modeltest.New(model.DistilBERT, modeltest.Options{Vocab: 140}), nli.LabelNames(), 1)
	if CopyHead(narrow, teacher) {
		t.Error("another width")
	}
}
