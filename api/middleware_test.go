package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

func TestRequestID(t *testing.T) {
	s := newTestServer(t, Options{})
	for _, sane := range []string{"a", "4bf92f35-77b3:1.x_y"} {
		if got := do(s, "GET", "/healthz", "", "X-Request-Id", sane).Header().Get("X-Request-Id"); got != sane {
			t.Errorf("%q became %q", sane, got)
		}
	}
	seen := map[string]bool{}
	for _, odd := range []string{"", "a b", "x\ny", strings.Repeat("x", 200), "<script>"} {
		got := do(s, "GET", "/healthz", "", "X-Request-Id", odd).Header().Get("X-Request-Id")
		if len(got) != 24 || seen[got] {
			t.Errorf("%q became %q", odd, got)
		}
		seen[got] = true
	}
}

func TestAPIKey(t *testing.T) {
	s := newTestServer(t, Options{APIKey: "open sesame"})
	tests := []struct {
		name   string
		header []string
		ok     bool
	}{
		{"none", nil, false},
		{"bearer", []string{"Authorization", "Bearer open sesame"}, true},
		{"lower case", []string{"Authorization", "bearer open sesame"}, true},
		{"header", []string{"X-Api-Key", "open sesame"}, true},
		{"wrong", []string{"Authorization", "Bearer open"}, false},
		{"wrong scheme", []string{"Authorization", "Basic open sesame"}, false},
		{"no scheme", []string{"Authorization", "open sesame"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range s.routes() {
				path := strings.NewReplacer("{collection}", "demo", "{id...}", "x", "{model...}", "fake-model").Replace(r.path)
				w := do(s, r.method, path, "", tt.header...)
				if denied := w.Code == 401; denied != (!tt.ok && !r.public) {
					t.Errorf("%s %s: %d", r.method, r.path, w.Code)
				}
				if w.Code == 401 && (w.Header().Get("WWW-Authenticate") != "Bearer" || strings.Contains(w.Body.String(), "sesame")) {
					t.Errorf("%s %s: %v %s", r.method, r.path, w.Header(), w.Body)
				}
			}
		})
	}
}

