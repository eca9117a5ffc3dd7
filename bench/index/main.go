// Command index runs semdex's vector backends and hnswlib side by side on the
// same vectors and prints a table of recall, speed, build time and memory.
// docs/performance-index.md says what is measured and how.
//
//	go run ./index                          10,000 and 100,000 vectors
//	go run ./index --sizes 1000000 --data clustered
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// serveArg makes this program semdex's side of the comparison.
const serveArg = "serve-semdex"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if len(os.Args) == 2 && os.Args[1] == serveArg {
		err = serve(ctx, os.Stdin, os.Stdout)
	} else {
		err = run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench index:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	sizes, threads []int
	data           []string
	efs            []int
	rounds         int
	queries        int
	construction   int
	cache          string
	corpora        string
	update         string
	coder          bool
}

func parseOptions(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("bench index", flag.ContinueOnError)
	f.SetOutput(stderr)
	sizes := f.String("sizes", "10000,100000", "`numbers` of vectors")
	threads := f.String("threads", "1,2", "`numbers` of threads")
	efs := f.String("ef", "10,16,24,32,48,64,96,128,192,256,400", "`numbers` of candidates of a walk")
	data := f.String("data", "clustered,wiki", "`kinds` of vectors: clustered (synthetic, 384 values), wiki (passages of Wikipedia by the built-in model)")
	f.IntVar(&o.rounds, "rounds", 3, "timed rounds of each side")
	f.IntVar(&o.queries, "queries", 1000, "queries of a round")
	f.IntVar(&o.construction, "hnswlib-ef-construction", 200, "hnswlib's candidates of an insertion")
	f.StringVar(&o.cache, "cache", ".cache/index", "`folder` for vectors and graphs")
	f.StringVar(&o.corpora, "corpora", os.Getenv("SEMDEX_CORPORA"), "`folder` of the corpora (default ../../shared/data)")
	f.StringVar(&o.update, "update", "", "write the table into this Markdown `file`, too")
	f.BoolVar(&o.coder, "coder", true, "measure the coder backend, too")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if o.corpora == "" {
		o.corpora = filepath.Join("..", "..", "shared", "data")
	}
	o.data = strings.Split(*data, ",")
	for _, list := range []struct {
		text string
		to   *[]int
	}{{*sizes, &o.sizes}, {*threads, &o.threads}, {*efs, &o.efs}} {
		for part := range strings.SplitSeq(list.text, ",") {
			n, err := strconv.Atoi(part)
			if err != nil || n < 1 {
				return nil, fmt.Errorf("%q is no number above 0", part)
			}
			*list.to = append(*list.to, n)
		}
	}
	if f.NArg() > 0 || o.rounds < 1 || o.queries < 100 {
		return nil, errors.New("unexpected argument, no rounds or fewer than 100 queries")
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.cache, 0o755); err != nil {
		return err
	}
	driver, err := compileDriver(ctx, o.cache)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	r := &report{}
	for _, kind := range o.data {
		for _, size := range o.sizes {
			set, err := prepare(ctx, o, kind, size, stderr)
			if err != nil {
				return fmt.Errorf("%s %d: %w", kind, size, err)
			}
			for _, threads := range o.threads {
				start := time.Now()
				cell, err := measure(ctx, o, set, self, driver, threads)
				if err != nil {
					return fmt.Errorf("%s %d, %d threads: %w", kind, size, threads, err)
				}
				fmt.Fprintf(stderr, "%s %d, %d threads: %v\n%s", kind, size, threads, time.Since(start).Round(time.Second), cell)
				r.cells = append(r.cells, cell)
			}
		}
	}
	table := r.String()
	if _, err := io.WriteString(stdout, table); err != nil {
		return err
	}
	if o.update != "" {
		return splice(o.update, table)
	}
	return nil
}

// compileDriver builds hnswlib's side.
func compileDriver(ctx context.Context, cache string) (string, error) {
	driver, err := filepath.Abs(filepath.Join(cache, "hnswlib-driver"))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "g++", "-O3", "-march=native", "-DNDEBUG", "-std=c++17", "-pthread", "-o", driver, filepath.Join("index", "hnswlib", "driver.cpp"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile the hnswlib driver (Debian: g++, libhnswlib-dev): %w\n%s", err, out)
	}
	return driver, nil
}
