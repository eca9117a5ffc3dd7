package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"semdex/index"
	"semdex/index/indextest"
)

// cachingServer is qaServer with an answer cache that counts what is read.
func cachingServer(t *testing.T, o Options) (*Server, *atomic.Int32) {
	t.Helper()
	var reads atomic.Int32
	o.Reader = figureReader{onRead: func(context.Context, []ReadText) error { reads.Add(1); return nil }}
	if o.AnswerCache.Entries == 0 {
		o.AnswerCache.Entries = 100
	}
	return qaServer(t, o), &reads
}

func TestAnswerCache(t *testing.T) {
	s, reads := cachingServer(t, Options{})
	first := askServer(t, s, `{"question": "How long is the wall?", "collection": "demo"}`)
	if first.Cached != nil || len(first.Answers) == 0 || first.Suggestions != nil || first.Stats.Passages == 0 {
		t.Fatalf("%+v", first)
	}
	exact := askServer(t, s, `{"question": "how long  is the wall", "collection": "demo", "passages": 8}`)
	if c := exact.Cached; c == nil || !c.Exact || c.Similarity != 1 || c.Question != "How long is the wall?" || c.AskedAt.IsZero() {
		t.Errorf("the same again: %+v", exact.Cached)
	}
	near := askServer(t, s, `{"question": "How long is wall?", "collection": "demo"}`)
	if c := near.Cached; c == nil || c.Exact || c.Similarity < 0.8 || c.Similarity >= 1 || c.Question != "How long is the wall?" {
		t.Errorf("a near one: %+v", near.Cached)
	}
	for _, a := range []Answers{exact, near} {
		if fmt.Sprint(a.Answers, a.NoAnswerScore) != fmt.Sprint(first.Answers, first.NoAnswerScore) || a.Stats.Passages != 0 {
			t.Errorf("%+v\nfirst %+v", a, first)
		}
	}
	if n := reads.Load(); n != 1 {
		t.Errorf("read %d times", n)
	}
	other := askServer(t, s, `{"question": "How long is the old wall?", "collection": "demo"}`)
	if other.Cached != nil || len(other.Suggestions) != 1 || other.Suggestions[0].Question != "How long is the wall?" || *other.Suggestions[0].Similarity < 0.8 || other.Suggestions[0].Times != 2 {
		t.Errorf("similar, in other words: %+v %+v", other.Cached, other.Suggestions)
	}
	bypass := askServer(t, s, `{"question": "How long is the wall?", "collection": "demo", "cache": false}`)
	if bypass.Cached != nil || bypass.Suggestions != nil || bypass.Stats.Passages == 0 {
		t.Errorf("bypassed: %+v", bypass)
	}
	none := askServer(t, s, `{"question": "How long is the wall?", "collection": "demo", "filter": "lang = 'ko'", "min_score": 0.99}`)
	again := askServer(t, s, `{"question": "How long is the wall?", "collection": "demo", "filter": {"field": "lang", "eq": "ko"}, "min_score": 0.99}`)
	if none.Cached != nil || again.Cached == nil || len(again.Answers) != 0 || again.Answers == nil {
		t.Errorf("no answer: %+v, then %+v", none, again)
	}
	w := do(s, "POST", "/qa", `{"question": "How long is the wall?", "passages": ["The wall is 7 metres long."]}`)
	if strings.Contains(w.Body.String(), "cached") || strings.Contains(w.Body.String(), "suggestions") {
		t.Errorf("given passages: %s", w.Body)
	}
	metrics := do(s, "GET", "/metrics", "").Body.String()
	for _, want := range []string{
		`semdex_answer_cache_total{result="exact"} 2`, `{result="near"} 1`, `{result="miss"} 3`, `{result="bypass"} 1`,
		"semdex_answer_cache_entries 3", "semdex_answer_cache_evictions_total 0",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %q in the metrics", want)
		}
	}
}

