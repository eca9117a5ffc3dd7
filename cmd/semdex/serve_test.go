package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"semdex/internal/cli"
)

// serving is a server started by a command line.
type serving struct {
	url    string
	stop   context.CancelFunc
	status chan int
	log    *bytes.Buffer
}

// serve runs a command line until it says where it listens.
func serve(t *testing.T, env []string, args ...string) *serving {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &serving{stop: cancel, status: make(chan int, 1), log: &bytes.Buffer{}}
	r, w := io.Pipe()
	go func() {
		status := Run(ctx, append([]string{"serve", "--addr", "127.0.0.1:0"}, args...), nil, io.Discard, w, env)
		_ = w.Close()
		s.status <- status
	}()
	lines := bufio.NewReader(r)
	url := regexp.MustCompile(` at (http://\S+)`)
	for s.url == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the server stopped: %s%s", s.log, line)
		}
		s.log.WriteString(line)
		if m := url.FindStringSubmatch(line); m != nil {
			s.url = m[1]
		}
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	t.Cleanup(cancel)
	return s
}

func (s *serving) post(t *testing.T, path, body string) map[string]any {
	t.Helper()
	res, err := http.Post(s.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer map[string]any
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// TestServeDemo starts the demo as the README does, asks it, and stops it.
func TestServeDemo(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp)
	s := serve(t, nil, "--demo")
	answer := s.post(t, "/search", `{"collection": "demo", "query": "조선의 왕이 살던 궁궐", "top_k": 3}`)
	hits, _ := answer["hits"].([]any)
	if len(hits) != 3 {
		t.Fatalf("answer %v", answer)
	}

	answer = s.post(t, "/qa", `{"collection": "demo", "question": "What is the capital of Finland?", "answers": 1}`)
	answers, _ := answer["answers"].([]any)
	if len(answers) != 1 || answers[0].(map[string]any)["text"] != "Helsinki" {
		t.Errorf("answer %v", answer)
	}

	// The command line asks the same server, which holds the folder's lock.
	var out, errs bytes.Buffer
	status := Run(t.Context(), []string{"search", "--server", s.url, "-c", "demo", "--top", "1", "how do vaccines work"}, nil, &out, &errs, nil)
	if status != cli.ExitOK || !strings.HasPrefix(out.String(), "1  ") {
		t.Errorf("status %d\n%s%s", status, out.String(), errs.String())
	}
	s.stop()
	if status := <-s.status; status != cli.ExitOK {
		t.Errorf("the server ended with %d", status)
	}
	left, err := os.ReadDir(temp)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestServeKeepsData: what a server took in is there after it stopped, and
// while it runs another process is told that the folder is taken.
func TestServeKeepsData(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := serve(t, nil, "--data", data)
	corpus := strings.NewReader(`{"id": "a", "text": "The palace stands in Seoul."}`)
	var out, errs bytes.Buffer
	if status := Run(t.Context(), []string{"index", "--server", s.url, "-"}, corpus, &out, &errs, nil); status != cli.ExitOK {
		t.Fatalf("index: %d %s", status, errs.String())
	}
	if status := Run(t.Context(), []string{"search", "--data", data, "palace"}, nil, &out, &errs, nil); status != cli.ExitFailed ||
		!strings.Contains(errs.String(), "in use by another process") || !strings.Contains(errs.String(), "--server") {
		t.Errorf("locked folder: %d %s", status, errs.String())
	}
	s.stop()
	if status := <-s.status; status != cli.ExitOK {
		t.Fatalf("the server ended with %d", status)
	}
	out.Reset()
	if status := Run(t.Context(), []string{"search", "--data", data, "palace"}, nil, &out, &errs, nil); status != cli.ExitOK || !strings.Contains(out.String(), "Seoul") {
		t.Errorf("after the stop: %d %s %s", status, out.String(), errs.String())
	}
	if status := Run(t.Context(), []string{"check", "--data", data}, nil, &out, &errs, nil); status != cli.ExitOK {
		t.Errorf("check: %s %s", out.String(), errs.String())
	}
}

func TestServeRefuses(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := serve(t, nil, "--data", data)
	for _, c := range []struct{ args, want []string }{
		{[]string{"--addr", strings.TrimPrefix(s.url, "http://")}, []string{"address already in use", "--addr"}},
		{[]string{"--addr", "127.0.0.1:0", "--data", data}, []string{"in use by another process"}},
		{[]string{"--addr", "127.0.0.1:0", "--model", "no/model"}, []string{`model "no/model"`, "semdex model"}},
	} {
		args := append([]string{"serve", "--data", filepath.Join(t.TempDir(), "other")}, c.args...)
		var errs bytes.Buffer
		status := Run(t.Context(), args, nil, io.Discard, &errs, []string{"HF_HOME=" + t.TempDir()})
		for _, want := range c.want {
			if status != cli.ExitFailed || !strings.Contains(errs.String(), want) {
				t.Errorf("%v: %d %s", c.args, status, errs.String())
			}
		}
	}
}
