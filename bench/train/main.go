// Command train runs steps of training of semdex and of PyTorch side by side:
// forward, backward and AdamW of models of one shape on the same tokens, with
// dropout on both sides. docs/performance.md says what is measured and how.
//
// Each side is a process of its own; they take turns. Results are kept, so a
// run that was cut short goes on where it stopped:
//
//	go run ./train                        every cell that is missing
//	go run ./train --cells mlm/1t         some cells
//	go run ./train --cells '*/*/base' --again  some cells anew
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// sideArg makes this program semdex's side of the comparison.
const sideArg = "serve-semdex"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) == 2 && os.Args[1] == sideArg {
		if err := serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "semdex:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	cells  string
	steps  int
	budget time.Duration
	cache  string
	python string
	update string
	again  bool
	table  bool
}

func parseOptions(args []string, stderr io.Writer) (*options, error) {
	o := new(options)
	f := flag.NewFlagSet("train", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.cells, "cells", "*", "`pattern` of the cells to measure: LOSS/THREADSt/SHAPE/SIZE or a beginning of it, * and ? as in file names")
	f.IntVar(&o.steps, "steps", 5, "timed steps of each side")
	f.DurationVar(&o.budget, "budget", 0, "begin no cell after this `duration`; run again to go on (default no limit)")
	f.StringVar(&o.cache, "cache", ".cache", "`folder` for results")
	f.StringVar(&o.python, "python", "/usr/bin/python3", "the Python `program` that has torch")
	f.StringVar(&o.update, "update", "", "write the table into this Markdown `file`, too")
	f.BoolVar(&o.again, "again", false, "measure the chosen cells even if they have been")
	f.BoolVar(&o.table, "table", false, "print the table of what has been measured and stop")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if o.steps < 1 {
		return nil, errors.New("--steps must be above 0")
	}
	if _, err := path.Match(o.cells, ""); err != nil {
		return nil, fmt.Errorf("--cells %q: %w", o.cells, err)
	}
	return o, nil
}

// matches says that a cell is chosen: the pattern matches as many parts of its
// name as it has.
func (o *options) matches(c cell) bool {
	parts := strings.Split(c.id(), "/")
	n := min(len(parts), strings.Count(o.cells, "/")+1)
	ok, _ := path.Match(o.cells, strings.Join(parts[:n], "/")) // the pattern was checked
	return ok
}

// errBudget ends a run whose time is over.
var errBudget = errors.New("the time budget is used up")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	exe, build, err := self()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.cache, 0o755); err != nil {
		return err
	}
	results, err := openResults(filepath.Join(o.cache, "train.json"), build)
	if err != nil {
		return err
	}
	r := &runner{exe: exe, python: o.python, steps: o.steps, results: results, log: stderr}
	if o.budget > 0 {
		r.deadline = time.Now().Add(o.budget)
	}
	if !o.table {
		err = r.measure(ctx, o)
	}
	if err != nil && !errors.Is(err, errBudget) && ctx.Err() == nil {
		return err
	}
	text := table(results)
	if o.update != "" {
		if err := splice(o.update, text); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(stdout, text); err != nil {
		return err
	}
	if err != nil {
		fmt.Fprintf(stderr, "%v; run again to go on\n", err)
	}
	return ctx.Err()
}
