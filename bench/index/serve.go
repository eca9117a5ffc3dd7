package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"semdex/index/local/vector"
	"semdex/internal/kernel"
)

// server is semdex's side: the commands of hnswlib/driver.cpp, but that build
// writes a file, which open reads in another process:
//
//	build FOLDER THREADS
//	open FOLDER BACKEND
//	search EF THREADS COUNT
//	memory
type server struct {
	level   kernel.Level
	index   vector.Index
	queries [][]float32
	truth   [][]uint32
}

func serve(ctx context.Context, in io.Reader, out io.Writer) error {
	level, err := kernel.Choose(os.Getenv(kernel.EnvLevel))
	if err != nil {
		return err
	}
	s := &server{level: level}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var words [4]string
		copy(words[:], strings.Fields(lines.Text()))
		answer, err := "", error(nil)
		switch words[0] {
		case "build":
			answer, err = s.build(ctx, words[1], number(words[2]))
		case "open":
			answer, err = s.open(ctx, words[1], words[2])
		case "search":
			answer, err = s.search(ctx, number(words[1]), number(words[2]), number(words[3]))
		case "memory":
			answer = fmt.Sprintf("anon=%d file=%d", procStatus("RssAnon"), procStatus("RssFile"))
		default:
			err = fmt.Errorf("unknown command %q", words[0])
		}
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func number(s string) (n int) {
	_, _ = fmt.Sscan(s, &n)
	return n
}

// clock measures wall time and the processor time of all threads.
type clock struct {
	start time.Time
	cpu   float64
}

func processorTime() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) * 1e-9
}

func startClock() clock { return clock{time.Now(), processorTime()} }

func (c clock) String() string {
	return fmt.Sprintf("cpu=%f wall=%f", processorTime()-c.cpu, time.Since(c.start).Seconds())
}

// procStatus is a line of /proc/self/status, in bytes.
func procStatus(key string) int {
	b, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			return 1024 * number(rest)
		}
	}
	return 0
}

func (s *server) build(ctx context.Context, folder string, threads int) (string, error) {
	var rows vector.Rows
	err := readMatrix(filepath.Join(folder, baseFile), func(x []float32) {
		if rows.Dims() == 0 {
			rows = vector.NewRows(len(x))
		}
		rows.Append(x)
	})
	if err != nil {
		return "", err
	}
	runtime.GC()
	c := startClock()
	g, err := vector.Build(ctx, rows, vector.Params{Workers: threads}, s.level)
	if err != nil {
		return "", err
	}
	answer := c.String()
	f, err := os.Create(filepath.Join(folder, graphFile))
	if err != nil {
		return "", err
	}
	size, err := g.Save(f, nil)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s size=%d bytes=%d", answer, size, g.Bytes()), f.Close()
}

// open maps the graph's file, as a collection does.
func (s *server) open(ctx context.Context, folder, backend string) (string, error) {
	f, err := os.Open(filepath.Join(folder, graphFile))
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	c := startClock()
	data, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return "", err
	}
	file, err := vector.Open(data, s.level)
	if err != nil {
		return "", err
	}
	answer := c.String()
	switch backend {
	case "graph":
		s.index = file.Graph
	case "exact":
		s.index = vector.NewExact(file.Rows(), 0, file.Graph.Len(), s.level)
	case "coder":
		s.index, err = vector.NewCoder(ctx, file.Graph)
	default:
		err = fmt.Errorf("unknown backend %q", backend)
	}
	if err != nil {
		return "", err
	}
	err = readMatrix(filepath.Join(folder, queriesFile), func(x []float32) { s.queries = append(s.queries, slices.Clone(x)) })
	if err == nil {
		err = readMatrix(filepath.Join(folder, truthFile), func(x []uint32) { s.truth = append(s.truth, slices.Clone(x)) })
	}
	debug.FreeOSMemory()
	return answer, err
}

func (s *server) search(ctx context.Context, ef, threads, count int) (string, error) {
	took := make([]time.Duration, count)
	found := make([][]vector.Hit, count)
	errs := make([]error, threads)
	var next atomic.Int64
	var wg sync.WaitGroup
	c := startClock()
	for t := range threads {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= count || errs[t] != nil {
					return
				}
				start := time.Now()
				found[i], _, errs[t] = s.index.Search(ctx, vector.Query{Vector: s.queries[i%len(s.queries)], K: neighbours, EF: ef})
				took[i] = time.Since(start)
			}
		})
	}
	wg.Wait()
	answer := c.String()
	hits := 0
	for i, f := range found {
		for _, h := range f {
			if slices.Contains(s.truth[i%len(s.truth)], h.Row) {
				hits++
			}
		}
	}
	slices.Sort(took)
	for _, err := range errs {
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%s p50=%f p99=%f recall=%f", answer, took[count/2].Seconds(), took[count*99/100].Seconds(), float64(hits)/float64(count*neighbours)), nil
}
