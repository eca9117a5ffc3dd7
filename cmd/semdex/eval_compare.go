package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"semdex/internal/evalsuite"
)

const evalCompareLong = `Show two models side by side on every set they have in common: each figure, and B
less A, with confidence intervals. The intervals come from the paired bootstrap:
pairs, queries or questions are drawn with replacement, the same for both models,
1,000 to 10,000 times. A difference whose interval does not hold 0 is marked; of
twenty differences that are none, about one is marked all the same.

A and B are JSON files of semdex eval suite, or with --suite two models, which are
measured first.`

const evalCompareExample = `  semdex eval compare before.json after.json
  semdex eval compare both.json both.json --names builtin,my-model
  semdex eval compare builtin my-model --suite dev.yaml --data-dir data
  semdex eval compare reader-a reader-b --suite dev.yaml --as reader`

// compareFlags are the flags of the verb eval compare.
type compareFlags struct {
	suiteFlags
	suite  string
	as     string
	names  []string
	option evalsuite.Bootstrap
	asJSON bool
}

func (a *app) evalCompareCommand() *cobra.Command {
	f := compareFlags{option: evalsuite.DefaultBootstrap()}
	c := &cobra.Command{
		Use: "compare [flags] A B", Short: "Show two models side by side with confidence intervals",
		Long: evalCompareLong, Example: evalCompareExample,
		RunE: func(cmd *cobra.Command, sides []string) error {
			if err := f.parse(cmd); err != nil {
				return err
			}
			result, err := a.evalCompare(cmd.Context(), sides, &f)
			if err != nil {
				return err
			}
			if f.asJSON {
				return a.printJSON(result)
			}
			return a.writeOut(f.out, result.WriteMarkdown)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.suite, "suite", "", "suite `file` on which the models A and B are measured")
	flags.StringVar(&f.as, "as", "encoder", "`what` A and B are with --suite: encoder, classifier or reader")
	f.add(c)
	flags.StringSliceVar(&f.names, "names", nil, "`names` of the models to compare, where a file has several: A's and B's")
	flags.IntVar(&f.option.Resamples, "resamples", f.option.Resamples, "`samples` drawn for the intervals")
	flags.Uint64Var(&f.option.Seed, "seed", f.option.Seed, "`seed` of the samples")
	flags.Float64Var(&f.option.Level, "level", f.option.Level, "`level` of confidence")
	flags.StringVarP(&f.out, "out", "o", "-", "`file` for the table as Markdown; - is standard output")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return verb(c, exactly(2, "a model or a JSON file of results"))
}

// roleKinds are the sets that a kind of model can be measured on.
var roleKinds = map[string][]evalsuite.Kind{
	"encoder":    {evalsuite.STS, evalsuite.Parallel, evalsuite.Retrieval},
	"classifier": {evalsuite.NLI},
	"reader":     {evalsuite.QA},
}

func (f *compareFlags) parse(cmd *cobra.Command) error {
	if err := f.option.Check(); err != nil {
		return usage(cmd, "%v", err)
	}
	switch {
	case len(f.names) != 0 && len(f.names) != 2:
		return usage(cmd, "--names gives %s, want two: A's and B's", count(len(f.names), "name"))
	case len(f.names) != 0 && f.suite != "":
		return usage(cmd, "--names is for files of results, not for --suite")
	}
	if err := oneOf(cmd, "as", f.as, "encoder", "classifier", "reader"); err != nil {
		return err
	}
	return canWrite(f.out)
}

func (a *app) evalCompare(ctx context.Context, sides []string, f *compareFlags) (*evalsuite.Comparison, error) {
	var ab [2]evalsuite.Side
	for i, name := range sides {
		var err error
		if f.suite != "" {
			ab[i].Table, err = a.compareSide(ctx, name, f)
		} else {
			ab[i].Table, err = evalsuite.ReadTable(name)
		}
		if err != nil {
			return nil, err
		}
		if len(f.names) > 0 {
			ab[i].Name = f.names[i]
		}
	}
	c, err := evalsuite.Compare(ctx, ab[0], ab[1], f.option)
	if err != nil {
		return nil, err
	}
	if c.Names[0] == c.Names[1] { // tell them apart
		for i := range c.Names {
			c.Names[i] = fmt.Sprintf("%s (%s)", c.Names[i], sides[i])
		}
	}
	return c, nil
}

// compareSide measures one model on the sets of the suite that are for its kind.
func (a *app) compareSide(ctx context.Context, name string, f *compareFlags) (*evalsuite.Table, error) {
	if strings.HasSuffix(name, ".json") {
		return nil, fmt.Errorf("%s is a file; with --suite, A and B are models", name)
	}
	suite, err := evalsuite.Load(f.suite, f.data)
	if err != nil {
		return nil, err
	}
	suite.Sets = slices.DeleteFunc(suite.Sets, func(s evalsuite.Set) bool { return !slices.Contains(roleKinds[f.as], s.Kind) })
	if len(suite.Sets) == 0 {
		return nil, fmt.Errorf("%s has no sets of the kinds %v, which measure %ss", f.suite, roleKinds[f.as], f.as)
	}
	one := f.suiteFlags
	switch f.as {
	case "encoder":
		one.models = []string{name}
	case "classifier":
		one.classifier = name
	case "reader":
		one.reader = name
	}
	return a.evalSuite(ctx, suite, &one)
}
