package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"semdex/internal/cli"
	"semdex/internal/curve"
	"semdex/internal/progress"
	"semdex/internal/train"
)

const trainPlotLong = `Draw the loss of training runs, smoothed and raw, and their scores on the
development set, one above the other. A RUN is a run's folder, the model's folder
beside it, or a log.jsonl; several are laid over one another. A run that is still
going on is drawn as far as it is.

An output that ends in .png is a picture in pixels, with --dark on a dark ground;
any other is SVG, which follows its reader's setting.`

const trainPlotExample = `  semdex train plot my-model.run
  semdex train plot -o curve.png --title "Learning rates" lr-1e-4.run lr-3e-5.run`

// trainPlotFlags are the flags of the verb train plot.
type trainPlotFlags struct {
	out     string
	options curve.Options
	x, y    string
	names   []string
}

func (a *app) trainPlotCommand() *cobra.Command {
	var f trainPlotFlags
	c := &cobra.Command{
		Use:     "plot [flags] RUN...",
		Short:   "Draw the curves of trainings",
		Long:    trainPlotLong,
		Example: trainPlotExample,
		RunE: func(cmd *cobra.Command, runs []string) error {
			if err := f.parse(cmd, runs); err != nil {
				return err
			}
			return a.trainPlot(cmd.Context(), &f, runs)
		},
	}
	flags := c.Flags()
	flags.StringVarP(&f.out, "out", "o", "curve.svg", "`file` to write, .svg or .png; - is standard output")
	flags.StringVar(&f.options.Title, "title", "", "`text` above the curves")
	flags.StringVar(&f.options.Score, "score", "score", "`name` of the score")
	flags.StringSliceVar(&f.names, "names", nil, "`names` of the runs (default their folders')")
	flags.IntVar(&f.options.Width, "width", 960, "`pixels`; a PNG has twice as many, for sharp screens")
	flags.IntVar(&f.options.Height, "height", 600, "`pixels`")
	flags.StringVar(&f.x, "x", "linear", "`scale` of the updates: linear or log")
	flags.StringVar(&f.y, "y", "auto", "`scale` of the loss: auto, linear or log; auto is log for a loss that falls to a twentieth")
	flags.BoolVar(&f.options.Dark, "dark", false, "draw a PNG on a dark ground")
	return verb(c, atLeast(1, "the folder of a run"))
}

var scales = map[string]curve.Scale{"auto": curve.Auto, "linear": curve.Linear, "log": curve.Log}

func (f *trainPlotFlags) parse(cmd *cobra.Command, runs []string) error {
	o := &f.options
	switch {
	case len(f.names) > 0 && len(f.names) != len(runs):
		return usage(cmd, "--names has %s for %s", count(len(f.names), "name"), count(len(runs), "run"))
	case min(o.Width, o.Height) < 240 || max(o.Width, o.Height) > 8000:
		return usage(cmd, "--width %d and --height %d are to be 240 to 8000", o.Width, o.Height)
	case f.out == "":
		return usage(cmd, "train plot: --out is empty")
	}
	if err := oneOf(cmd, "x", f.x, "linear", "log"); err != nil {
		return err
	}
	if err := oneOf(cmd, "y", f.y, "auto", "linear", "log"); err != nil {
		return err
	}
	o.X, o.Y = scales[f.x], scales[f.y]
	return nil
}

func (a *app) trainPlot(ctx context.Context, f *trainPlotFlags, runs []string) error {
	names := f.names
	if len(names) == 0 {
		names = runNames(runs)
	}
	var list []curve.Series
	for i, run := range runs {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, err := readCurves(run)
		if err != nil {
			return err
		}
		if len(s.Loss)+len(s.Score) == 0 {
			a.warn("%s has no updates yet", run)
		}
		s.Name = names[i]
		list = append(list, s)
	}
	write := func(w io.Writer) error {
		if strings.EqualFold(filepath.Ext(f.out), ".png") {
			return curve.PNG(w, list, f.options)
		}
		return curve.SVG(w, list, f.options)
	}
	if f.out == "-" {
		return write(a.stdout)
	}
	if err := writeWhole(f.out, write); err != nil {
		return err
	}
	return a.printCurves(f.out, list)
}

// printCurves says what was drawn.
func (a *app) printCurves(out string, list []curve.Series) error {
	table := cli.Table{Header: []string{"run", "updates", "loss", "best score"}, Right: []bool{false, true, true, true}}
	for _, s := range list {
		row := []string{s.Name, "", "", ""}
		if n := len(s.Loss); n > 0 {
			row[1], row[2] = progress.Count(int64(s.Loss[n-1].X)), fmt.Sprintf("%.4f", s.Loss[n-1].Y)
		}
		if len(s.Score) > 0 {
			best := slices.MaxFunc(s.Score, func(x, y curve.Point) int {
				if x.Y < y.Y {
					return -1
				}
				return 1
			})
			row[3] = fmt.Sprintf("%.4f at %s", best.Y, progress.Count(int64(best.X)))
		}
		table.Rows = append(table.Rows, row)
	}
	if err := table.Write(a.stdout, a.out); err != nil {
		return err
	}
	a.note("drawn in %s", out)
	return nil
}

// readCurves reads the log of a run.
func readCurves(run string) (curve.Series, error) {
	var s curve.Series
	file, err := openLog(run)
	if err != nil {
		return s, err
	}
	defer func() { _ = file.Close() }()
	lines, err := train.ReadLog(file)
	if err != nil {
		return s, fmt.Errorf("%s: %w", file.Name(), err)
	}
	for _, l := range lines {
		x := float64(l.Step)
		if l.Score != nil {
			s.Score = append(s.Score, curve.Point{X: x, Y: *l.Score})
		} else {
			s.Loss = append(s.Loss, curve.Point{X: x, Y: l.Loss})
		}
	}
	return s, nil
}

// openLog opens a log by its own name, its folder's, or that of the model which
// the run writes.
func openLog(run string) (*os.File, error) {
	info, err := os.Stat(run)
	if err == nil && !info.IsDir() {
		return os.Open(run)
	}
	for _, name := range []string{filepath.Join(run, train.LogName), filepath.Join(filepath.Clean(run)+".run", train.LogName)} {
		file, err := os.Open(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
	}
	return nil, cli.WithHint(fmt.Errorf("%s is not the folder of a run: it has no %s", run, train.LogName),
		"trainings write it to the folder of --run, by default the model's name with .run")
}

// runNames are the runs' folders without what they share.
func runNames(runs []string) []string {
	names, seen := make([]string, len(runs)), make(map[string]bool)
	for i, run := range runs {
		run = filepath.Clean(run)
		if filepath.Base(run) == train.LogName && filepath.Dir(run) != "." {
			run = filepath.Dir(run)
		}
		names[i] = strings.TrimSuffix(filepath.Base(run), ".run")
		if seen[names[i]] {
			names[i] = filepath.ToSlash(run)
		}
		seen[names[i]] = true
	}
	return names
}
