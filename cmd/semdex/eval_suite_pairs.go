package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"semdex/embed"
	"semdex/internal/evalsuite"
	"semdex/internal/progress"
	"semdex/nli"
	"semdex/nli/cross"
)

// pairs measures the classifier on labelled pairs.
func (r *suiteRun) pairs(ctx context.Context, set *evalsuite.Set) ([]evalsuite.Results, error) {
	f := &evalNLIFlags{labelledFlags: labelledFlags{columns: set.Columns, names: make(nli.LabelMap)}, task: set.Task, top: set.Top}
	for from, to := range set.Labels {
		f.names[strings.ToLower(from)] = to
	}
	classes := cross.Objective(set.Task) == cross.Inference
	p, labels := r.classifier, cross.Objective(set.Task).Labels()
	if p != nil && (len(p.Labels()) > 1) == classes {
		labels = p.Labels()
	} else if p != nil {
		r.note("%s: %s, which has %s, does not fit the task %s", set.Name, p.Name(), count(len(p.Labels()), "label"), set.Task)
		p = nil
	}
	j, err := f.judged(labels)
	if err != nil {
		return nil, err
	}
	var training *cross.Set
	if len(set.Train) > 0 {
		data, err := r.readLabelled(&f.labelledFlags, j, set.Train, []string{set.Path})
		if err != nil {
			return nil, err
		}
		training = data.train
	}
	corpora, err := f.readAll([]string{set.Path}, j.objective.Kind())
	if err != nil {
		return nil, err
	}
	var out []evalsuite.Results
	for _, d := range corpora {
		test, err := j.set(d, f.names)
		if err != nil {
			return nil, err
		}
		name := set.Name
		if len(corpora) > 1 {
			name += "/" + filepath.Base(d.Path)
		}
		results, err := r.judge(ctx, name, p, training, test)
		if err != nil {
			return nil, err
		}
		out = append(out, results)
	}
	return out, nil
}

// judge measures baselines and, if there is one, a classifier.
func (r *suiteRun) judge(ctx context.Context, name string, p *embed.Predictor, training, test *cross.Set) (evalsuite.Results, error) {
	out := evalsuite.Results{Set: name, Kind: evalsuite.NLI, Items: len(test.Pairs), Gold: test.Scores}
	for _, c := range test.Classes {
		out.Gold = append(out.Gold, float64(c))
	}
	digest := evalsuite.NewDigest()
	for i, pair := range test.Pairs {
		digest.Add(pair.A, pair.B, exact(out.Gold[i]))
	}
	out.Digest = digest.String()
	baselines, err := cross.Baselines(training, test)
	if err != nil {
		return out, err
	}
	for _, b := range baselines {
		figures := correlations(b.Spearman, b.Pearson)
		if test.Classes != nil {
			figures = []evalsuite.Figure{{Measure: "accuracy", Value: b.Accuracy}, {Measure: "macro-F1", Value: b.MacroF1}}
		}
		out.Rows = append(out.Rows, baseline(b.Name, figures...))
	}
	if p == nil {
		return out, nil
	}
	logits, err := r.logits(ctx, p, name, test.Pairs)
	if err != nil {
		return out, err
	}
	row, err := judgedRow(p.Name(), test, logits)
	out.Rows = append(out.Rows, row)
	return out, err
}

// pairsPerCall is how many pairs are judged between two looks at the bar.
const pairsPerCall = 1024

func (r *suiteRun) logits(ctx context.Context, p *embed.Predictor, name string, list []embed.Pair) ([][]float32, error) {
	var done atomic.Int64
	bar := r.progress("judging "+name, func() progress.State { return progress.State{Done: done.Load(), Total: int64(len(list))} })
	defer bar.Stop()
	var out [][]float32
	for part := range slices.Chunk(list, pairsPerCall) {
		judged, err := p.Predict(ctx, part, embed.PredictOptions{})
		if err != nil {
			return nil, err
		}
		out = append(out, judged.Logits...)
		done.Store(int64(len(out)))
	}
	return out, nil
}

func judgedRow(by string, test *cross.Set, logits [][]float32) (evalsuite.Row, error) {
	row := evalsuite.Row{By: by}
	score, decided, err := cross.Judge(test, logits)
	if err != nil {
		return row, err
	}
	if test.Classes != nil {
		right := make([]float64, len(decided))
		for i, c := range decided {
			if int32(c) == test.Classes[i] {
				right[i] = 1
			}
		}
		row.Mean("accuracy", right)
		row.Keep("class", decided)
		row.Add("macro-F1", score.MacroF1, evalsuite.MacroF1, "class")
		return row, nil
	}
	probabilities := make([]float64, len(logits))
	for i, l := range logits {
		probabilities[i] = embed.Probabilities(l)[0]
	}
	row.Keep("logit", decided)
	row.Keep("probability", probabilities)
	row.Add("Spearman", score.Spearman, evalsuite.Spearman, "logit")
	row.Add("Pearson", score.Pearson, evalsuite.Pearson, "probability")
	if score.AUC != nil {
		row.Figures = append(row.Figures, evalsuite.Figure{Measure: "AUC", Value: *score.AUC})
	}
	if score.MRR != nil {
		row.Figures = append(row.Figures, evalsuite.Figure{Measure: "MRR", Value: *score.MRR})
	}
	return row, nil
}
