package api

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"semdex/index"
)

// queuedEmbedder tells of a queue and of a wait in it.
type queuedEmbedder struct {
	*fakeEmbedder
	waited time.Duration
}

func (e queuedEmbedder) Encode(ctx context.Context, texts []string, o EncodeOptions) (Encoding, error) {
	encoding, err := e.fakeEmbedder.Encode(ctx, texts, o)
	encoding.Waited = e.waited
	return encoding, err
}

func (queuedEmbedder) QueueStats() []QueueStats {
	return []QueueStats{
		{Class: "interactive", Waiting: 3, Refused: 4, Dropped: 5, Batches: 2, Sequences: 6, Tokens: 100, Wait: 1500 * time.Millisecond, Run: time.Second},
		{Class: "bulk"},
	}
}

func TestQueueMetrics(t *testing.T) {
	s := newTestServer(t, Options{Embedder: queuedEmbedder{&fakeEmbedder{dims: 4}, 0}})
	got := do(s, "GET", "/metrics", "").Body.String()
	for _, want := range []string{
		"# TYPE te_queue_size gauge",
		`te_queue_size{class="interactive"} 3`,
		`te_queue_size{class="bulk"} 0`,
		`te_batch_next_size_sum{class="interactive"} 6`,
		`te_batch_next_size_count{class="interactive"} 2`,
		`te_batch_next_tokens_sum{class="interactive"} 100`,
		`te_request_queue_duration_sum{class="interactive"} 1.5`,
		`te_request_queue_duration_count{class="interactive"} 6`,
		`semdex_batch_duration_seconds_sum{class="interactive"} 1`,
		`semdex_queue_refused_total{class="interactive"} 4`,
		`semdex_queue_dropped_total{class="interactive"} 5`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no line %s in the metrics", want)
		}
	}
	without := do(newTestServer(t, Options{}), "GET", "/metrics", "").Body.String()
	if strings.Contains(without, "te_queue_size") {
		t.Error("an embedder without a queue has metrics of one")
	}
}

func TestQueueTime(t *testing.T) {
	s := newTestServer(t, Options{Embedder: queuedEmbedder{&fakeEmbedder{dims: 4}, 1234 * time.Millisecond}})
	w := do(s, "POST", "/embed", `{"inputs":"a"}`)
	wantStatus(t, w, 200)
	if h := w.Header(); h.Get("X-Queue-Time") != "1234" || h.Get("X-Inference-Time") != "0" {
		t.Errorf("headers %v", h)
	}
}

// TestEncoderBusy: what a full queue means to each route.
func TestEncoderBusy(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		kind   string
		tei    string
	}{
		{ErrEncoderBusy, 429, "overloaded", "Overloaded"},
		{ErrEncoderClosed, 503, "unavailable", "Unhealthy"},
	} {
		err := fmt.Errorf("2048 texts wait: %w", c.err)
		x := newTestIndex(t, "demo")
		x.onSearch = func(context.Context) error { return fmt.Errorf("%w: %w", index.ErrEncoder, err) }
		e := &fakeEmbedder{dims: 4, onEncode: func(context.Context, []string) error { return err }}
		s := newTestServer(t, Options{Index: x, Embedder: e})
		for _, r := range []struct{ path, body, kind string }{
			{"/embed", `{"inputs":"a"}`, c.tei},
			{"/v1/embeddings", `{"input":"a"}`, c.kind},
			{"/search", demoSearch, c.kind},
		} {
			w := do(s, "POST", r.path, r.body)
			if w.Code != c.status || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), `"`+r.kind+`"`) {
				t.Errorf("%s: %d %v %s", r.path, w.Code, w.Header(), w.Body)
			}
		}
	}
}