func TestOrigins(t *testing.T) {
	s := newTestServer(t, Options{Origins: []string{"https://good.example"}})
	tests := []struct {
		method, origin, site string
		status               int
	}{
		{"POST", "", "", 200},
		{"POST", "https://good.example", "cross-site", 200},
		{"POST", "https://evil.example", "cross-site", 403},
		{"POST", "https://evil.example", "", 403},
		{"POST", "", "same-origin", 200},
		{"GET", "https://evil.example", "cross-site", 200},
	}
	for _, tt := range tests {
		path, body := "/search?q=a&collection=demo", ""
		if tt.method == "POST" {
			path, body = "/search", demoSearch
		}
		w := do(s, tt.method, path, body, "Origin", tt.origin, "Sec-Fetch-Site", tt.site)
		if w.Code != tt.status {
			t.Errorf("%+v: %d %s", tt, w.Code, w.Body)
		}
		allowed := w.Header().Get("Access-Control-Allow-Origin")
		if want := tt.origin == "https://good.example"; want != (allowed == tt.origin && allowed != "") {
			t.Errorf("%+v: allowed origin %q", tt, allowed)
		}
	}
	w := do(s, "OPTIONS", "/search", "", "Origin", "https://good.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
	if w.Code != 204 || w.Header().Get("Access-Control-Allow-Headers") != "content-type" {
		t.Errorf("preflight: %d %v", w.Code, w.Header())
	}
}

// TestAdmission fills every permit and sees the next request turned away.
func TestAdmission(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	block := func() { entered <- struct{}{}; <-release }
	x := newTestIndex(t, "demo")
	x.onSearch = func(context.Context) error { block(); return nil }
	x.onUpsert = func(context.Context, int) error { block(); return nil }
	e := &fakeEmbedder{dims: 4, onEncode: func(context.Context, []string) error { block(); return nil }}
	s := newTestServer(t, Options{Index: x, Embedder: e, Limits: Limits{Searches: 2, Writers: 1}})

	var wg sync.WaitGroup
	start := func(method, path, body string) {
		wg.Go(func() {
			if w := do(s, method, path, body); w.Code != 200 {
				t.Errorf("admitted %s: %d %s", path, w.Code, w.Body)
			}
		})
		<-entered
	}
	start("POST", "/search", demoSearch)
	start("POST", "/embed", `{"inputs":"a"}`)
	start("PUT", "/collections/demo/documents", `{"id":"a","text":"t"}`)
	for _, r := range [][3]string{
		{"POST", "/search", demoSearch},
		{"GET", "/search?q=a&collection=demo", ""},
		{"POST", "/embed", `{"inputs":"a"}`},
		{"POST", "/v1/embeddings", `{"input":"a"}`},
		{"PUT", "/collections/demo/documents", `{"id":"a","text":"t"}`},
	} {
		w := do(s, r[0], r[1], r[2])
		if w.Code != 429 || w.Header().Get("Retry-After") != "1" {
			t.Errorf("%s %s beyond the limit: %d %s", r[0], r[1], w.Code, w.Body)
		}
	}
	wantStatus(t, do(s, "GET", "/collections/demo", ""), 200) // cheap requests go on
	close(release)
	wg.Wait()
	go func() { <-entered }()
	wantStatus(t, do(s, "POST", "/search", demoSearch), 200)
	metrics := do(s, "GET", "/metrics", "").Body.String()
	for _, want := range []string{`semdex_rejected_total{work="embed"} 2`, `semdex_rejected_total{work="search"} 2`, `semdex_rejected_total{work="write"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

// logLines collects what a server logs.
type logLines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logLines) last(t *testing.T) map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(l.buf.String()), "\n")
	var line map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &line); err != nil {
		t.Fatalf("%v in %q", err, lines)
	}
	return line
}

func TestAccessLog(t *testing.T) {
	var lines logLines
	x := newTestIndex(t, "demo")
	s := newTestServer(t, Options{Index: x, APIKey: "sesame", Log: slog.New(slog.NewJSONHandler(&lines, nil))})
	key := []string{"X-Api-Key", "sesame", "X-Request-Id", "id-1"}

	do(s, "GET", "/search?q=private+words&collection=demo", "", key...)
	got := lines.last(t)
	for name, want := range map[string]any{"msg": "request", "level": "INFO", "method": "GET", "path": "/search", "status": 200.0, "request_id": "id-1", "remote_ip": "192.0.2.1"} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
	x.onSearch = func(context.Context) error { return fmt.Errorf("the disk is on fire") }
	do(s, "POST", "/search", demoSearch, key...)
	got = lines.last(t)
	for name, want := range map[string]any{"level": "ERROR", "status": 500.0, "error": "internal", "cause": "the disk is on fire"} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
	do(s, "GET", "/healthz", "")
	if got = lines.last(t); got["path"] != "/search" {
		t.Errorf("a probe is logged: %v", got)
	}
	if all := lines.buf.String(); strings.Contains(all, "private") || strings.Contains(all, "sesame") {
		t.Errorf("the log tells too much: %s", all)
	}
}

// TestClientGone hangs up while a search runs: the search sees it, and the log
// says so.
func TestClientGone(t *testing.T) {
	var lines logLines
	ctx, hangUp := context.WithCancel(t.Context())
	x := newTestIndex(t, "demo")
	x.onSearch = func(ctx context.Context) error {
		hangUp()
		<-ctx.Done()
		return ctx.Err()
	}
	s := newTestServer(t, Options{Index: x, Log: slog.New(slog.NewJSONHandler(&lines, nil))})
	r := httptest.NewRequestWithContext(ctx, "POST", "/search", strings.NewReader(demoSearch))
	s.Handler().ServeHTTP(httptest.NewRecorder(), r)
	if got := lines.last(t); got["status"] != 499.0 || got["error"] != "client_gone" || got["level"] != "INFO" {
		t.Errorf("logged %v", got)
	}
}

func TestTimeout(t *testing.T) {
	x := newTestIndex(t, "demo")
	x.onSearch = func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	s := newTestServer(t, Options{Index: x, Limits: Limits{Timeout: 1e6}})
	w := do(s, "POST", "/search", demoSearch)
	wantStatus(t, w, 503)
	if !strings.Contains(w.Body.String(), `"timeout"`) || w.Header().Get("Retry-After") == "" {
		t.Errorf("answer %s", w.Body)
	}
}

func TestPanic(t *testing.T) {
	var lines logLines
	x := newTestIndex(t, "demo")
	x.onSearch = func(context.Context) error { panic("secret detail") }
	s := newTestServer(t, Options{Index: x, Limits: Limits{Searches: 1}, Log: slog.New(slog.NewJSONHandler(&lines, nil))})
	for range 2 { // the permit comes back
		w := do(s, "POST", "/search", demoSearch)
		wantStatus(t, w, 500)
		if strings.Contains(w.Body.String(), "secret") {
			t.Errorf("answer %s", w.Body)
		}
	}
	if all := lines.buf.String(); !strings.Contains(all, "secret detail") || !strings.Contains(all, "middleware_test.go") {
		t.Errorf("no panic with its stack in the log: %s", all)
	}
}

func TestServerRoutes(t *testing.T) {
	s := newTestServer(t, Options{Version: Version{Version: "1.2.3", Commit: "abc"}})
	var version struct {
		Version, Commit, Go string
		Model               Model
	}
	if err := json.Unmarshal(do(s, "GET", "/version", "").Body.Bytes(), &version); err != nil {
		t.Fatal(err)
	}
	if version.Version != "1.2.3" || version.Commit != "abc" || !strings.HasPrefix(version.Go, "go1") || version.Model.Name != "fake-model" {
		t.Errorf("version %+v", version)
	}
	do(s, "PUT", "/collections/demo/documents", `[{"id":"a","text":"t"},{"id":"b","text":"t"}]`)
	do(s, "GET", "/nowhere", "")
	w := do(s, "GET", "/metrics", "")
	for _, want := range []string{
		`semdex_build_info{version="1.2.3"} 1`,
		`semdex_http_requests_total{method="PUT",route="/collections/{collection}/documents",status="200"} 1`,
		`semdex_http_requests_total{method="any",route="none",status="404"} 1`,
		`semdex_http_request_duration_seconds_count{method="PUT",route="/collections/{collection}/documents"} 1`,
		`semdex_documents_total{result="created"} 2`,
		`semdex_http_requests_in_flight 1`,
	} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("no line %s in the metrics", want)
		}
	}
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	response, err := http.Head(server.URL + "/version")
	if err != nil || response.StatusCode != 200 || response.ContentLength <= 0 {
		t.Errorf("HEAD: %+v, %v", response, err)
	}
}

// TestConcurrentUse mixes every kind of request; the race detector watches.
func TestConcurrentUse(t *testing.T) {
	s := newTestServer(t, Options{})
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	send := func(method, path, body string) {
		r, err := http.NewRequest(method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		response, err := server.Client().Do(r)
		if err != nil {
			t.Error(err)
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		if response.StatusCode >= 500 || response.StatusCode == 400 {
			t.Errorf("%s %s: %d %s", method, path, response.StatusCode, text)
		}
	}
	var wg sync.WaitGroup
	for worker := range 6 {
		wg.Go(func() {
			for i := range 20 {
				id := fmt.Sprintf("%d-%d", worker, i%5)
				send("PUT", "/collections/demo/documents", fmt.Sprintf(`{"id":%q,"text":"text %d","metadata":{"n":%d}}`, id, i, i))
				send("POST", "/search", fmt.Sprintf(`{"query":"text %d","collection":"demo","filter":"n >= 0","highlight":true}`, i))
				send("POST", "/embed", `{"inputs":["a","b"]}`)
				send("GET", "/collections/demo/documents/"+id, "")
				send("DELETE", "/collections/demo/documents/"+id, "")
				send("GET", "/collections", "")
				send("GET", "/metrics", "")
			}
		})
	}
	wg.Wait()
}

func TestLocalServerAnswersToItsOwnNamesAlone(t *testing.T) {
	const key = "secret"
	for _, tt := range []struct {
		host, key string
		local     bool
		want      int
	}{
		{"127.0.0.1:8080", "", true, 200},
		{"[::1]:8080", "", true, 200},
		{"localhost:8080", "", true, 200},
		{"LOCALHOST", "", true, 200},
		{"app.localhost:8080", "", true, 200},
		{"search.example:8080", "", true, 200}, // the host of an allowed origin
		{"evil.example:8080", "", true, 403},
		{"localhost.evil.example", "", true, 403},
		{"evil.example", key, true, 200}, // a page does not have the key
		{"evil.example", "", false, 200}, // reachable by others: names are not known
	} {
		s := newTestServer(t, Options{Origins: []string{"https://search.example"}, Local: tt.local, APIKey: tt.key})
		r := httptest.NewRequest("GET", "/collections", nil)
		r.Host = tt.host
		r.Header.Set("X-Api-Key", tt.key)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%+v: %d %s", tt, w.Code, w.Body)
		}
	}
}
