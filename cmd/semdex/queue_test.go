package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"semdex/api"
	"semdex/embed"
	"semdex/embed/queue"
)

// TestServeQueue: a server's requests go through the queue, many texts at once
// as bulk work.
func TestServeQueue(t *testing.T) {
	s := serve(t, nil, "--data", t.TempDir())
	post := func(texts int) *http.Response {
		t.Helper()
		body := `{"inputs": ["one text"` + strings.Repeat(`, "one more"`, texts-1) + `]}`
		res, err := http.Post(s.url+"/embed", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK || res.Header.Get("X-Queue-Time") == "" {
			t.Fatalf("%d texts: %s %v", texts, res.Status, res.Header)
		}
		return res
	}
	post(interactiveTexts)
	post(interactiveTexts + 1)
	res, err := http.Get(s.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	metrics, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`te_queue_size{class="interactive"} 0`,
		fmt.Sprintf(`te_request_queue_duration_count{class="interactive"} %d`, interactiveTexts+1), // and the warm-up
		fmt.Sprintf(`te_request_queue_duration_count{class="bulk"} %d`, interactiveTexts+1),
	} {
		if !strings.Contains(string(metrics), want+"\n") {
			t.Errorf("no line %s in\n%s", want, metrics)
		}
	}
	s.stop()
	<-s.status
}

func TestServerError(t *testing.T) {
	for _, c := range []struct{ have, want error }{
		{embed.ErrTooLong, api.ErrTextTooLong},
		{embed.ErrUnknownPrompt, api.ErrUnknownPrompt},
		{embed.ErrDims, api.ErrInvalidDims},
		{queue.ErrOverloaded, api.ErrEncoderBusy},
		{embed.ErrClosed, api.ErrEncoderClosed},
	} {
		err := fmt.Errorf("text 3: %w", c.have)
		if got := serverError(err); !errors.Is(got, c.want) || !errors.Is(got, c.have) || got.Error() != err.Error() {
			t.Errorf("%v became %v", err, got)
		}
	}
	if serverError(nil) != nil || !errors.Is(serverError(io.EOF), io.EOF) {
		t.Error("other errors change")
	}
}

func TestLogPanic(t *testing.T) {
	var lines bytes.Buffer
	log := slog.New(slog.NewTextHandler(&lines, nil))
	err := fmt.Errorf("encode: %w", &queue.PanicError{Value: "index out of range", Stack: []byte("goroutine 7")})
	logPanic(nil, err)
	logPanic(log, io.EOF)
	if lines.Len() > 0 {
		t.Errorf("logged %s", &lines)
	}
	logPanic(log, err)
	if got := lines.String(); !strings.Contains(got, "index out of range") || !strings.Contains(got, "goroutine 7") {
		t.Errorf("logged %s", got)
	}
}
