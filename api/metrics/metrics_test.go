package metrics

import (
	"strings"
	"sync"
	"testing"
)

func TestExposition(t *testing.T) {
	var r Registry
	requests := r.Counters("requests_total", "Requests by route.", "route", "status")
	r.Gauge("build_info", "A \\ and a\nnewline.", func() float64 { return 1 }, "version", `v"1"`)
	took := r.Histograms("took_seconds", "Durations.", []float64{0.1, 1}, "route")

	r.ReadGauges("waiting", "Callers.", func(emit Emit) { emit(3, "x"); emit(0, "y") }, "class")
	r.ReadCounters("refused_total", "Refusals.", func(emit Emit) { emit(7) })
	r.ReadSummaries("batch", "Batches.", func(emit EmitSummary) { emit(2.5, 4, "x") }, "class")

	requests.Add(2, "/search", "200")
	requests.Add(1, "/embed", "429")
	took.Observe(0.1, "/search") // a bound belongs to its bucket
	took.Observe(0.5, "/search")
	took.Observe(3, "/search")

	const want = `# HELP requests_total Requests by route.
# TYPE requests_total counter
requests_total{route="/embed",status="429"} 1
requests_total{route="/search",status="200"} 2
# HELP build_info A \\ and a\nnewline.
# TYPE build_info gauge
build_info{version="v\"1\""} 1
# HELP took_seconds Durations.
# TYPE took_seconds histogram
took_seconds_bucket{route="/search",le="0.1"} 1
took_seconds_bucket{route="/search",le="1"} 2
took_seconds_bucket{route="/search",le="+Inf"} 3
took_seconds_sum{route="/search"} 3.6
took_seconds_count{route="/search"} 3
# HELP waiting Callers.
# TYPE waiting gauge
waiting{class="x"} 3
waiting{class="y"} 0
# HELP refused_total Refusals.
# TYPE refused_total counter
refused_total 7
# HELP batch Batches.
# TYPE batch summary
batch_sum{class="x"} 2.5
batch_count{class="x"} 4
`
	var got strings.Builder
	n, err := r.WriteTo(&got)
	if err != nil || n != int64(got.Len()) {
		t.Fatalf("WriteTo = %d, %v; wrote %d bytes", n, err, got.Len())
	}
	if got.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
	}
}

func TestConcurrentUse(t *testing.T) {
	var r Registry
	c := r.Counters("c_total", "c", "l")
	h := r.Histograms("h", "h", []float64{1})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				c.Add(1, "x")
				h.Observe(0.5)
				_, _ = r.WriteTo(&strings.Builder{})
			}
		})
	}
	wg.Wait()
	var out strings.Builder
	_, _ = r.WriteTo(&out)
	for _, want := range []string{`c_total{l="x"} 8000`, "h_sum 4000", "h_count 8000"} {
		if !strings.Contains(out.String(), want+"\n") {
			t.Errorf("no line %q in\n%s", want, out.String())
		}
	}
}
