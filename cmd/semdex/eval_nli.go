package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"semdex/embed"
	"semdex/internal/cli"
	"semdex/internal/progress"
	"semdex/nli/cross"
)

const evalNLILong = `Score a model that judges pairs of texts (semdex train cross, semdex train distill
nli, or any sequence classifier in transformers' layout): each file on its own, with
accuracy, macro-F1 and the confusion of labels. Labels are compared by name with
those of the model's config.json. A model with one score is measured by
correlation, on scores of 0 and 1 also by rank.

Beside it stand methods that do not read both texts together; with --train they
learn from those files.`

const evalNLIExample = `  semdex eval nli --model my-nli xnli.test.ko.tsv klue-nli-dev.json
  semdex eval nli --model my-sts --task sts sts-test.tsv`

// evalNLIFlags are the flags of the verb eval nli.
type evalNLIFlags struct {
	modelFlags
	labelledFlags
	task   string
	top    float64
	train  []string
	asJSON bool
}

// crossResult is a model on one file.
type crossResult struct {
	*cross.Score
	By        string           `json:"by"`
	Baselines []cross.Baseline `json:"baselines"`
}

func (a *app) evalNLICommand() *cobra.Command {
	var f evalNLIFlags
	c := &cobra.Command{
		Use: "nli [flags] FILE...", Aliases: []string{"cross"}, Short: "Score a cross-encoder on labelled pairs",
		Long: evalNLILong, Example: evalNLIExample,
		RunE: func(cmd *cobra.Command, files []string) error {
			if err := f.parse(cmd); err != nil {
				return err
			}
			results, err := a.evalNLI(cmd.Context(), files, &f)
			if err != nil {
				return err
			}
			if f.asJSON {
				return a.printJSON(results)
			}
			return a.printCross(results)
		},
	}
	f.modelFlags.flags(c)
	c.Flags().Lookup("model").DefValue, f.model = "", ""
	f.labelledFlags.add(c)
	flags := c.Flags()
	flags.StringVar(&f.task, "task", "", "nli, sts or relevance (default by the model: nli for several labels, else sts)")
	flags.Float64Var(&f.top, "top-score", 0, "the highest `score` of the files (default 5 for sts, 1 for relevance)")
	flags.StringSliceVar(&f.train, "train", nil, "`files` that the baselines learn from")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return verb(c, atLeast(1, "a file"))
}

func (f *evalNLIFlags) parse(cmd *cobra.Command) error {
	if f.model == "" {
		return usage(cmd, "eval nli: --model is missing")
	}
	if f.task != "" {
		if err := oneOf(cmd, "task", f.task, cross.Inference, cross.Similarity, cross.Relevance); err != nil {
			return err
		}
	}
	return f.labelledFlags.parse(cmd)
}

// judged is what a model's pairs are judged by.
func (f *evalNLIFlags) judged(labels []string) (*judged, error) {
	j := &judged{objective: cross.Objective(f.task), top: f.top}
	if j.objective == "" {
		j.objective = cross.Similarity
		if len(labels) > 1 {
			j.objective = cross.Inference
		}
	}
	if (j.objective == cross.Inference) != (len(labels) > 1) {
		return nil, fmt.Errorf("--task %s does not fit a model with %s", j.objective, count(len(labels), "label"))
	}
	if j.objective == cross.Inference {
		j.labels = labels
	}
	if j.top == 0 {
		j.top = topScore(j.objective)
	}
	return j, nil
}

func (a *app) evalNLI(ctx context.Context, files []string, f *evalNLIFlags) ([]crossResult, error) {
	p, err := a.openPredictor(ctx, f.model, f.load())
	if err != nil {
		return nil, err
	}
	defer a.close(p)
	j, err := f.judged(p.Labels())
	if err != nil {
		return nil, err
	}
	var training *cross.Set
	if len(f.train) > 0 {
		data, err := a.readLabelled(&f.labelledFlags, j, f.train, nil)
		if err != nil {
			return nil, err
		}
		training = data.train
	}
	corpora, err := f.readAll(files, j.objective.Kind())
	if err != nil {
		return nil, err
	}
	var sets []*cross.Set
	for _, d := range corpora {
		s, err := j.set(d, f.names)
		if err != nil {
			return nil, err
		}
		sets = append(sets, s)
	}
	return a.scoreCross(ctx, p, training, sets)
}

