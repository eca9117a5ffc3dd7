package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"semdex/index"
)

// signalHandler sends on a channel when a message with this text is logged.
type signalHandler struct {
	slog.Handler
	text string
	seen chan struct{}
}

func (h signalHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h signalHandler) Handle(_ context.Context, r slog.Record) error {
	if r.Message == h.text {
		h.seen <- struct{}{}
	}
	return nil
}

// running is a Server under Run.
type running struct {
	*Server
	url      string
	stop     context.CancelFunc
	draining chan struct{} // one signal, when it has begun to drain
	done     chan error    // what Run returned
}

func run(t *testing.T, o Options) *running {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &running{url: "http://" + l.Addr().String(), draining: make(chan struct{}, 1), done: make(chan error, 1)}
	o.Log = slog.New(signalHandler{slog.DiscardHandler, "shutting down", r.draining})
	r.Server = newTestServer(t, o)
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() { r.done <- r.Run(ctx, l) }()
	t.Cleanup(stop)
	return r
}

type answer struct {
	status int
	body   string
	err    error
}

func (r *running) send(method, path string, body io.Reader) chan answer {
	out := make(chan answer, 1)
	go func() {
		request, err := http.NewRequest(method, r.url+path, body)
		if err != nil {
			out <- answer{err: err}
			return
		}
		request.Header.Set("Content-Type", "application/x-ndjson")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			out <- answer{err: err}
			return
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		out <- answer{response.StatusCode, string(text), err}
	}()
	return out
}

const demoSearch = `{"query":"a","collection":"demo"}`

func TestRunDrains(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	x := newTestIndex(t, "demo")
	x.onSearch = func(context.Context) error {
		entered <- struct{}{}
		<-release
		return nil
	}
	r := run(t, Options{Index: x})
	search := r.send("POST", "/search", strings.NewReader(demoSearch))
	<-entered
	r.stop()
	<-r.draining
	if w := do(r.Server, "GET", "/readyz", ""); w.Code != 503 || !strings.Contains(w.Body.String(), "draining") {
		t.Errorf("/readyz while draining: %d %s", w.Code, w.Body)
	}
	if w := do(r.Server, "GET", "/healthz", ""); w.Code != 200 {
		t.Errorf("/healthz while draining: %d", w.Code)
	}
	select {
	case err := <-r.done:
		t.Fatalf("Run returned (%v) with a request in flight", err)
	default:
	}
	close(release)
	if a := <-search; a.status != 200 || a.err != nil {
		t.Errorf("the request in flight got %+v", a)
	}
	if err := <-r.done; err != nil {
		t.Errorf("Run: %v", err)
	}
	if a := <-r.send("GET", "/healthz", nil); a.err == nil {
		t.Errorf("a request after Run got %+v", a)
	}
}

func TestRunCancelsWhatOutlastsTheDrain(t *testing.T) {
	entered := make(chan struct{})
	x := newTestIndex(t, "demo")
	x.onSearch = func(ctx context.Context) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	}
	r := run(t, Options{Index: x, Limits: Limits{Drain: 1}})
	search := r.send("POST", "/search", strings.NewReader(demoSearch))
	<-entered
	r.stop()
	if a := <-search; a.status != 503 || !strings.Contains(a.body, `"shutting_down"`) {
		t.Errorf("the request in flight got %+v", a)
	}
	if err := <-r.done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// TestRunStopsStreams shuts down in the middle of a stream of documents: the
// answer says what is stored, and sending all again stores the rest only.
func TestRunStopsStreams(t *testing.T) {
	stored := make(chan struct{}, 10)
	x := newTestIndex(t, "demo")
	x.afterUpsert = func() { stored <- struct{}{} }
	r := run(t, Options{Index: x, Limits: Limits{Drain: 1}})
	body, w := io.Pipe()
	put := r.send("PUT", "/collections/demo/documents", body)
	for i := range 300 {
		if _, err := fmt.Fprintf(w, `{"id":"%d","text":"text %d"}`+"\n", i, i); err != nil {
			t.Fatal(err)
		}
	}
	// The reader's buffers may hold the documents back, more of them will not.
	pad := strings.Repeat(" ", 4<<10) + "\n"
	for waiting := true; waiting; {
		select {
		case <-stored:
			waiting = false
		default:
			_, _ = io.WriteString(w, pad)
		}
	}
	r.stop()
	a := <-put
	_ = w.Close()
	var got struct {
		Error  Error
		Stored Stored
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatalf("%+v: %v (%v)", a, err, a.err)
	}
	if a.status != 503 || got.Error.Type != "shutting_down" || got.Stored.Documents != 256 || got.Stored.Created != 256 {
		t.Errorf("the stream got %d %s", a.status, a.body)
	}
	if err := <-r.done; err != nil {
		t.Errorf("Run: %v", err)
	}
	info, err := x.Info(t.Context(), "demo")
	if err != nil || info.Documents != got.Stored.Documents {
		t.Errorf("%d documents are stored (%v), the answer said %d", info.Documents, err, got.Stored.Documents)
	}
}

func TestReadiness(t *testing.T) {
	release := make(chan struct{})
	r := run(t, Options{Warm: func(context.Context) error { <-release; return nil }})
	if a := <-r.send("GET", "/readyz", nil); a.status != 503 || !strings.Contains(a.body, "starting") {
		t.Errorf("before: %+v", a)
	}
	close(release)
	for {
		a := <-r.send("GET", "/readyz", nil)
		if a.status == 200 && strings.Contains(a.body, "ready") {
			break
		}
		if a.status != 503 {
			t.Fatalf("after: %+v", a)
		}
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestRunReturnsTheWarmUpsError(t *testing.T) {
	cold := errors.New("cold")
	r := run(t, Options{Warm: func(context.Context) error { return cold }})
	if err := <-r.done; !errors.Is(err, cold) {
		t.Errorf("Run: %v, want %v", err, cold)
	}
}

func TestRunReturnsTheListenersError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	s := newTestServer(t, Options{})
	if err := s.Run(t.Context(), l); err == nil {
		t.Error("Run on a closed listener returned nil")
	}
}

// TestSilentBody cuts off a client that announces a body and does not send it.
func TestSilentBody(t *testing.T) {
	r := run(t, Options{Limits: Limits{Idle: 1e6}}) // a millisecond
	for _, request := range []string{"POST /search", "PUT /collections/demo/documents"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", request)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != 408 || !strings.Contains(string(body), "body_timeout") {
			t.Errorf("%s: %d %s", request, response.StatusCode, body)
		}
		_ = response.Body.Close()
		_ = conn.Close()
	}
}

// TestKeepAlive sends many requests over one connection, so that no deadline
// of one request hits the next.
func TestKeepAlive(t *testing.T) {
	r := run(t, Options{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for i := range 5 {
		for _, body := range []string{demoSearch, "{", ""} {
			fmt.Fprintf(conn, "POST /search HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			response, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
			_, _ = io.Copy(io.Discard, response.Body)
			if want := body == demoSearch; want != (response.StatusCode == 200) {
				t.Errorf("%q: %d", body, response.StatusCode)
			}
		}
	}
}

func TestNewWantsItsParts(t *testing.T) {
	if _, err := New(Options{Embedder: &fakeEmbedder{}}); err == nil {
		t.Error("New without an index")
	}
	if _, err := New(Options{Index: (*index.Service)(nil)}); err == nil {
		t.Error("New without an embedder")
	}
	if _, err := New(Options{Index: newTestIndex(t), Embedder: &fakeEmbedder{}, Origins: []string{"not an origin"}}); err == nil {
		t.Error("New with a malformed origin")
	}
}
