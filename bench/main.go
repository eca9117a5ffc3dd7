// Command bench runs semdex's encoder and onnxruntime side by side on the same
// weights and token ids, checks that their vectors agree, and prints a table of
// their speeds. docs/performance.md says what is measured and how.
//
// Each side is a process of its own; they take turns. Results are kept, so a
// run that was cut short goes on where it stopped:
//
//	go run .                           every cell that is missing
//	go run . --cells A/f32,*/*/1t/1x16 some cells
//	go run . --cells B/int8 --again    some cells anew
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"semdex/embed/workload"
)

// sideArg makes this program semdex's side of the comparison.
const sideArg = "serve-semdex"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) == 2 && os.Args[1] == sideArg {
		if err := serveOurs(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "semdex:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	cells   patterns
	models  []string
	threads []int
	rounds  int
	least   time.Duration
	budget  time.Duration
	cache   string
	node    string
	update  string
	again   bool
	list    bool
	table   bool
}

func parseOptions(args []string, stderr io.Writer) (*options, error) {
	o := &options{threads: []int{1, 2}}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Func("cells", "`patterns` of cells to measure, with commas: MODEL/PRECISION/THREADSt/WORKLOAD or a beginning of it, * and ? as in file names (default all)", func(s string) (err error) {
		o.cells, err = parsePatterns(s)
		return err
	})
	f.Func("model", "another model to measure: NAME=FOLDER, or builtin; can be repeated", func(s string) error {
		o.models = append(o.models, s)
		return nil
	})
	f.Func("threads", "`numbers` of threads (default 1,2)", func(s string) error {
		o.threads = nil
		for part := range strings.SplitSeq(s, ",") {
			n, err := strconv.Atoi(part)
			if err != nil || n < 1 {
				return fmt.Errorf("%q is no number of threads", part)
			}
			o.threads = append(o.threads, n)
		}
		return nil
	})
	f.IntVar(&o.rounds, "rounds", 5, "timed rounds of each side")
	f.DurationVar(&o.least, "round-time", 150*time.Millisecond, "least `duration` of a round")
	f.DurationVar(&o.budget, "budget", 0, "begin no measurement after this `duration`; run again to go on (default no limit)")
	f.StringVar(&o.cache, "cache", ".cache", "`folder` for models and results")
	f.StringVar(&o.node, "node", "node", "the Node.js `program`")
	f.StringVar(&o.update, "update", "", "write the table into this Markdown `file`, too")
	f.BoolVar(&o.again, "again", false, "measure the chosen cells even if they have been")
	f.BoolVar(&o.list, "list", false, "list the chosen cells and stop")
	f.BoolVar(&o.table, "table", false, "print the table of what has been measured and stop")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if o.rounds < 1 || o.least < 0 {
		return nil, errors.New("--rounds must be above 0 and --round-time not below")
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	started := time.Now()
	exe, build, err := self()
	if err != nil {
		return err
	}
	dir := filepath.Join(o.cache, "models-"+build)
	if err := makeCache(o.cache, dir); err != nil {
		return err
	}
	subjects, err := o.subjects(dir, stderr)
	if err != nil {
		return err
	}
	if o.list {
		return o.listCells(subjects, stdout)
	}
	results, err := openResults(filepath.Join(o.cache, "results.json"), build)
	if err != nil {
		return err
	}
	results.Machine.describe()
	if o.again && !o.table {
		results.drop(o.cells)
	}
	r := &runner{
		commands: commands{exe: exe, node: o.node}, results: results,
		rounds: o.rounds, least: o.least, log: stderr,
	}
	if o.budget > 0 {
		r.deadline = started.Add(o.budget)
	}
	if !o.table {
		err = r.measure(ctx, o, subjects)
	}
	if err != nil && !errors.Is(err, errBudget) && ctx.Err() == nil {
		return err
	}
	table := (&report{results: results, subjects: subjects, threads: o.threads}).String()
	if o.update != "" {
		if err := splice(o.update, table); err != nil {
			return err
		}
	}
	if _, werr := io.WriteString(stdout, table); werr != nil {
		return werr
	}
	if err != nil {
		fmt.Fprintf(stderr, "%v after %v; run again to go on\n", err, time.Since(started).Round(time.Second))
	}
	return ctx.Err()
}

// measure checks that the sides agree on each subject and measures what is
// chosen and missing.
func (r *runner) measure(ctx context.Context, o *options, subjects []*subject) error {
	for _, s := range subjects {
		if _, ok := r.results.Agreement[s.name]; !ok {
			if err := r.inTime(ctx); err != nil {
				return err
			}
			a, err := agree(ctx, r.commands, s, max(1, o.threads[len(o.threads)-1]))
			if err != nil {
				return err
			}
			fmt.Fprintf(r.log, "%s: the vectors agree, f32 to %.1e\n", s.name, a.Difference)
			r.results.Agreement[s.name] = a
			if err := r.results.save(); err != nil {
				return err
			}
		}
		for _, g := range groupsOf(s, o.threads) {
			if err := r.group(ctx, g, o.cells); err != nil {
				return err
			}
		}
	}
	return nil
}

// subjects prepares the models that the chosen cells are of.
func (o *options) subjects(dir string, log io.Writer) ([]*subject, error) {
	var all []*subject
	for _, s := range workload.Shapes() {
		if !o.cells.match(s.Name) {
			continue
		}
		subject, err := randomSubject(dir, s)
		if err != nil {
			return nil, fmt.Errorf("model %s: %w", s.Name, err)
		}
		all = append(all, subject)
	}
	for _, arg := range o.models {
		subject, err := namedSubject(dir, arg)
		if err != nil {
			return nil, err
		}
		all = append(all, subject)
	}
	if len(all) == 0 {
		return nil, errors.New("no model is chosen")
	}
	return all, nil
}

func (o *options) listCells(subjects []*subject, w io.Writer) error {
	for _, s := range subjects {
		for _, g := range groupsOf(s, o.threads) {
			for _, c := range cellsOf(g) {
				if o.cells.match(c.id()) {
					if _, err := fmt.Fprintln(w, c.id()); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// commands start the sides.
type commands struct{ exe, node string }

// ours runs semdex on no more processors than it has threads, as onnxruntime
// runs: the garbage collector does not get one of its own.
func (c commands) ours(threads int) command {
	return command{name: "semdex", args: []string{c.exe, sideArg}, env: []string{"GOMAXPROCS=" + strconv.Itoa(threads)}}
}

func (c commands) peer() command {
	return command{name: "onnxruntime", args: []string{c.node, "peer.js"}}
}

// self is this program's file and a name for what is in it.
func self() (exe, build string, err error) {
	if exe, err = os.Executable(); err != nil {
		return "", "", err
	}
	f, err := os.Open(exe)
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", "", err
	}
	return exe, fmt.Sprintf("%x", h.Sum(nil)[:6]), nil
}

// makeCache makes the folder for models and removes those of other builds.
func makeCache(cache, dir string) error {
	old, err := filepath.Glob(filepath.Join(cache, "models-*"))
	if err != nil {
		return err
	}
	for _, d := range old {
		if d != dir {
			if err := os.RemoveAll(d); err != nil {
				return err
			}
		}
	}
	return os.MkdirAll(dir, 0o755)
}

func (m *machine) describe() {
	m.Processor = workload.Processor()
	m.CPUs = runtime.NumCPU()
	m.Platform = runtime.GOOS + "/" + runtime.GOARCH
	m.Go = runtime.Version()
}
