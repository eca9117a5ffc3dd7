package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode"

	"semdex/index"
)

// figureReader answers with the figures of a passage, surest of the first.
type figureReader struct {
	onRead func(context.Context, []ReadText) error
}

func (f figureReader) Read(ctx context.Context, question string, passages []ReadText, n int) (Reading, error) {
	if f.onRead != nil {
		if err := f.onRead(ctx, passages); err != nil {
			return Reading{}, err
		}
	}
	if !strings.ContainsFunc(question, unicode.IsLetter) {
		return Reading{}, ErrNoQuestion
	}
	r := Reading{Windows: len(passages), Tokens: 10 * len(passages)}
	score := 0.96
	for i, p := range passages {
		text := []rune(p.Text)
		for start := 0; start < len(text); start++ {
			end := start
			for end < len(text) && unicode.IsDigit(text[end]) {
				end++
			}
			if end == start || len(r.Answers) == n {
				continue
			}
			r.Answers = append(r.Answers, ReadAnswer{Passage: i, Start: start, End: end, Context: [2]int{0, len(text)}, Score: score})
			score /= 2
			start = end
		}
	}
	return r, nil
}

func qaServer(t *testing.T, o Options) *Server {
	t.Helper()
	if o.Reader == nil {
		o.Reader = figureReader{}
	}
	s := newTestServer(t, o)
	wantStatus(t, do(s, "PUT", "/collections/demo/documents", `[
		{"id": "palace", "title": "경복궁", "text": "경복궁은 조선의 궁궐이다. 1395년에 지었다.", "metadata": {"lang": "ko"}},
		{"id": "wall", "text": "The wall is 18 kilometres long.", "metadata": {"lang": "en"}}]`), 200)
	return s
}

