package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"semdex/cmd/semdex/internal/card"
	"semdex/embed/model"
	"semdex/internal/cli"
	"semdex/qa"
)

const averageLong = `Write the mean of the weights of models that differ in nothing else: same shapes,
tokenizer, heads and labels. Models that were trained on from one model, with other
data, orders or rates, often have a mean that is better than each of them, at the
price of one (Wortsman et al. 2022, Model soups). Models that began apart have not.
Measure it: semdex eval.

A reader's threshold is the mean of theirs. The weights are stored as f32; semdex
model convert makes them smaller.`

// averageFlags are the flags of the verb model average.
type averageFlags struct {
	weights   []string
	out       string
	overwrite bool
}

func (a *app) modelAverageCommand() *cobra.Command {
	var f averageFlags
	c := &cobra.Command{
		Use:   "average [flags] MODEL MODEL...",
		Short: "Write the mean of the weights of several models",
		Long:  averageLong,
		Example: `  semdex model average reader-a reader-b -o reader
  semdex model average reader-a reader-b --weights 1,3 -o reader`,
		RunE: func(cmd *cobra.Command, names []string) error {
			if f.out == "" {
				return usage(cmd, "model average: --out is missing")
			}
			if cmd.Flags().Changed("weights") && len(f.weights) == 0 {
				return usage(cmd, "--weights is empty")
			}
			weights, err := parseWeights(f.weights, len(names))
			if err != nil {
				return usage(cmd, "%v", err)
			}
			return a.averageModels(cmd.Context(), names, weights, &f)
		},
	}
	c.Flags().StringSliceVar(&f.weights, "weights", nil, "`numbers` above 0, one for each model; default: all the same")
	c.Flags().StringVarP(&f.out, "out", "o", "", "`folder` to write")
	c.Flags().BoolVar(&f.overwrite, "overwrite", false, "replace the model that is there")
	return verb(c, atLeast(2, "a second model"))
}

const largestWeight = 1e6

// parseWeights reads a number for each model; nil if none is given.
func parseWeights(texts []string, models int) ([]float64, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	if len(texts) != models {
		return nil, fmt.Errorf("--weights has %s for %d models", count(len(texts), "number"), models)
	}
	weights := make([]float64, models)
	for i, text := range texts {
		w, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || !(w > 0 && w <= largestWeight) {
			return nil, fmt.Errorf("--weights: %q is no number above 0 and up to %g", text, largestWeight)
		}
		weights[i] = w
	}
	return weights, nil
}

func (a *app) averageModels(ctx context.Context, names []string, weights []float64, f *averageFlags) error {
	if err := mayCreate(f.out, f.overwrite); err != nil {
		return err
	}
	var models []*model.Model
	var readers []*qa.Config // nil for what is none
	for _, name := range names {
		dir, err := a.modelDir(name)
		if err != nil {
			return err
		}
		if same, err := samePath(dir, f.out); err != nil {
			return err
		} else if same {
			return fmt.Errorf("%s is one of the models; write to another folder", f.out)
		}
		m, err := openModel(name, dir)
		if err != nil {
			return err
		}
		defer a.close(m)
		models = append(models, m)
		c, isReader, err := readerConfig(name, dir)
		if err != nil {
			return err
		}
		if isReader {
			readers = append(readers, &c)
		} else {
			readers = append(readers, nil)
		}
	}
	mean, err := model.Average(models, weights)
	if err != nil {
		return cli.WithHint(err, "only models that were trained on from one model, with the same settings, have a mean")
	}
	mean.Name = titleOf(f.out)
	reader, err := meanReader(names, readers, weights)
	if err != nil {
		return err
	}
	if err := mean.Save(f.out, model.SaveOptions{Overwrite: f.overwrite, Card: averageCard(mean.Name, names, models, weights)}); err != nil {
		return err
	}
	if reader != nil {
		if err := qa.WriteConfig(f.out, *reader); err != nil {
			return err
		}
	}
	return a.writeGolden(ctx, f.out)
}

// readerConfig is what a span reader's folder says about it.
func readerConfig(name, dir string) (c qa.Config, isReader bool, err error) {
	files, err := modelFS(name, dir)
	if err != nil {
		return c, false, err
	}
	if _, err := fs.Stat(files, qa.ConfigName); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return c, false, err
	}
	c, err = qa.ReadConfig(files)
	return c, true, err
}

// meanReader is the configuration of a mean of readers, which must agree in all but
// the threshold; nil if the models are none.
func meanReader(names []string, readers []*qa.Config, weights []float64) (*qa.Config, error) {
	first := readers[0]
	var sum, total float64
	for i, r := range readers {
		switch {
		case (r == nil) != (first == nil):
			return nil, fmt.Errorf("%w: one of %s and %s has no %s", model.ErrAverage, names[0], names[i], qa.ConfigName)
		case r == nil:
			continue
		}
		same := *r
		same.Threshold = first.Threshold
		if same != *first {
			return nil, fmt.Errorf("%w: %s of %s and %s differ in more than the threshold", model.ErrAverage, qa.ConfigName, names[0], names[i])
		}
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		sum += w * r.Threshold
		total += w
	}
	if first == nil {
		return nil, nil
	}
	mean := *first
	mean.Threshold = sum / total
	return &mean, nil
}

// averageCard has the licence of the models if they have one and the same.
func averageCard(title string, names []string, models []*model.Model, weights []float64) string {
	c := card.Card{
		Title: title, Command: "semdex model average",
		Summary: "The mean of the weights of " + strings.Join(names, ", ") + ". What they were trained on stands in their cards.",
		Licence: card.LicenceOf(models[0].Card),
	}
	for i, m := range models {
		if l := card.LicenceOf(m.Card); l != c.Licence {
			c.Licence = ""
			c.Limits = fmt.Sprintf("The licences of the models differ: %s is under %s, %s under %s.",
				names[0], licenceName(card.LicenceOf(models[0].Card)), names[i], licenceName(l))
			break
		}
	}
	if weights != nil {
		c.Set("weights", weights)
	}
	return c.Markdown()
}

func licenceName(s string) string {
	if s == "" {
		return "none that is stated"
	}
	return s
}