// TestAnswerCacheForgets: whatever could change an answer has it found anew.
func TestAnswerCacheForgets(t *testing.T) {
	const question = `{"question": "How long is the wall?", "collection": "demo"}`
	put := func(id, text string) func(*testing.T, *Server) {
		return func(t *testing.T, s *Server) {
			body, _ := json.Marshal(map[string]any{"id": id, "text": text, "metadata": map[string]string{"lang": "en"}})
			wantStatus(t, do(s, "PUT", "/collections/demo/documents", string(body)), 200)
		}
	}
	send := func(method, path, body string, status int) func(*testing.T, *Server) {
		return func(t *testing.T, s *Server) { wantStatus(t, do(s, method, path, body), status) }
	}
	for _, tt := range []struct {
		name   string
		change func(*testing.T, *Server)
		ask    string
		cached bool
	}{
		{"nothing", func(*testing.T, *Server) {}, question, true},
		{"a new document", put("new", "The wall is 19 miles long."), question, false},
		{"a document stored as it was", put("wall", "The wall is 18 kilometres long."), question, true},
		{"a document replaced", put("wall", "The wall is 17 kilometres long."), question, false},
		{"a deletion", send("DELETE", "/collections/demo/documents/palace", "", 200), question, false},
		{"a deletion of nothing", send("DELETE", "/collections/demo/documents/nope", "", 404), question, true},
		{"a deletion by filter", send("POST", "/collections/demo/delete", `{"filter": "lang = 'ko'"}`, 200), question, false},
		{"another collection", send("PUT", "/collections/other/documents", `{"id": "x", "text": "The wall is 3."}`, 200), question, true},
		{"a search", send("POST", "/search", `{"query": "wall", "collection": "demo"}`, 200), question, true},
		{"the question forgotten", send("DELETE", "/collections/demo/questions", "", 200), question, false},
		{"made anew", func(t *testing.T, s *Server) {
			send("DELETE", "/collections/demo", "", 200)(t, s)
			put("palace", "x")(t, s)
			put("wall", "The wall is 18 kilometres long.")(t, s)
		}, question, false},
		{"by an alias", send("PUT", "/aliases/now", `{"collection": "demo"}`, 200), `{"question": "How long is the wall?", "collection": "now"}`, true},
		{"by an alias of another", func(t *testing.T, s *Server) {
			send("PUT", "/aliases/now", `{"collection": "demo"}`, 200)(t, s)
			send("PUT", "/collections/other/documents", `{"id": "x", "text": "The wall is 3."}`, 200)(t, s)
			send("PUT", "/aliases/now", `{"collection": "other"}`, 200)(t, s)
		}, `{"question": "How long is the wall?", "collection": "now"}`, false},
		{"synonyms", send("PUT", "/collections/demo/synonyms", "wall, rampart", 200), question, false},
		{"fewer answers", func(*testing.T, *Server) {}, `{"question": "How long is the wall?", "collection": "demo", "answers": 1}`, false},
		{"fewer passages", func(*testing.T, *Server) {}, `{"question": "How long is the wall?", "collection": "demo", "passages": 1}`, false},
		{"another least score", func(*testing.T, *Server) {}, `{"question": "How long is the wall?", "collection": "demo", "min_score": 0.1}`, false},
		{"a filter", func(*testing.T, *Server) {}, `{"question": "How long is the wall?", "collection": "demo", "filter": "lang = 'en'"}`, false},
		{"another number", func(*testing.T, *Server) {}, `{"question": "How long is the wall? 2", "collection": "demo"}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := cachingServer(t, Options{})
			askServer(t, s, question)
			tt.change(t, s)
			a := askServer(t, s, tt.ask)
			if (a.Cached != nil) != tt.cached {
				t.Errorf("cached: %+v", a.Cached)
			}
			fresh := askServer(t, s, strings.TrimSuffix(tt.ask, "}")+`, "cache": false}`)
			if fmt.Sprint(a.Answers) != fmt.Sprint(fresh.Answers) {
				t.Errorf("answers %+v, without the cache %+v", a.Answers, fresh.Answers)
			}
		})
	}
}

// TestAnswerCacheDuringWrite: an answer that was under way when a document was
// stored is not taken for one of the collection after that.
func TestAnswerCacheDuringWrite(t *testing.T) {
	var s *Server
	write := sync.OnceFunc(func() {
		wantStatus(t, do(s, "PUT", "/collections/demo/documents", `{"id": "wall", "text": "The wall is 17 kilometres long."}`), 200)
	})
	o := Options{AnswerCache: AnswerCache{Entries: 10}, Index: newTestIndex(t, "demo")}
	o.Reader = figureReader{onRead: func(context.Context, []ReadText) error { write(); return nil }}
	s = qaServer(t, o)
	const question = `{"question": "How long is the wall?", "collection": "demo", "filter": "exists(lang)"}`
	askServer(t, s, question)
	if a := askServer(t, s, question); a.Cached != nil {
		t.Errorf("cached: %+v", a)
	}
	if a := askServer(t, s, question); a.Cached == nil {
		t.Error("not cached afterwards")
	}
}

// TestAnswerCacheConcurrent: while others ask, every answer is at least as new as
// the last write that was acknowledged before the question.
func TestAnswerCacheConcurrent(t *testing.T) {
	s, _ := cachingServer(t, Options{Limits: Limits{Searches: 1000}})
	const question = `{"question": "How long is it?", "collection": "count", "answers": 1}`
	var written atomic.Int64
	number := func() int64 {
		w := do(s, "POST", "/qa", question)
		var a Answers
		var n int64
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != 200 || len(a.Answers) != 1 {
			t.Errorf("%d %s", w.Code, w.Body)
			return -1
		}
		_, _ = fmt.Sscan(a.Answers[0].Text, &n)
		return n
	}
	put := func(n int) {
		body := fmt.Sprintf(`{"id": "it", "text": "It is %d long."}`, n)
		if w := do(s, "PUT", "/collections/count/documents", body); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		written.Store(int64(n))
	}
	put(1)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if before, n := written.Load(), number(); n < before {
					t.Errorf("answer %d, written %d", n, before)
				}
			}
		})
	}
	for n := 2; n <= 100; n++ {
		put(n)
		if got := number(); got != int64(n) {
			t.Errorf("answer %d after %d was written", got, n)
		}
	}
	close(stop)
	wg.Wait()
}

// brokenEncoder fails for queries, if it is told to.
type brokenEncoder struct {
	hashEncoder
	broken *atomic.Bool
}

func (b brokenEncoder) EncodeQueries(ctx context.Context, texts []string) ([][]float32, error) {
	if b.broken.Load() {
		return nil, errors.New("no power")
	}
	return b.hashEncoder.EncodeQueries(ctx, texts)
}

// TestAnswerCacheDegraded: answers that were found without the encoder are not
// kept; those that are there are given without it.
func TestAnswerCacheDegraded(t *testing.T) {
	var broken atomic.Bool
	s, _ := cachingServer(t, Options{Index: index.NewService(indextest.NewMemory(), brokenEncoder{broken: &broken}, index.ServiceOptions{})})
	const question, other = `{"question": "How long is the wall?", "collection": "demo"}`, `{"question": "Where is the wall?", "collection": "demo"}`
	askServer(t, s, question)
	broken.Store(true)
	if a := askServer(t, s, question); a.Cached == nil {
		t.Error("the same question is not answered")
	}
	for range 2 {
		if a := askServer(t, s, other); a.Cached != nil || a.Stats.Degraded == "" {
			t.Errorf("%+v", a)
		}
	}
	if w := do(s, "GET", "/collections/demo/questions?like=how%20lo", ""); !strings.Contains(w.Body.String(), "How long is the wall?") {
		t.Errorf("suggestions while typing: %s", w.Body)
	}
	broken.Store(false)
	if a := askServer(t, s, other); a.Cached != nil || a.Stats.Degraded != "" {
		t.Errorf("%+v", a)
	}
}

// otherModel has vectors of the same size and another fingerprint.
type otherModel struct{ hashEncoder }

func (otherModel) Fingerprint() string { return "0123456789abcdef" }

func TestAnswerCacheModelMismatch(t *testing.T) {
	engine := indextest.NewMemory()
	s, _ := cachingServer(t, Options{Index: index.NewService(engine, hashEncoder{}, index.ServiceOptions{})})
	const question = `{"question": "How long is the wall?", "collection": "demo"}`
	askServer(t, s, question)
	s = newTestServer(t, Options{
		Index:  index.NewService(engine, otherModel{}, index.ServiceOptions{}),
		Reader: figureReader{}, AnswerCache: AnswerCache{Entries: 10},
	})
	wantStatus(t, do(s, "POST", "/qa", question), 409)
}

func TestQuestions(t *testing.T) {
	s, _ := cachingServer(t, Options{AnswerCache: AnswerCache{Entries: 100, Suggest: 0.5}})
	for _, q := range []string{"How long is the wall?", "How old is the palace?", "경복궁은 언제 지었나?"} {
		askServer(t, s, fmt.Sprintf(`{"question": %q, "collection": "demo"}`, q))
	}
	askServer(t, s, `{"question": "How long is the wall?", "collection": "demo", "answers": 1}`)
	askServer(t, s, `{"question": "Wall in English?", "collection": "demo", "filter": "lang = 'en'"}`)
	askServer(t, s, `{"question": "Nothing?", "collection": "demo", "min_score": 1}`)
	for _, tt := range []struct{ query, want string }{
		{"", "How long is the wall?|경복궁은 언제 지었나?|How old is the palace?"},
		{"?limit=1", "How long is the wall?"},
		{"?like=how", "How long is the wall?|How old is the palace?"},
		{"?like=%EA%B2%BD%EB%B3%B5%EA%B6%81", "경복궁은 언제 지었나?"},
		{"?like=How%20long%20is%20wall?", "How long is the wall?"},
		{"?like=nothing%20at%20all", ""},
		{"?filter=lang='en'", "Wall in English?"},
		{"?filter=lang='en'&like=how", ""},
	} {
		w := do(s, "GET", "/collections/demo/questions"+tt.query, "")
		wantStatus(t, w, 200)
		var answer struct{ Questions []PastQuestion }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Questions == nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
		got := make([]string, len(answer.Questions))
		for i, q := range answer.Questions {
			got[i] = q.Question
		}
		if strings.Join(got, "|") != tt.want {
			t.Errorf("%s: %q, want %q", tt.query, got, tt.want)
		}
	}
	forgotten := func(query string, want int) {
		t.Helper()
		w := do(s, "DELETE", "/collections/demo/questions"+query, "")
		if w.Code != 200 || strings.TrimSpace(w.Body.String()) != fmt.Sprintf(`{"forgotten":%d}`, want) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	forgotten("?question=how%20long%20is%20the%20wall", 1)
	if a := askServer(t, s, `{"question": "How long is the wall?", "collection": "demo", "answers": 1}`); a.Cached != nil {
		t.Error("it is still there with other options")
	}
	forgotten("", 5)
	forgotten("", 0)

	for _, tt := range []struct {
		method, path string
		status       int
		kind         string
	}{
		{"GET", "/collections/nope/questions", 404, "collection_not_found"},
		{"DELETE", "/collections/nope/questions", 404, "collection_not_found"},
		{"GET", "/collections/demo/questions?limit=0", 400, "invalid_parameter"},
		{"GET", "/collections/demo/questions?limit=1001", 400, "invalid_parameter"},
		{"GET", "/collections/demo/questions?limit=x", 400, "wrong_type"},
		{"GET", "/collections/demo/questions?top_k=3", 400, "unknown_parameter"},
		{"GET", "/collections/demo/questions?like=a&like=b", 400, "invalid_parameter"},
		{"GET", "/collections/demo/questions?filter=lang%20%3D", 400, "invalid_filter"},
		{"GET", "/collections/demo/questions?like=" + strings.Repeat("x", index.MaxQueryBytes+1), 400, "invalid_parameter"},
		{"DELETE", "/collections/demo/questions?question=", 400, "missing_parameter"},
		{"POST", "/collections/demo/questions", 405, "method_not_allowed"},
	} {
		w := do(s, tt.method, tt.path, "")
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.kind) {
			t.Errorf("%s %.60s: %d %s", tt.method, tt.path, w.Code, w.Body)
		}
	}
	off := qaServer(t, Options{})
	for _, method := range []string{"GET", "DELETE"} {
		if w := do(off, method, "/collections/demo/questions", ""); w.Code != 501 || !strings.Contains(w.Body.String(), "--answer-cache") {
			t.Errorf("%s without a cache: %d %s", method, w.Code, w.Body)
		}
	}
	if a := askServer(t, off, `{"question": "How long is the wall?", "collection": "demo", "cache": true}`); a.Cached != nil {
		t.Errorf("without a cache: %+v", a)
	}
}

func TestAnswerCacheOptions(t *testing.T) {
	for _, a := range []AnswerCache{{Entries: -1}, {Entries: 1, Bytes: -1}, {Entries: 1, Similarity: 1.1}, {Entries: 1, Suggest: -0.1}} {
		if _, err := New(Options{Index: newTestIndex(t), Embedder: &fakeEmbedder{dims: 4}, AnswerCache: a}); err == nil {
			t.Errorf("%+v is taken", a)
		}
	}
}
