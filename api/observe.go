package api

import (
	"runtime"
	rtmetrics "runtime/metrics"
	"strconv"
	"sync/atomic"
	"time"

	"semdex/api/metrics"
	"semdex/index"
)

// serverMetrics are what GET /metrics tells.
type serverMetrics struct {
	registry  metrics.Registry
	inFlight  atomic.Int64
	requests  metrics.Counters   // by method, route, status
	durations metrics.Histograms // by method, route
	rejected  metrics.Counters   // by kind of work
	texts     metrics.Counters
	tokens    metrics.Counters
	degraded  metrics.Counters
	questions metrics.Counters // by what the answer cache had

	pairs, pairTokens metrics.Counters // judged for clients

	documents metrics.Counters // by what happened to them
	deleted   metrics.Counters
}

func newServerMetrics(version string) *serverMetrics {
	m := new(serverMetrics)
	r := &m.registry
	r.Gauge("semdex_build_info", "The version that runs.", func() float64 { return 1 }, "version", version)
	m.requests = r.Counters("semdex_http_requests_total", "Requests answered.", "method", "route", "status")
	m.durations = r.Histograms("semdex_http_request_duration_seconds", "Time from a request's head to the end of its answer.",
		[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}, "method", "route")
	r.Gauge("semdex_http_requests_in_flight", "Requests being answered.", func() float64 { return float64(m.inFlight.Load()) })
	m.rejected = r.Counters("semdex_rejected_total", "Requests turned away because too many were in flight.", "work")
	m.texts = r.Counters("semdex_embed_texts_total", "Texts embedded for clients.")
	m.tokens = r.Counters("semdex_embed_tokens_total", "Tokens read while embedding texts for clients.")
	m.pairs = r.Counters("semdex_predict_inputs_total", "Texts and pairs judged for clients.")
	m.pairTokens = r.Counters("semdex_predict_tokens_total", "Tokens read while judging texts and pairs for clients.")
	m.degraded = r.Counters("semdex_search_degraded_total", "Hybrid searches answered from keywords alone.")
	m.documents = r.Counters("semdex_documents_total", "Documents stored, by what happened to them.", "result")
	m.deleted = r.Counters("semdex_documents_deleted_total", "Documents deleted.")
	r.Gauge("go_goroutines", "Goroutines.", func() float64 { return float64(runtime.NumGoroutine()) })
	r.Gauge("go_heap_objects_bytes", "Bytes of heap objects.", heapBytes)
	return m
}

// reembeddings tells how much of the work that x.Reembeddings lists is left.
func (m *serverMetrics) reembeddings(x Index) {
	m.registry.Gauge("semdex_reembed_documents_left", "Documents still to be embedded with the server's model.", func() float64 {
		left := 0
		for _, r := range x.Reembeddings() {
			left += max(0, r.Documents-r.Done)
		}
		return float64(left)
	})
	m.registry.Gauge("semdex_reembed_failed", "Collections whose embedding with the server's model has stopped with an error.", func() float64 {
		failed := 0
		for _, r := range x.Reembeddings() {
			if r.Failed != "" {
				failed++
			}
		}
		return float64(failed)
	})
}

func heapBytes() float64 {
	sample := []rtmetrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	rtmetrics.Read(sample)
	return float64(sample[0].Value.Uint64())
}

// request counts an answered request; r is nil for a path without a route.
func (m *serverMetrics) request(r *route, method string, status int, took time.Duration) {
	name := "none"
	if r != nil {
		name = r.path
	} else {
		method = "any" // a client may invent as many methods as it likes
	}
	m.requests.Add(1, method, name, strconv.Itoa(status))
	m.durations.Observe(took.Seconds(), method, name)
}

// stored counts documents that were put.
func (m *serverMetrics) stored(p index.Progress) {
	m.documents.Add(uint64(p.Created), "created")
	m.documents.Add(uint64(p.Updated), "updated")
	m.documents.Add(uint64(p.Unchanged), "unchanged")
}
