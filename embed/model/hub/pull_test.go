package hub

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	zeroTime time.Time
	itoa     = strconv.Itoa
)

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

// options of a pull from h into a fresh cache, with waits recorded, not waited.
func options(t *testing.T, h *fakeHub, waits *[]time.Duration) Options {
	return Options{
		Config: Config{Cache: t.TempDir(), Endpoint: h.hub.URL},
		Sleep: func(_ context.Context, d time.Duration) error {
			if waits != nil {
				*waits = append(*waits, d)
			}
			return nil
		},
	}
}

// content lists the files of a folder with their content.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := make(map[string]string)
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		got[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func checkSnapshot(t *testing.T, h *fakeHub, dir string) {
	t.Helper()
	got := content(t, dir)
	want := []string{"modules.json", "config.json", "1_Pooling/config.json", "vocab.txt", "model.safetensors"}
	if len(got) != len(want) {
		t.Errorf("the snapshot has %d files, want %d", len(got), len(want))
	}
	for _, name := range want {
		if got[name] != h.files[name] {
			t.Errorf("%s differs: %d bytes, want %d", name, len(got[name]), len(h.files[name]))
		}
	}
}

func TestPull(t *testing.T) {
	h := newFakeHub(t)
	o := options(t, h, nil)
	var last Progress
	o.Progress = func(p Progress) { last = p }
	dir, err := Pull(t.Context(), h.id, o)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(o.Cache, "models--org--tiny", "snapshots", commitA); dir != want {
		t.Errorf("pulled to %s, want %s", dir, want)
	}
	checkSnapshot(t, h, dir)
	if last.Index != 5 || last.Of != 5 || last.Done != last.Total {
		t.Errorf("the last progress is %+v", last)
	}
	if runtime.GOOS != "windows" {
		link, err := os.Readlink(filepath.Join(dir, "1_Pooling", "config.json"))
		if want := "../../../blobs/" + h.etag(h.files["1_Pooling/config.json"], false); err != nil || link != want {
			t.Errorf("link %q, %v; want %q", link, err, want)
		}
	}
	if got, err := Resolve(h.id, "", Config{Cache: o.Cache, Offline: true}); got != dir || err != nil {
		t.Errorf("Resolve = %q, %v", got, err)
	}

	// Again: only the list and the headers are asked for.
	h.requests = nil
	if _, err := Pull(t.Context(), h.id, o); err != nil {
		t.Fatal(err)
	}
	if n := h.seen("GET /org/"); n != 0 {
		t.Errorf("%d files were fetched again", n)
	}

	// A new commit with one changed file fetches that file.
	h.commit, h.requests = commitB, nil
	h.files["vocab.txt"] = "[PAD]\n[UNK]\n[CLS]\n"
	dir, err = Pull(t.Context(), h.id, o)
	if err != nil {
		t.Fatal(err)
	}
	checkSnapshot(t, h, dir)
	if n := h.seen("GET /org/"); n != 1 {
		t.Errorf("%d files were fetched for one change", n)
	}
}

func TestPullWithoutSymlinks(t *testing.T) {
	h := newFakeHub(t)
	o := options(t, h, nil)
	o.symlink = func(string, string) error { return errors.New("no privilege") }
	for range 2 {
		dir, err := Pull(t.Context(), h.id, o)
		if err != nil {
			t.Fatal(err)
		}
		checkSnapshot(t, h, dir)
	}
}

func TestPullRevisionAndToken(t *testing.T) {
	h := newFakeHub(t)
	h.token = "secret"
	o := options(t, h, nil)
	o.Token, o.Revision = "secret", "refs/pr/1"
	dir, err := Pull(t.Context(), h.id, o)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Resolve(h.id, "refs/pr/1", o.Config); got != dir || err != nil {
		t.Errorf("Resolve = %q, %v", got, err)
	}
	if _, err := Resolve(h.id, "main", o.Config); !errors.Is(err, ErrNotCached) {
		t.Errorf("main was never pulled: %v", err)
	}
}

func TestPullOfflineTouchesNothing(t *testing.T) {
	h := newFakeHub(t)
	o := options(t, h, nil)
	o.Offline = true
	if _, err := Pull(t.Context(), h.id, o); !errors.Is(err, ErrOffline) {
		t.Errorf("got %v", err)
	}
	if len(h.requests) > 0 || len(content(t, o.Cache)) > 0 {
		t.Errorf("requests %q", h.requests)
	}
}

// TestPullResumes breaks the connection in the middle of the large file, several
// times, and once for good: the next pull continues where that one stopped.
func TestPullResumes(t *testing.T) {
	h := newFakeHub(t)
	var waits []time.Duration
	o := options(t, h, &waits)
	o.Attempts = 3
	breaks := 4
	h.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/model.safetensors" || breaks == 0 {
			return false
		}
		breaks--
		return breakAfter(w, r, h.files["model.safetensors"], 5000)
	}
	_, err := Pull(t.Context(), h.id, o)
	if !errors.Is(err, ErrServer) || !strings.Contains(err.Error(), "model.safetensors") || !strings.Contains(err.Error(), "after 3 attempts") {
		t.Fatalf("got %v", err)
	}
	if !slices.Equal(waits, []time.Duration{time.Second, 2 * time.Second}) {
		t.Errorf("waits %v", waits)
	}
	if _, err := Resolve(h.id, "", o.Config); !errors.Is(err, ErrNotCached) {
		t.Errorf("half a model resolves: %v", err)
	}
	dir, err := Pull(t.Context(), h.id, o)
	if err != nil {
		t.Fatal(err)
	}
	checkSnapshot(t, h, dir)
	for _, want := range []string{"bytes=5000-", "bytes=10000-", "bytes=15000-", "bytes=20000-"} {
		if h.seen("GET /model.safetensors "+want) != 1 {
			t.Errorf("no request for %s in %q", want, h.requests)
		}
	}
}

