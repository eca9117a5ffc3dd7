package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"semdex/cmd/semdex/internal/card"
	"semdex/distill/classify"
	"semdex/embed"
	"semdex/embed/model"
	"semdex/embed/trainable"
	"semdex/internal/cli"
	"semdex/nli/cross"
)

const distillNLILong = `Train a student to label pairs of texts with a teacher that answers, too (Hinton
et al. 2015):

  alpha * CE + (1 - alpha) * T^2 KL(teacher || student)

CE is the loss of semdex train cross on the files' labels; KL compares the two
models' probabilities at temperature T. A student without a classifier gets the
teacher's: its last layer, and the pooler as the layer before it.

Refused are a teacher at chance on the development files, one without a trained
classifier, other labels, and another tokenizer than the student's. At the end
teacher and student stand side by side, scored at temperature 1.`

const distillNLIExample = `  semdex train cross --task nli --model bert --train klue-nli-train.csv --dev klue-nli-dev.json -o teacher
  semdex distill init teacher --layers 0,2,4,7,9,11 -o start
  semdex train distill nli --teacher teacher --student start --train klue-nli-train.csv --dev klue-nli-dev.json -o student`

// distillNLIFlags are the flags of the verb train distill nli.
type distillNLIFlags struct {
	crossFlags
	teacherFlags
	teaching classify.Teaching
}

func (a *app) trainDistillNLICommand() *cobra.Command {
	var f distillNLIFlags
	c := &cobra.Command{
		Use: "nli [flags]", Short: "Train a student on labelled pairs with its teacher",
		Long: distillNLILong, Example: distillNLIExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.teacherFlags.parse(cmd); err != nil {
				return err
			}
			if err := f.crossFlags.parse(cmd); err != nil {
				return err
			}
			if len(f.dev) == 0 {
				return usage(cmd, "train distill nli: the teacher is tested on development files: --dev is missing")
			}
			return a.trainDistillNLI(cmd.Context(), &f)
		},
	}
	f.teacherFlags.add(c)
	f.crossFlags.add(c)
	flags := c.Flags()
	flags.Float64Var(&f.teaching.Alpha, "alpha", 0.5, "`weight` of the files' labels; the rest is the teacher's")
	flags.Float64Var(&f.teaching.Temperature, "temperature", 4, "`temperature` that softens both models' probabilities, 1 to 100")
	return verb(c, noArgs)
}

// distilledNLI is how a distillation on labelled pairs ended.
type distilledNLI struct {
	*crossReport
	Sides []scoredNLI `json:"side_by_side"`
}

// scoredNLI is one of two compared models with its accuracy on every development
// file.
type scoredNLI struct {
	Name       string    `json:"name"`
	Parameters int64     `json:"parameters"`
	MB         float64   `json:"mb"` // of the weights in float32, in 10^6 bytes
	Speed      float64   `json:"pairs_per_s"`
	Accuracy   []float64 `json:"accuracy"`
}

func (a *app) trainDistillNLI(ctx context.Context, f *distillNLIFlags) error {
	theirs, err := a.openNamed(f.teacher)
	if err != nil {
		return err
	}
	defer a.close(theirs)
	base, err := a.openNamed(f.student)
	if err != nil {
		return err
	}
	defer a.close(base)
	net, err := f.open(theirs, base)
	if err != nil {
		return err
	}
	j := &judged{objective: cross.Inference, labels: net.Labels}
	data, err := a.readLabelled(&f.labelledFlags, j, f.train, f.dev)
	if err != nil {
		return err
	}
	teacher, err := a.examineNLI(ctx, f, data)
	if err != nil {
		return err
	}
	if classify.CopyHead(net, f.teaching.Teacher) {
		a.note("the student begins with the teacher's classifier")
	}
	k := &f.teaching
	identity := fmt.Sprintf("distil nli %s %v teacher %s, from %s, alpha %g, temperature %g",
		strings.Join(f.train, ","), net.Labels, theirs.Fingerprint(), base.Fingerprint(), k.Alpha, k.Temperature)
	r := &crossRun{app: a, net: net, data: data, workers: f.workers}
	return a.distilNLI(ctx, f, r, identity, f.card(net.Labels, teacher))
}

// open makes parameters of both models and refuses pairs that do not fit.
func (f *distillNLIFlags) open(teacher, student *model.Model) (net *trainable.ClassifierModel, err error) {
	if f.teaching.Teacher, err = trainable.Classifier(teacher, nil, f.options.Seed); err != nil {
		return nil, cli.WithHint(err, "semdex train cross --task nli --model %s trains a teacher", f.teacher)
	}
	if net, err = trainable.Classifier(student, f.teaching.Teacher.Labels, f.options.Seed); err != nil {
		return nil, err
	}
	if f.maxTokens > teacher.Config.MaxPositions {
		return nil, fmt.Errorf("--max-tokens is %d, the teacher has %d positions", f.maxTokens, teacher.Config.MaxPositions)
	}
	return net, f.teaching.Check(net)
}

func (f *distillNLIFlags) card(labels []string, teacher []*cross.Score) card.Card {
	k := &f.teaching
	c := card.Card{
		Title: titleOf(f.out), Base: f.student, Command: "semdex train distill nli",
		Summary: fmt.Sprintf("A student of %s that classifies pairs of texts: %s.", titleOf(f.teacher), strings.Join(labels, ", ")),
	}
	c.Set("loss", fmt.Sprintf("%g CE + %g T^2 KL, T = %g", k.Alpha, 1-k.Alpha, k.Temperature))
	for _, s := range teacher {
		c.Scores = append(c.Scores, card.Score{Set: s.Set, Measure: "accuracy of the teacher", Value: percent(s.Accuracy)})
	}
	return c
}

