package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"semdex/internal/cli"
	"semdex/internal/progress"
	"semdex/nli"
)

func (a *app) evalCommand() *cobra.Command {
	return group("eval", "Measure models and search", a.evalSTSCommand(), a.evalNLICommand(), a.evalQACommand(), a.evalRetrievalCommand(), a.evalSuiteCommand(), a.evalCompareCommand())
}

// stsResult is the agreement of a model with people on one file.
type stsResult struct {
	File     string  `json:"file"`
	Pairs    int     `json:"pairs"`
	Dims     int     `json:"dims,omitempty"` // absent for the baseline
	Measure  string  `json:"by"`             // the model's name, or "word overlap"
	Spearman float64 `json:"spearman"`
	Pearson  float64 `json:"pearson"`
}

func (a *app) evalSTSCommand() *cobra.Command {
	var m modelFlags
	var dims []int
	var baseline, asJSON bool
	c := &cobra.Command{
		Use:   "sts [flags] FILE...",
		Short: "Compare a model's similarities with people's",
		Long: `Encode the pairs of sentences of semantic similarity sets (STS-B as CSV, KorSTS as
TSV, plain or gzipped) and correlate the cosines with the scores that people gave.`,
		Example: `  semdex eval sts stsb-dev.csv sts-dev.tsv
  semdex eval sts --model my-model --dims 256,128,64 --baseline sts-dev.tsv`,
		RunE: func(cmd *cobra.Command, files []string) error {
			results, err := a.evalSTS(cmd.Context(), files, &m, dims, baseline)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(results)
			}
			return a.printSTS(results)
		},
	}
	m.flags(c)
	c.Flags().IntSliceVar(&dims, "dims", nil, "`widths` to cut vectors to (default the model's)")
	c.Flags().BoolVar(&baseline, "baseline", false, "also score the overlap of words, which every model has to beat")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return verb(c, atLeast(1, "a file"))
}

func (a *app) evalSTS(ctx context.Context, files []string, f *modelFlags, dims []int, baseline bool) ([]stsResult, error) {
	encoder, err := a.openEncoder(ctx, f)
	if err != nil {
		return nil, err
	}
	defer a.close(encoder)
	var results []stsResult
	for _, file := range files {
		pairs, err := nli.ReadSTS(file)
		if err != nil {
			return nil, err
		}
		add := func(by string, s nli.STSScore) {
			results = append(results, stsResult{file, len(pairs), s.Dims, by, s.Spearman, s.Pearson})
		}
		if baseline {
			s, err := nli.EvalOverlap(pairs, nli.Words)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			add("word overlap", s)
		}
		scores, err := nli.EvalSTS(ctx, nli.EncoderFunc(encoder.EncodePassages), pairs, dims...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, s := range scores {
			add(encoder.Name(), s)
		}
	}
	return results, nil
}

func (a *app) printSTS(results []stsResult) error {
	table := cli.Table{
		Header: []string{"file", "pairs", "by", "dims", "Spearman", "Pearson"},
		Right:  []bool{false, true, false, true, true, true},
	}
	for _, r := range results {
		dims := ""
		if r.Dims > 0 {
			dims = strconv.Itoa(r.Dims)
		}
		table.Rows = append(table.Rows, []string{r.File, progress.Count(int64(r.Pairs)), r.Measure, dims, percent(r.Spearman), percent(r.Pearson)})
	}
	return table.Write(a.stdout, a.out)
}
