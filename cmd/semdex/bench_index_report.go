package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"semdex/internal/cli"
	"semdex/internal/progress"
)

// benchIndexReport is what bench index prints. Times are in seconds but for
// those of single calls.
type benchIndexReport struct {
	Dims     int           `json:"dims"`
	Passages int           `json:"passages"` // before the searches
	Ingest   *ingestReport `json:"ingest,omitempty"`
	// Settle is how long work in the background went on behind the last write,
	// Close and Open what closing and opening took.
	Settle float64        `json:"settle_s"`
	Close  float64        `json:"close_s"`
	Open   float64        `json:"open_s"`
	Opened memory         `json:"memory_opened"`
	Disk   []diskPart     `json:"disk"`
	First  float64        `json:"first_search_ms"` // after opening
	Search []searchReport `json:"search"`
}

type ingestReport struct {
	Documents int          `json:"documents"`
	Passages  int          `json:"passages"`
	Seconds   float64      `json:"seconds"`
	Rate      float64      `json:"passages_per_s"`
	Processor float64      `json:"processor_s"` // of all threads
	Peak      memory       `json:"memory_peak"` // of each kind, while documents went in
	End       memory       `json:"memory_end"`
	Steps     []ingestStep `json:"steps"`
}

type ingestStep struct {
	Passages int     `json:"passages"` // so far
	Rate     float64 `json:"passages_per_s"`
	Memory   memory  `json:"memory"`
}

// diskPart is one kind of files.
type diskPart struct {
	Part  string `json:"part"`
	Bytes int64  `json:"bytes"`
}

// searchReport is what so many clients saw. Latencies are in milliseconds.
type searchReport struct {
	Clients  int     `json:"clients"`
	Searches int     `json:"searches"`
	Rate     float64 `json:"searches_per_s"`
	// Processor is the time of all threads in seconds, writes included.
	Processor float64 `json:"processor_s"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`
	Dense     float64 `json:"dense_p50_ms"`
	Keyword   float64 `json:"keyword_p50_ms"`
	Writes    float64 `json:"writes_per_s"`
	WriteP50  float64 `json:"write_p50_ms"`
	WriteP99  float64 `json:"write_p99_ms"`
	Peak      memory  `json:"memory_peak"`
}

// diskParts adds up the files of a data folder by what they are.
func diskParts(dir string) ([]diskPart, error) {
	parts := []diskPart{{Part: "log"}, {Part: "text"}, {Part: "graph"}, {Part: "other"}}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		i := 3
		switch {
		case strings.HasSuffix(path, ".log"):
			i = 0
		case filepath.Base(filepath.Dir(path)) == "text":
			i = 1
		case strings.HasSuffix(path, ".graph"):
			i = 2
		}
		parts[i].Bytes += info.Size()
		return nil
	})
	return parts, err
}

func (a *app) printBenchIndex(r *benchIndexReport) error {
	var tables []cli.Table
	if r.Ingest != nil {
		tables = append(tables, r.ingestTable())
	}
	tables = append(tables, r.diskTable(), r.openTable(), r.searchTable())
	for i, t := range tables {
		if i > 0 {
			if _, err := fmt.Fprintln(a.stdout); err != nil {
				return err
			}
		}
		if err := t.Write(a.stdout, a.out); err != nil {
			return err
		}
	}
	return nil
}

func (r *benchIndexReport) ingestTable() cli.Table {
	t := cli.Table{
		Header: []string{"ingest", "passages/s", "a second of a processor", "memory of its own", "resident"},
		Right:  []bool{true, true, true, true, true},
	}
	add := func(name string, rate float64, perProcessor string, m memory) {
		t.Rows = append(t.Rows, []string{name, progress.Count(int64(rate + 0.5)), perProcessor, m.own(), m.resident()})
	}
	for _, s := range r.Ingest.Steps {
		add(progress.Count(int64(s.Passages)), s.Rate, "", s.Memory)
	}
	add("all", r.Ingest.Rate, busy(r.Ingest.Passages, r.Ingest.Processor), r.Ingest.Peak)
	return t
}

func (r *benchIndexReport) diskTable() cli.Table {
	t := cli.Table{Header: []string{"disk", "bytes", "per passage"}, Right: []bool{false, true, true}}
	var sum int64
	add := func(name string, n int64) {
		t.Rows = append(t.Rows, []string{name, progress.Bytes(n), progress.Count(n / int64(max(1, r.Passages)))})
	}
	for _, d := range r.Disk {
		add(d.Part, d.Bytes)
		sum += d.Bytes
	}
	add("all", sum)
	return t
}

func (r *benchIndexReport) openTable() cli.Table {
	seconds := func(s float64) string { return strconv.FormatFloat(s, 'f', 2, 64) + " s" }
	return cli.Table{
		Header: []string{"background after the last write", "close", "open", "first search", "memory of its own", "resident"},
		Right:  []bool{true, true, true, true, true, true},
		Rows:   [][]string{{seconds(r.Settle), seconds(r.Close), seconds(r.Open), ms(r.First), r.Opened.own(), r.Opened.resident()}},
	}
}

func (r *benchIndexReport) searchTable() cli.Table {
	t := cli.Table{
		Header: []string{"clients", "searches/s", "a second of a processor", "p50", "p99", "longest", "dense p50", "keyword p50", "writes/s", "write p50", "write p99", "memory of its own", "resident"},
		Right:  slices.Repeat([]bool{true}, 13),
	}
	for _, s := range r.Search {
		t.Rows = append(t.Rows, []string{
			strconv.Itoa(s.Clients), progress.Count(int64(s.Rate + 0.5)), busy(s.Searches, s.Processor), ms(s.P50), ms(s.P99), ms(s.Max), ms(s.Dense), ms(s.Keyword),
			strconv.FormatFloat(s.Writes, 'f', 0, 64), ms(s.WriteP50), ms(s.WriteP99), s.Peak.own(), s.Peak.resident(),
		})
	}
	return t
}

// busy writes how many things a processor does in a second.
func busy(n int, seconds float64) string {
	if seconds <= 0 {
		return "-"
	}
	return progress.Count(int64(float64(n)/seconds + 0.5))
}

// ms writes milliseconds.
func ms(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) + " ms" }
