package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"semdex/embed"
	"semdex/index"
	"semdex/index/indextest"
)

// fakePredictor finds a text the better the more words it shares with the one
// before it; of several labels it gives the first. It reads 40 characters.
type fakePredictor struct {
	name      string // "" is fake-cross
	labels    []string
	onPredict func(context.Context, []embed.Pair) error
	lose      bool
}

func (f *fakePredictor) Labels() []string { return f.labels }

func (f *fakePredictor) Name() string {
	if f.name != "" {
		return f.name
	}
	return "fake-cross"
}

func (f *fakePredictor) Predict(ctx context.Context, inputs []embed.Pair, o embed.PredictOptions) (embed.Prediction, error) {
	if f.onPredict != nil {
		if err := f.onPredict(ctx, inputs); err != nil {
			return embed.Prediction{}, err
		}
	}
	var r embed.Prediction
	for i, in := range inputs {
		n := utf8.RuneCountInString(in.A + in.B)
		if n > 40 && o.Refuse {
			return r, fmt.Errorf("%w: input %d has more than the 40 tokens allowed", embed.ErrTooLong, i)
		}
		logits := make([]float32, len(f.labels))
		words := strings.Fields(in.A)
		for _, w := range strings.Fields(in.B) {
			if slices.Contains(words, w) {
				logits[0]++
			}
		}
		logits[0]--
		if in.Single {
			logits[0] = 2
		}
		r.Logits, r.Tokens, r.Truncated = append(r.Logits, logits), append(r.Tokens, min(n, 40)), append(r.Truncated, n > 40)
	}
	if f.lose {
		r.Logits = r.Logits[1:]
	}
	return r, nil
}

// fakeReranker is a fakePredictor for an index.
type fakeReranker struct{ fakePredictor }

func (f *fakeReranker) Rerank(ctx context.Context, query string, passages []string) (index.Reranking, error) {
	r, err := f.Predict(ctx, pairsWith(query, passages), embed.PredictOptions{})
	out := index.Reranking{Tokens: sum(r.Tokens)}
	for _, l := range r.Logits {
		out.Scores = append(out.Scores, embed.Probabilities(l)[0])
	}
	return out, err
}

var (
	score     = []string{"LABEL_0"}
	threeWays = []string{"entailment", "neutral", "contradiction"}
	nliServer = func(t *testing.T) *Server {
		return newTestServer(t, Options{Classifier: &fakePredictor{labels: threeWays}})
	}
	rankServer = func(t *testing.T) *Server {
		return newTestServer(t, Options{Reranker: &fakePredictor{labels: score}, Limits: Limits{Pairs: 3}})
	}
)