// breakAfter sends n bytes from the requested offset on and cuts the connection.
func breakAfter(w http.ResponseWriter, r *http.Request, all string, n int) bool {
	from := 0
	if rng := r.Header.Get("Range"); rng != "" {
		from = atoi(strings.TrimSuffix(strings.TrimPrefix(rng, "bytes="), "-"))
		w.Header().Set("Content-Range", "bytes "+itoa(from)+"-"+itoa(len(all)-1)+"/"+itoa(len(all)))
	}
	w.Header().Set("Content-Length", itoa(len(all)-from))
	if from > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	w.Write([]byte(all[from : from+n]))
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func TestPullServerWithoutRanges(t *testing.T) {
	h := newFakeHub(t)
	o := options(t, h, nil)
	first := true
	h.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/model.safetensors" {
			return false
		}
		if first {
			first = false
			return breakAfter(w, r, h.files["model.safetensors"], 5000)
		}
		w.Write([]byte(h.files["model.safetensors"])) // 200, whole
		return true
	}
	dir, err := Pull(t.Context(), h.id, o)
	if err != nil {
		t.Fatal(err)
	}
	checkSnapshot(t, h, dir)
}

func TestPullStalledConnection(t *testing.T) {
	h := newFakeHub(t)
	o := options(t, h, nil)
	o.Idle = 50 * time.Millisecond
	stalled := false
	h.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/model.safetensors" || stalled {
			return false
		}
		stalled = true
		w.Header().Set("Content-Length", itoa(len(h.files["model.safetensors"])))
		w.Write([]byte(h.files["model.safetensors"][:100]))
		w.(http.Flusher).Flush()
		<-r.Context().Done() // until the client gives up
		return true
	}
	dir, err := Pull(t.Context(), h.id, o)
	if err != nil {
		t.Fatal(err)
	}
	checkSnapshot(t, h, dir)
	if h.seen("GET /model.safetensors bytes=100-") != 1 {
		t.Errorf("requests %q", h.requests)
	}
}

func TestPullChecksum(t *testing.T) {
	h := newFakeHub(t)
	o := options(t, h, nil)
	bad := strings.Replace(h.files["model.safetensors"], "weights", "wrights", 1)
	h.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/model.safetensors" {
			return false
		}
		w.Write([]byte(bad))
		return true
	}
	_, err := Pull(t.Context(), h.id, o)
	if !errors.Is(err, ErrChecksum) || !strings.Contains(err.Error(), "model.safetensors") {
		t.Fatalf("got %v", err)
	}
	for name := range content(t, filepath.Join(o.Cache, "models--org--tiny", "blobs")) {
		if strings.Contains(name, ".incomplete") {
			t.Errorf("%s stays", name)
		}
	}
	// The small files are checked by git's hash.
	h.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/vocab.txt") {
			w.Write([]byte(strings.ToLower(h.files["vocab.txt"])))
			return true
		}
		return false
	}
	if _, err := Pull(t.Context(), h.id, o); !errors.Is(err, ErrChecksum) || !strings.Contains(err.Error(), "vocab.txt") {
		t.Fatalf("got %v", err)
	}
}

// TestPullBrokenPart leaves a damaged part of an earlier run: it is noticed by
// the checksum and the file is fetched whole.
func TestPullBrokenPart(t *testing.T) {
	for name, part := range map[string]string{
		"short":    strings.Repeat("x", 1000),
		"complete": strings.Repeat("x", 8*4096),
		"too long": strings.Repeat("x", 9*4096),
	} {
		t.Run(name, func(t *testing.T) {
			h := newFakeHub(t)
			o := options(t, h, nil)
			r := repo{o.Config, h.id}
			write(t, r.blob(h.etag(h.files["model.safetensors"], true))+".incomplete", part)
			dir, err := Pull(t.Context(), h.id, o)
			if err != nil {
				t.Fatal(err)
			}
			checkSnapshot(t, h, dir)
		})
	}
}

func TestPullRetries(t *testing.T) {
	h := newFakeHub(t)
	var waits []time.Duration
	o := options(t, h, &waits)
	answers := []int{http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusBadGateway}
	h.before = func(w http.ResponseWriter, r *http.Request) bool {
		if len(answers) == 0 {
			return false
		}
		if answers[0] == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "7")
		}
		w.WriteHeader(answers[0])
		answers = answers[1:]
		return true
	}
	dir, err := Pull(t.Context(), h.id, o)
	if err != nil {
		t.Fatal(err)
	}
	checkSnapshot(t, h, dir)
	if want := []time.Duration{time.Second, 7 * time.Second, 4 * time.Second}; !slices.Equal(waits, want) {
		t.Errorf("waits %v, want %v", waits, want)
	}
}

func TestPullCancelled(t *testing.T) {
	h := newFakeHub(t)
	o := options(t, h, nil)
	ctx, cancel := context.WithCancel(t.Context())
	h.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/model.safetensors" {
			cancel()
			<-r.Context().Done()
			return true
		}
		return false
	}
	if _, err := Pull(ctx, h.id, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestPullBusy(t *testing.T) {
	h := newFakeHub(t)
	o := options(t, h, nil)
	dir := filepath.Join(o.Cache, "models--org--tiny")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	unlock, err := lock(filepath.Join(dir, ".semdex.lock"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Pull(t.Context(), h.id, o); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if _, err := Pull(t.Context(), h.id, o); err != nil {
		t.Error(err)
	}
}