// distilNLI trains, saves, and puts both models side by side.
func (a *app) distilNLI(ctx context.Context, f *distillNLIFlags, r *crossRun, identity string, c card.Card) error {
	examples, err := r.task(&f.crossFlags)
	if err != nil {
		return err
	}
	report := new(distilledNLI)
	task := &classify.Task{Examples: examples, Student: r.net, Teach: &f.teaching}
	if report.crossReport, err = r.run(ctx, &f.crossFlags, task, identity, c); err != nil {
		return err
	}
	if report.Sides, err = a.nliSides(ctx, f, r.data); err != nil {
		return err
	}
	if f.asJSON {
		return a.printJSON(report)
	}
	if err := a.printCrossReport(report.crossReport, false); err != nil {
		return err
	}
	return a.printNLISides(report.Sides, r.data)
}

// examineNLI tests the teacher on the development files before anything is
// trained.
func (a *app) examineNLI(ctx context.Context, f *distillNLIFlags, data *labelledData) ([]*cross.Score, error) {
	p, err := a.openPredictor(ctx, f.teacher, embed.Options{Workers: f.workers})
	if err != nil {
		return nil, err
	}
	defer a.close(p)
	var scores []*cross.Score
	exam := &classify.Exam{Classes: make([]int, len(p.Labels()))}
	for _, s := range data.dev {
		score, err := cross.Evaluate(ctx, p, s)
		if err != nil {
			return nil, err
		}
		scores = append(scores, score)
		a.note("teacher on %s: %v, most frequent class %.4f", s.Name, score, score.Majority)
		n := float64(score.Pairs)
		exam.Accuracy, exam.Loss = exam.Accuracy+score.Accuracy*n, exam.Loss+score.Loss*n
		exam.Pairs += score.Pairs
		for i := range exam.Classes {
			exam.Classes[i] += score.Confusion.Gold(i)
		}
	}
	exam.Accuracy, exam.Loss = exam.Accuracy/float64(exam.Pairs), exam.Loss/float64(exam.Pairs)
	err = exam.Check()
	if errors.Is(err, classify.ErrTeaching) {
		err = cli.WithHint(err, "semdex train cross --task nli --model %s trains it", f.teacher)
	}
	return scores, err
}

// nliSides measures both models: size, accuracy, and speed in turns, of which
// the best counts, so that other work on the machine hurts neither more.
func (a *app) nliSides(ctx context.Context, f *distillNLIFlags, data *labelledData) ([]scoredNLI, error) {
	names := []string{f.teacher, f.out}
	sides, models := make([]scoredNLI, len(names)), make([]*embed.Predictor, len(names))
	for i, name := range names {
		m, err := a.openNamed(name)
		if err != nil {
			return nil, err
		}
		sides[i] = scoredNLI{Name: name, Parameters: classifierParameters(m)}
		sides[i].MB = float64(sides[i].Parameters) * 4 / 1e6
		if models[i], err = embed.NewPredictor(m, embed.Options{Workers: f.workers}); err != nil {
			return nil, errors.Join(err, m.Close())
		}
		defer a.close(models[i])
		for _, s := range data.dev {
			score, err := cross.Evaluate(ctx, models[i], s)
			if err != nil {
				return nil, err
			}
			sides[i].Accuracy = append(sides[i].Accuracy, score.Accuracy)
		}
	}
	sample := data.dev[0].Pairs[:min(256, len(data.dev[0].Pairs))]
	const turns = 4 // the first warms up
	for turn := range turns {
		for i, m := range models {
			begin := time.Now()
			if _, err := m.Predict(ctx, sample, embed.PredictOptions{}); err != nil {
				return nil, err
			}
			if rate := float64(len(sample)) / time.Since(begin).Seconds(); turn > 0 {
				sides[i].Speed = max(sides[i].Speed, rate)
			}
		}
	}
	return sides, nil
}

// classifierParameters counts the weights of encoder and head.
func classifierParameters(m *model.Model) int64 {
	n := int64(0)
	for _, t := range trainable.Tensors(m) {
		if t.Tensor != nil {
			n += int64(t.Tensor.Len())
		}
	}
	if p := m.Transformer.Pooler; p != nil {
		n += int64(p.Weight.Len() + p.Bias.Len())
	}
	for _, t := range m.Heads {
		n += int64(t.Len())
	}
	return n
}

func (a *app) printNLISides(sides []scoredNLI, data *labelledData) error {
	table := cli.Table{Header: slices.Clone(sideHeader), Right: []bool{false, true, true, true}}
	table.Header[3] = "pairs/s"
	for _, s := range data.dev {
		table.Header, table.Right = append(table.Header, titleOf(s.Name)), append(table.Right, true)
	}
	for _, s := range sides {
		row := (&side{Name: s.Name, Parameters: s.Parameters, MB: s.MB, Speed: s.Speed}).cells()
		for _, x := range s.Accuracy {
			row = append(row, percent(x))
		}
		table.Rows = append(table.Rows, row)
	}
	if _, err := fmt.Fprintln(a.stdout); err != nil {
		return err
	}
	return table.Write(a.stdout, a.out)
}