func askServer(t *testing.T, s *Server, body string) Answers {
	t.Helper()
	w := do(s, "POST", "/qa", body)
	wantStatus(t, w, 200)
	var a Answers
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestQA(t *testing.T) {
	s := qaServer(t, Options{})
	a := askServer(t, s, `{"question": "경복궁은 언제 지었나?", "collection": "demo", "filter": "lang = 'ko'"}`)
	if len(a.Answers) != 1 || a.Stats.Passages != 1 || a.Stats.Mode != index.Hybrid {
		t.Fatalf("%+v", a)
	}
	want := Answer{
		Text: "1395", Score: 0.96, DocumentID: "palace", PassageID: "palace#0", Title: "경복궁", Start: 15, End: 19,
		Context: "경복궁은 조선의 궁궐이다. 1395년에 지었다.",
	}
	if a.Answers[0] != want {
		t.Errorf("%+v\nwant %+v", a.Answers[0], want)
	}
	if got := a.NoAnswerScore; got < 0.039 || got > 0.041 {
		t.Errorf("no answer: %g", got)
	}
	a = askServer(t, s, `{"question": "how long is the wall", "collection": "demo", "min_score": 0, "passages": 2}`)
	if len(a.Answers) != 2 || a.Answers[0].Score < a.Answers[1].Score {
		t.Errorf("without a minimum: %+v", a.Answers)
	}
	if a = askServer(t, s, `{"question": "how long", "collection": "demo", "min_score": 0, "answers": 1}`); len(a.Answers) != 1 {
		t.Errorf("one answer: %+v", a.Answers)
	}
	a = askServer(t, s, `{"question": "how long", "collection": "demo", "min_score": 0.99}`)
	if len(a.Answers) != 0 || a.NoAnswerScore > 0.05 {
		t.Errorf("none is good enough: %+v", a)
	}
}

// TestQASearchCounts: an answer loses by how far its passage is behind the best one in
// the search; passages that come with the question are all alike.
func TestQASearchCounts(t *testing.T) {
	var read []ReadText
	reader := figureReader{onRead: func(_ context.Context, p []ReadText) error { read = p; return nil }}
	s := qaServer(t, Options{Reader: reader})
	askServer(t, s, `{"question": "how long is the wall", "collection": "demo"}`)
	w := do(s, "POST", "/search", `{"query": "how long is the wall", "collection": "demo", "group_by": "passage"}`)
	var found index.Result
	if err := json.Unmarshal(w.Body.Bytes(), &found); err != nil || len(found.Hits) != 2 || len(read) != 2 {
		t.Fatalf("%v: %d hits, %d read", err, len(found.Hits), len(read))
	}
	for i, h := range found.Hits {
		want := 15 * (h.Score/found.Hits[0].Score - 1)
		if read[i].Text != h.Text || math.Abs(read[i].Prior-want) > 1e-9 || i > 0 && want > -1 {
			t.Errorf("hit %d: %+v, want a prior of %g", i, read[i], want)
		}
	}
	askServer(t, s, `{"question": "how long", "passages": ["It is 3 long.", "It is 4 long."]}`)
	if len(read) != 2 || read[0].Prior != 0 || read[1].Prior != 0 {
		t.Errorf("given passages: %+v", read)
	}
	for _, tt := range []struct{ score, best, want float64 }{{1, 1, 0}, {.5, 1, -7.5}, {-1, 1, -15}, {2, 1, 0}, {-.2, -.1, 0}, {0, 0, 0}, {math.NaN(), math.NaN(), 0}} {
		if got := prior(tt.score, tt.best); got != tt.want {
			t.Errorf("%g beside %g: %g, want %g", tt.score, tt.best, got, tt.want)
		}
	}
}

// TestQAAcrossPassages: what two passages of a document share is answered once,
// and offsets are those of the document.
func TestQAAcrossPassages(t *testing.T) {
	s := qaServer(t, Options{})
	wantStatus(t, do(s, "PUT", "/collections/small", `{"split": {"size": 64, "overlap": 32}}`), 201)
	text := "강물이 흐른다. 물이 맑다. 다리는 77미터이다. 나무가 많다. 새가 운다. 길이 좋다. 배가 간다. 해가 진다."
	document, _ := json.Marshal(map[string]string{"id": "river", "text": text})
	wantStatus(t, do(s, "PUT", "/collections/small/documents", string(document)), 200)
	a := askServer(t, s, `{"question": "다리는 몇 미터?", "collection": "small", "min_score": 0}`)
	if a.Stats.Passages < 2 {
		t.Fatalf("only %d passages: the text does not overlap", a.Stats.Passages)
	}
	if len(a.Answers) != 1 {
		t.Errorf("%d answers: %+v", len(a.Answers), a.Answers)
	}
	runes := []rune(text)
	for _, b := range a.Answers {
		if string(runes[b.Start:b.End]) != b.Text || !strings.HasPrefix(string(runes[b.ContextStart:]), b.Context) {
			t.Errorf("%+v does not stand there", b)
		}
	}
}

func TestQAGivenPassages(t *testing.T) {
	s := qaServer(t, Options{Index: newTestIndex(t, "demo")})
	long := strings.Repeat("가나다 ", 25_000) + "42"
	body, _ := json.Marshal(map[string]any{"question": "how many", "passages": []any{"none", map[string]string{"id": "x", "text": long}}})
	a := askServer(t, s, string(body))
	if len(a.Answers) != 1 || a.Answers[0].DocumentID != "x" || a.Answers[0].Start != 100_000 || a.Stats.Mode != "" {
		t.Errorf("%+v", a.Stats)
	}
	a = askServer(t, s, `{"question": "how many", "passages": ["no figure here"], "min_score": 0}`)
	if len(a.Answers) != 0 || a.NoAnswerScore != 1 {
		t.Errorf("%+v", a)
	}
}

// TestQABadInput sends everything that a client can get wrong; the golden file
// shows what it reads then.
func TestQABadInput(t *testing.T) {
	huge, _ := json.Marshal(strings.Repeat("가", MaxReadRunes+1))
	var out bytes.Buffer
	send := func(s *Server, name, body string) {
		w := do(s, "POST", "/qa", body)
		fmt.Fprintf(&out, "%s: %d %s\n", name, w.Code, strings.TrimSpace(w.Body.String()))
	}
	s := qaServer(t, Options{})
	for _, tt := range [][2]string{
		{"no question", `{"collection": "demo"}`},
		{"blank question", `{"question": " \n", "collection": "demo"}`},
		{"nothing to read in the question", `{"question": "?!", "collection": "demo"}`},
		{"long question", `{"question": "` + strings.Repeat("x", index.MaxQueryBytes+1) + `", "collection": "demo"}`},
		{"no collection", `{"question": "a"}`},
		{"unknown collection", `{"question": "a", "collection": "nope"}`},
		{"no passages", `{"question": "a", "passages": []}`},
		{"empty passages", `{"question": "a", "passages": ["", {"text": " "}]}`},
		{"huge passage", `{"question": "a", "passages": [` + string(huge) + `]}`},
		{"too many passages", `{"question": "a", "passages": ["x"` + strings.Repeat(`,"x"`, MaxPassages) + `]}`},
		{"passages and collection", `{"question": "a", "passages": ["x"], "collection": "demo"}`},
		{"passages and filter", `{"question": "a", "passages": ["x"], "filter": "lang = 'ko'"}`},
		{"passages is a word", `{"question": "a", "passages": "many"}`},
		{"a passage is a number", `{"question": "a", "passages": [7]}`},
		{"a passage with another field", `{"question": "a", "passages": [{"body": "x"}]}`},
		{"zero passages", `{"question": "a", "passages": 0, "collection": "demo"}`},
		{"a thousand passages", `{"question": "a", "passages": 1000, "collection": "demo"}`},
		{"a least score above 1", `{"question": "a", "min_score": 1.5, "collection": "demo"}`},
		{"zero answers", `{"question": "a", "answers": 0, "collection": "demo"}`},
		{"unknown field", `{"question": "a", "collection": "demo", "top_k": 3}`},
		{"broken filter", `{"question": "a", "collection": "demo", "filter": "lang ="}`},
		{"unknown metadata", `{"question": "a", "collection": "demo", "filter": "nope = 1"}`},
	} {
		send(s, tt[0], tt[1])
	}
	send(newTestServer(t, Options{}), "no reader", `{"question": "a", "collection": "demo"}`)
	failing := qaServer(t, Options{Reader: figureReader{onRead: func(context.Context, []ReadText) error { return errors.New("secret") }}})
	send(failing, "the reader fails", `{"question": "a", "collection": "demo"}`)
	late := qaServer(t, Options{Reader: figureReader{onRead: func(context.Context, []ReadText) error { return context.DeadlineExceeded }}})
	send(late, "the reader takes too long", `{"question": "a", "collection": "demo"}`)
	golden(t, "qa_bad_input.golden", out.Bytes())
}