// scoreCross measures a model and the baselines on sets.
func (a *app) scoreCross(ctx context.Context, p *embed.Predictor, training *cross.Set, sets []*cross.Set) ([]crossResult, error) {
	var results []crossResult
	for _, s := range sets {
		score, err := cross.Evaluate(ctx, p, s)
		if err != nil {
			return nil, err
		}
		r := crossResult{Score: score, By: p.Name()}
		if r.Baselines, err = cross.Baselines(training, s); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		if score.Truncated > 0 {
			a.note("%s: %s cut to the model's %d tokens", s.Name, count(score.Truncated, "pair"), p.MaxTokens())
		}
		results = append(results, r)
	}
	return results, nil
}

// openPredictor opens a model that judges pairs, by its name.
func (a *app) openPredictor(ctx context.Context, name string, o embed.Options) (*embed.Predictor, error) {
	dir, err := a.modelDir(name)
	if err != nil {
		return nil, err
	}
	if dir == "" {
		return nil, fmt.Errorf("model %s: %w", name, embed.ErrNotClassifier)
	}
	return embed.LoadPredictor(ctx, dir, o)
}

func (a *app) printCross(results []crossResult) error {
	if len(results) == 0 {
		return nil
	}
	table := cli.Table{Header: []string{"file", "pairs", "by", "accuracy", "macro-F1", "loss"}, Right: []bool{false, true, false, true, true, true}}
	graded := results[0].Confusion == nil
	if graded {
		table.Header[3], table.Header[4] = "Spearman", "Pearson"
	}
	for _, r := range results {
		row := []string{r.Set, progress.Count(int64(r.Pairs)), r.By, percent(r.Accuracy), percent(r.MacroF1), fmt.Sprintf("%.4f", r.Loss)}
		if graded {
			row[3], row[4] = percent(r.Spearman), percent(r.Pearson)
		}
		table.Rows = append(table.Rows, row)
		for _, b := range r.Baselines {
			row := []string{"", "", b.Name, percent(b.Accuracy), percent(b.MacroF1), ""}
			if graded {
				row[3], row[4] = percent(b.Spearman), percent(b.Pearson)
			}
			table.Rows = append(table.Rows, row)
		}
	}
	if err := table.Write(a.stdout, a.out); err != nil {
		return err
	}
	for _, r := range results {
		if err := a.printDetail(r.Score); err != nil {
			return err
		}
	}
	return nil
}

// printDetail writes the confusion of labels, or the ranks of relevant texts.
func (a *app) printDetail(s *cross.Score) error {
	if s.AUC != nil {
		line := fmt.Sprintf("\n%s: AUC %s", s.Set, share(*s.AUC))
		if s.MRR != nil {
			line += ", MRR " + share(*s.MRR)
		}
		_, err := fmt.Fprintln(a.stdout, line)
		return err
	}
	c := s.Confusion
	if c == nil {
		return nil
	}
	if _, err := fmt.Fprintf(a.stdout, "\n%s\n", s.Set); err != nil {
		return err
	}
	table := cli.Table{Header: []string{"label"}, Right: []bool{false}}
	for _, l := range c.Labels {
		table.Header, table.Right = append(table.Header, "as "+l), append(table.Right, true)
	}
	table.Header, table.Right = append(table.Header, "precision", "recall", "F1"), append(table.Right, true, true, true)
	for i, l := range c.Labels {
		row := []string{l}
		for _, n := range c.Counts[i] {
			row = append(row, strconv.Itoa(n))
		}
		table.Rows = append(table.Rows, append(row, percent(c.Precision(i)), percent(c.Recall(i)), percent(c.F1(i))))
	}
	return table.Write(a.stdout, a.out)
}
