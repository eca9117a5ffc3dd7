package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"semdex/cmd/semdex/internal/card"
	"semdex/distill/mlm"
	"semdex/embed/model"
	"semdex/internal/cli"
)

const distillMLMLong = `Train a student on hidden tokens with a teacher that answers, too (Sanh et al.
2019):

  alpha * CE + (1 - alpha) * T^2 KL(teacher || student) + beta * (1 - cosine)

CE is the loss of semdex train mlm; KL compares the two distributions over the
vocabulary at temperature T, at all positions, or with --hidden-only at the
hidden ones, which is much cheaper; the cosine compares the last hidden states.

Refused are a teacher without a trained head, one that predicts held-out text no
better than the tokens' frequencies do, and another tokenizer than the student's.
At the end teacher and student stand side by side, scored at temperature 1.`

const distillMLMExample = `  semdex distill init teacher --layers 0,2,4,7,9,11 -o start
  semdex train distill mlm --teacher teacher --student start --text corpus.jsonl.gz --dev-share 0.01 -o student`

// distillMLMFlags are the flags of the verb train distill mlm.
type distillMLMFlags struct {
	mlmFlags
	teacherFlags
	teaching mlm.Teaching
}

func (a *app) trainDistillMLMCommand() *cobra.Command {
	var f distillMLMFlags
	c := &cobra.Command{
		Use:     "mlm [flags]",
		Short:   "Pre-train a student on text with its teacher",
		Long:    distillMLMLong,
		Example: distillMLMExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.teacherFlags.parse(cmd); err != nil {
				return err
			}
			if err := f.mlmFlags.parse(cmd); err != nil {
				return err
			}
			if len(f.corpus.dev) == 0 && f.corpus.devShare == 0 {
				return usage(cmd, "train distill mlm: the teacher is tested on held-out text: give --dev or --dev-share")
			}
			return a.trainDistillMLM(cmd.Context(), &f)
		},
	}
	f.teacherFlags.add(c)
	f.mlmFlags.add(c)
	flags := c.Flags()
	flags.Float64Var(&f.teaching.Alpha, "alpha", 0.5, "`weight` of the text's own tokens; the rest is the teacher's")
	flags.Float64Var(&f.teaching.Beta, "beta", 0, "`weight` of the cosine between hidden states; needs equal widths")
	flags.Float64Var(&f.teaching.Temperature, "temperature", 2, "`temperature` that softens both distributions, 1 to 100")
	flags.BoolVar(&f.teaching.HiddenOnly, "hidden-only", false, "ask the teacher at hidden positions only")
	return verb(c, noArgs)
}

// distilledMLM is how a distillation on text ended.
type distilledMLM struct {
	*mlmReport
	Teacher []devScore  `json:"teacher"`
	Sides   []scoredMLM `json:"side_by_side"`
}

// scoredMLM is one of two compared models with its score over all held-out text.
type scoredMLM struct {
	side
	mlm.Score
}

func (a *app) trainDistillMLM(ctx context.Context, f *distillMLMFlags) error {
	teacher, err := a.openNamed(f.teacher)
	if err != nil {
		return err
	}
	defer a.close(teacher)
	r, err := a.openMLM(ctx, &f.mlmFlags, f.student)
	if err != nil {
		return err
	}
	defer a.close(r.base)
	report := new(distilledMLM)
	passed, err := a.examine(ctx, f, r, teacher, report)
	if err != nil {
		return err
	}
	k := &f.teaching
	task := &mlm.Task{Net: r.net, Data: r.text.train, Masker: r.masker, Teach: k}
	identity := fmt.Sprintf("mlm with teacher %s, alpha %g, beta %g, temperature %g, hidden only %t",
		teacher.Fingerprint(), k.Alpha, k.Beta, k.Temperature, k.HiddenOnly)
	if report.mlmReport, err = a.runMLM(ctx, &f.mlmFlags, r, task, identity); err != nil {
		return err
	}
	return a.saveDistilledMLM(ctx, f, r, report, passed)
}

// examine opens the teacher's net and tests it before anything is trained.
func (a *app) examine(ctx context.Context, f *distillMLMFlags, r *mlmRun, teacher *model.Model, report *distilledMLM) (mlm.Score, error) {
	net, err := mlm.Open(teacher, 1)
	if err != nil {
		return mlm.Score{}, err
	}
	f.teaching.Teacher = net
	if err := f.teaching.Check(r.net, teacher.Tokenizer, r.base.Tokenizer); err != nil {
		return mlm.Score{}, err
	}
	if f.maxTokens > teacher.Config.MaxPositions {
		return mlm.Score{}, fmt.Errorf("--max-tokens is %d, the teacher has %d positions", f.maxTokens, teacher.Config.MaxPositions)
	}
	var s mlm.Score
	if report.Teacher, s, err = r.text.evaluate(ctx, r.engine, net, r.eval); err != nil {
		return s, err
	}
	a.note("teacher: %s; frequencies alone: %.2f", s, s.UnigramPerplexity())
	err = f.teaching.CheckScore(s)
	if errors.Is(err, mlm.ErrTeaching) {
		err = cli.WithHint(err, "semdex train mlm --model %s trains it", f.teacher)
	}
	return s, err
}

// saveDistilledMLM saves the student, then measures both models.
func (a *app) saveDistilledMLM(ctx context.Context, f *distillMLMFlags, r *mlmRun, report *distilledMLM, teacher mlm.Score) error {
	student := r.net.Model()
	sides, err := a.compareSides(ctx, f.teacher, f.out, r.net.Model(), f.workers, r.text.sentences, nil)
	if err != nil {
		return err
	}
	report.Sides = []scoredMLM{{sides[0], teacher}, {sides[1], r.latest}}
	k := &f.teaching
	c := r.card(&f.mlmFlags, "semdex train distill mlm", f.student, report.mlmReport)
	c.Summary = fmt.Sprintf("A student of %s, distilled on hidden tokens.", titleOf(f.teacher))
	c.Set("loss", fmt.Sprintf("%g CE + %g T^2 KL + %g (1 - cosine), T = %g, hidden tokens only: %t", k.Alpha, 1-k.Alpha, k.Beta, k.Temperature, k.HiddenOnly))
	for _, s := range report.Sides {
		c.Scores = append(c.Scores, card.Score{Set: "all held-out text", Measure: "perplexity of " + s.Name, Value: fmt.Sprintf("%.2f", s.Perplexity)})
	}
	sideScores(&c, "held-out sentences", sides)
	if err := a.saveRun(ctx, &f.runFlags, student, c, report.runReport); err != nil {
		return err
	}
	if f.asJSON {
		return a.printJSON(report)
	}
	if err := a.printMLM(report.mlmReport); err != nil {
		return err
	}
	return a.printSides(report.Sides)
}

func (a *app) printSides(sides []scoredMLM) error {
	table := cli.Table{Header: append(slices.Clone(sideHeader), "perplexity", "accuracy"), Right: []bool{false, true, true, true, true, true}}
	for _, s := range sides {
		table.Rows = append(table.Rows, append(s.cells(), fmt.Sprintf("%.2f", s.Perplexity), percent(s.Accuracy)))
	}
	if _, err := fmt.Fprintln(a.stdout); err != nil {
		return err
	}
	return table.Write(a.stdout, a.out)
}