func wantBody(t *testing.T, got *bytes.Buffer, want string) {
	t.Helper()
	if s := strings.TrimSpace(got.String()); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

func TestRerankTEI(t *testing.T) {
	s := rankServer(t)
	w := do(s, "POST", "/rerank", `{"query":"a b","texts":["c","a","b a"]}`)
	wantStatus(t, w, 200)
	wantBody(t, w.Body, `[{"index":2,"score":0.7310586},{"index":1,"score":0.5},{"index":0,"score":0.26894143}]`)
	if got := w.Header().Get("X-Compute-Tokens"); got != "14" {
		t.Errorf("%s tokens", got)
	}
	w = do(s, "POST", "/rerank", `{"query":"a","texts":["c","a"],"raw_scores":true,"return_text":true,"unknown":1}`)
	wantStatus(t, w, 200)
	wantBody(t, w.Body, `[{"index":1,"text":"a","score":0},{"index":0,"text":"c","score":-1}]`)
	// Ties keep the order of the request, also where probabilities round to one.
	w = do(s, "POST", "/v1/rerank", `{"query":"a","texts":["c","d"],"raw_scores":true}`)
	wantBody(t, w.Body, `[{"index":0,"score":-1},{"index":1,"score":-1}]`)
}

func TestRerankCohere(t *testing.T) {
	s := rankServer(t)
	for _, path := range []string{"/rerank", "/v1/rerank", "/v2/rerank"} {
		w := do(s, "POST", path, `{"model":"Fake-Cross","query":"a b","documents":["c",{"text":"a b"}],"top_n":1,"return_documents":true,"max_tokens_per_doc":4096}`, "X-Request-Id", "r1")
		wantStatus(t, w, 200)
		wantBody(t, w.Body, `{"id":"r1","model":"fake-cross","results":[{"index":1,"document":{"text":"a b"},"relevance_score":0.7310586}],`+
			`"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":1}},"usage":{"prompt_tokens":10,"total_tokens":10}}`)
	}
	w := do(s, "POST", "/rerank", `{"query":"a","documents":["c","a"]}`)
	wantStatus(t, w, 200)
	if !strings.Contains(w.Body.String(), `"results":[{"index":1,"relevance_score":0.5},{"index":0,`) {
		t.Errorf("%s", w.Body)
	}
}

func TestPredict(t *testing.T) {
	s := nliServer(t)
	for body, want := range map[string]string{
		`{"inputs":"x","raw_scores":true}`:       `[{"score":2,"label":"entailment"},{"score":0,"label":"neutral"},{"score":0,"label":"contradiction"}]`,
		`{"inputs":["x"],"raw_scores":true}`:     `[{"score":2,"label":"entailment"},{"score":0,"label":"neutral"},{"score":0,"label":"contradiction"}]`,
		`{"inputs":["a","b"],"raw_scores":true}`: `[{"score":0,"label":"neutral"},{"score":0,"label":"contradiction"},{"score":-1,"label":"entailment"}]`,
		`{"inputs":[["a","a b"],["x"]]}`: `[[{"score":0.33333334,"label":"entailment"},{"score":0.33333334,"label":"neutral"},{"score":0.33333334,"label":"contradiction"}],` +
			`[{"score":0.78698605,"label":"entailment"},{"score":0.10650698,"label":"neutral"},{"score":0.10650698,"label":"contradiction"}]]`,
	} {
		w := do(s, "POST", "/predict", body)
		wantStatus(t, w, 200)
		wantBody(t, w.Body, want)
	}
	// A reranker predicts, too, if there is nothing else.
	w := do(rankServer(t), "POST", "/predict", `{"inputs":["a","a"]}`)
	wantStatus(t, w, 200)
	wantBody(t, w.Body, `[{"score":0.5,"label":"LABEL_0"}]`)
}

// TestRerankBadInput: the golden file shows what clients read.
func TestRerankBadInput(t *testing.T) {
	var out bytes.Buffer
	for _, tt := range []struct{ name, path, body string }{
		{"no query", "/rerank", `{"texts":["a"]}`},
		{"blank query", "/rerank", `{"query":" ","texts":["a"]}`},
		{"long query", "/rerank", `{"query":"` + strings.Repeat("a", index.MaxQueryBytes+1) + `","texts":["a"]}`},
		{"no texts", "/rerank", `{"query":"a"}`},
		{"empty texts", "/rerank", `{"query":"a","texts":[]}`},
		{"a text instead of a list", "/rerank", `{"query":"a","texts":"b"}`},
		{"a number among texts", "/rerank", `{"query":"a","texts":["b",1]}`},
		{"too many texts", "/rerank", `{"query":"a","texts":["b","c","d","e"]}`},
		{"both forms", "/rerank", `{"query":"a","texts":["b"],"documents":["b"]}`},
		{"too long", "/rerank", `{"query":"a","texts":["` + strings.Repeat("b", 50) + `"],"truncate":false}`},
		{"direction", "/rerank", `{"query":"a","texts":["b"],"truncation_direction":"up"}`},
		{"not JSON", "/rerank", `{"query":`},
		{"documents: another model", "/rerank", `{"query":"a","documents":["b"],"model":"rerank-v3.5"}`},
		{"documents: top_n", "/rerank", `{"query":"a","documents":["b"],"top_n":0}`},
		{"documents: without a text", "/v2/rerank", `{"query":"a","documents":[{"title":"b"}]}`},
		{"documents: none", "/v2/rerank", `{"query":"a"}`},
		{"documents: empty", "/v2/rerank", `{"query":"a","documents":[]}`},
		{"not JSON for Cohere", "/v2/rerank", `{"query":`},
		{"predict: nothing", "/predict", `{}`},
		{"predict: no inputs", "/predict", `{"inputs":[]}`},
		{"predict: empty text", "/predict", `{"inputs":""}`},
		{"predict: three texts", "/predict", `{"inputs":["a","b","c"]}`},
		{"predict: an empty list", "/predict", `{"inputs":[[]]}`},
		{"predict: numbers", "/predict", `{"inputs":[[1,2]]}`},
		{"predict: a number", "/predict", `{"inputs":1}`},
		{"predict: mixed", "/predict", `{"inputs":[["a"],"b"]}`},
		{"predict: too many", "/predict", `{"inputs":[["a"],["a"],["a"],["a"]]}`},
	} {
		w := do(rankServer(t), "POST", tt.path, tt.body)
		if w.Code < 400 || w.Code >= 500 {
			t.Errorf("%s: status %d, want a client's error", tt.name, w.Code)
		}
		fmt.Fprintf(&out, "%s\n  POST %s\n  %d %s\n", tt.name, tt.path, w.Code, w.Body)
	}
	golden(t, "rerank_bad_input.golden", out.Bytes())
}

func TestWithoutPredictors(t *testing.T) {
	s := newTestServer(t, Options{})
	for path, want := range map[string]string{
		"/rerank":    `{"error":"no reranker is loaded; start the server with --reranker DIR; semdex train cross --task relevance makes such a model","error_type":"Backend"}`,
		"/v2/rerank": `{"message":"no reranker is loaded; start the server with --reranker DIR; semdex train cross --task relevance makes such a model"}`,
		"/predict":   `{"error":"the server has no model that judges texts; start it with --classifier DIR; semdex train cross makes such a model","error_type":"Backend"}`,
	} {
		w := do(s, "POST", path, `{"query":"a","texts":["b"]}`)
		wantStatus(t, w, 501)
		wantBody(t, w.Body, want)
	}
	w := do(s, "POST", "/search", `{"query":"a","collection":"demo","rerank":true}`)
	wantStatus(t, w, 501)
	wantBody(t, w.Body, `{"error":{"type":"no_reranker","message":"no reranker is loaded","hint":"start the server with --reranker DIR; semdex train cross --task relevance makes such a model"}}`)
	if _, err := New(Options{Index: newTestIndex(t), Embedder: &fakeEmbedder{dims: 4}, Reranker: &fakePredictor{labels: threeWays}}); err == nil {
		t.Error("a reranker with three labels")
	}
}

func TestPredictorFails(t *testing.T) {
	for _, tt := range []struct {
		p      *fakePredictor
		status int
		body   string
	}{
		{&fakePredictor{onPredict: func(context.Context, []embed.Pair) error { return errors.New("secret") }}, 424, `{"error":"the model that judges texts failed","error_type":"Backend"}`},
		{&fakePredictor{lose: true}, 424, `{"error":"the model that judges texts failed","error_type":"Backend"}`},
		{&fakePredictor{onPredict: func(context.Context, []embed.Pair) error { return embed.ErrClosed }}, 503, `{"error":"model is closed; send the request again","error_type":"Unhealthy"}`},
	} {
		tt.p.labels = score
		w := do(newTestServer(t, Options{Reranker: tt.p}), "POST", "/rerank", `{"query":"a","texts":["b"]}`)
		wantStatus(t, w, tt.status)
		wantBody(t, w.Body, tt.body)
	}
}

// TestRerankOverload: requests beyond the permits are turned away at once.
func TestRerankOverload(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	p := &fakePredictor{labels: score, onPredict: func(context.Context, []embed.Pair) error {
		inside <- struct{}{}
		<-leave
		return nil
	}}
	s := newTestServer(t, Options{Reranker: p, Limits: Limits{Searches: 1}})
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(s, "POST", "/rerank", `{"query":"a","texts":["b"]}`)
	}()
	<-inside
	w := do(s, "POST", "/rerank", `{"query":"a","texts":["b"]}`)
	if w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("status %d %s", w.Code, w.Body)
	}
	close(leave)
	<-done
}

// TestSearchReranked: the same hits, in the reranker's order, with both scores.
func TestSearchReranked(t *testing.T) {
	service := index.NewService(indextest.NewMemory(), hashEncoder{}, index.ServiceOptions{Reranker: &fakeReranker{fakePredictor{labels: score}}})
	s := newTestServer(t, Options{Index: service})
	wantStatus(t, do(s, "PUT", "/collections/c/documents", `[{"id":"a","text":"wall wall wall"},{"id":"b","text":"the city and its wall, the old wall"}]`), 200)
	for _, w := range []*bytes.Buffer{
		do(s, "POST", "/search", `{"query":"the wall","collection":"c","mode":"keyword","rerank":true}`).Body,
		do(s, "GET", "/search?q=the+wall&collection=c&mode=keyword&rerank=true", "").Body,
	} {
		body := w.String()
		first, second := strings.Index(body, `"id":"b#0"`), strings.Index(body, `"id":"a#0"`)
		if first < 0 || second < first || strings.Count(body, `"rerank_score":0.`) != 2 || !strings.Contains(body, `"rerank":{"model":"fake-cross","pairs":2,"tokens":`) {
			t.Errorf("%s", body)
		}
	}
}
