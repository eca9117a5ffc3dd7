package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"semdex/internal/evalsuite"
	"semdex/internal/kernel"
	"semdex/internal/progress"
	"semdex/nli"
	"semdex/nli/devset"
	"semdex/nli/pairs"
)

// similarity measures encoders on pairs with people's scores.
func (r *suiteRun) similarity(ctx context.Context, set *evalsuite.Set) ([]evalsuite.Results, error) {
	list, err := nli.ReadSTS(set.Path)
	if err != nil {
		return nil, err
	}
	out := evalsuite.Results{Set: set.Name, Kind: set.Kind, Items: len(list)}
	digest := evalsuite.NewDigest()
	for _, p := range list {
		digest.Add(p.A, p.B, exact(p.Score))
		out.Gold = append(out.Gold, p.Score)
	}
	out.Digest = digest.String()
	overlap, err := nli.EvalOverlap(list, nli.Words)
	if err != nil {
		return nil, err
	}
	out.Rows = []evalsuite.Row{baseline("word overlap", correlations(overlap.Spearman, overlap.Pearson)...)}
	for _, e := range r.encoders {
		rows, err := r.similarityRows(ctx, e, set.Name, list)
		if err != nil {
			return nil, err
		}
		out.Rows = append(out.Rows, rows...)
	}
	return []evalsuite.Results{out}, nil
}

// similarityRows gives a row for every width.
func (r *suiteRun) similarityRows(ctx context.Context, e suiteEncoder, name string, list []nli.Scored) ([]evalsuite.Row, error) {
	encode, stop := r.counting(e, name, 2*len(list))
	defer stop()
	vectors := make(map[string][]float32, 2*len(list))
	recording := nli.EncoderFunc(func(ctx context.Context, texts []string) ([][]float32, error) {
		v, err := encode(ctx, texts)
		for i, x := range v {
			vectors[texts[i]] = x
		}
		return v, err
	})
	scores, err := nli.EvalSTS(ctx, recording, list, r.widths(e)...)
	if err != nil {
		return nil, err
	}
	var rows []evalsuite.Row
	for _, s := range scores {
		row := evalsuite.Row{By: e.label, System: width(s.Dims, e.Dims())}
		cosines := make([]float64, len(list))
		for i, p := range list {
			cosines[i] = nli.Cosine(vectors[p.A][:s.Dims], vectors[p.B][:s.Dims])
		}
		row.Keep("cosine", cosines)
		row.Add("Spearman", s.Spearman, evalsuite.Spearman, "cosine")
		row.Add("Pearson", s.Pearson, evalsuite.Pearson, "cosine")
		rows = append(rows, row)
	}
	return rows, nil
}

// parallel measures how often translations find each other.
func (r *suiteRun) parallel(ctx context.Context, set *evalsuite.Set) ([]evalsuite.Results, error) {
	texts, err := readParallelLines(set.Path, set.Translation)
	if err != nil {
		return nil, err
	}
	texts.Name = set.Name
	out := evalsuite.Results{Set: set.Name, Kind: set.Kind, Items: len(texts.A)}
	digest := evalsuite.NewDigest()
	digest.Add(texts.A...)
	digest.Add(texts.B...)
	out.Digest = digest.String()
	const measure = "accuracy"
	chance := 1 / float64(len(texts.A))
	out.Rows = []evalsuite.Row{baseline("chance", evalsuite.Figure{Measure: measure, Value: chance})}
	level, err := kernel.Choose(os.Getenv(kernel.EnvLevel))
	if err != nil {
		return nil, err
	}
	sets := devset.New(pairs.Dev{}, devset.Options{Level: level, Workers: r.flags.threads()})
	for _, e := range r.encoders {
		encode, stop := r.counting(e, set.Name, 2*len(texts.A))
		widths := r.widths(e)
		found, err := sets.Translations(ctx, encode, texts, widths...)
		stop()
		if err != nil {
			return nil, err
		}
		for i, list := range found {
			row := evalsuite.Row{By: e.label, System: width(widths[i], e.Dims())}
			row.Mean(measure, list)
			out.Rows = append(out.Rows, row)
		}
	}
	return []evalsuite.Results{out}, nil
}

// counting is an encoder with a bar that counts texts, until stop is called.
func (r *suiteRun) counting(e suiteEncoder, set string, total int) (encode nli.EncoderFunc, stop func()) {
	var done atomic.Int64
	bar := r.progress("encoding "+set+" by "+e.label, func() progress.State {
		return progress.State{Done: done.Load(), Total: int64(total)}
	})
	return func(ctx context.Context, texts []string) ([][]float32, error) {
		v, err := e.EncodePassages(ctx, texts)
		done.Add(int64(len(v)))
		return v, err
	}, bar.Stop
}

// threads is how many goroutines compare vectors.
func (f *suiteFlags) threads() int {
	if f.workers > 0 {
		return f.workers
	}
	return runtime.GOMAXPROCS(0)
}

// widths are the model's own and those of the suite that are below it.
func (r *suiteRun) widths(e suiteEncoder) []int {
	out := []int{e.Dims()}
	for _, d := range r.dims {
		if d < e.Dims() && !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// width names a way to use a model: "" for all its dimensions.
func width(dims, full int) string {
	if dims == full {
		return ""
	}
	return fmt.Sprintf("%d dims", dims)
}

func baseline(by string, figures ...evalsuite.Figure) evalsuite.Row {
	return evalsuite.Row{By: by, Role: evalsuite.Baseline, Figures: figures}
}

func correlations(spearman, pearson float64) []evalsuite.Figure {
	return []evalsuite.Figure{{Measure: "Spearman", Value: spearman}, {Measure: "Pearson", Value: pearson}}
}

// exact writes a number so that no two are written alike.
func exact(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// readParallelLines reads two files, plain or gzipped, whose lines translate each
// other. Lines that are empty on a side are left out.
func readParallelLines(a, b string) (set pairs.ParallelSet, err error) {
	left, err := readLines(a)
	if err != nil {
		return set, err
	}
	right, err := readLines(b)
	if err != nil {
		return set, err
	}
	if len(left) != len(right) {
		return set, fmt.Errorf("%s has %d lines, %s has %d", a, len(left), b, len(right))
	}
	for i, s := range left {
		if t := right[i]; strings.TrimSpace(s) != "" && strings.TrimSpace(t) != "" {
			set.A, set.B = append(set.A, s), append(set.B, t)
		}
	}
	if len(set.A) == 0 {
		return set, fmt.Errorf("%s and %s hold no sentences", a, b)
	}
	return set, nil
}

// readLines reads a file, or the gzipped one of that name.
func readLines(path string) ([]string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if zipped, zerr := os.Open(path + ".gz"); zerr == nil {
			f, err, path = zipped, nil, path+".gz"
		}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	var lines []string
	s := bufio.NewScanner(in)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		lines = append(lines, s.Text())
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s: line %d: %w", path, len(lines)+1, err)
	}
	return lines, nil
}
