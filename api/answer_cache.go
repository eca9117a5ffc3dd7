package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"semdex/api/metrics"
	"semdex/index"
	"semdex/internal/answercache"
)

// AnswerCache configures what POST /qa remembers. Zero fields but Entries mean
// their defaults.
type AnswerCache struct {
	Entries int // questions at most; 0 remembers none
	Bytes   int // of all together, about: 64 MiB
	// Similarity is the least cosine of a question whose answer is given again,
	// 0.8; Suggest that of one that is suggested, 0.6.
	Similarity, Suggest float64
	// OtherWords gives an answer again to similar questions in other words, too.
	OtherWords bool
}

// Defaults of an AnswerCache.
const (
	DefaultSimilarity = 0.8
	DefaultSuggest    = 0.6
	cacheBytes        = 64 << 20
)

// open gives nil for a cache without entries.
func (a AnswerCache) open() (*answercache.Cache, error) {
	if a.Entries == 0 {
		return nil, nil
	}
	o := answercache.Options{Entries: a.Entries, Bytes: a.Bytes, Similarity: a.Similarity, Suggest: a.Suggest, OtherWords: a.OtherWords}
	setDefault(&o.Bytes, cacheBytes)
	if o.Similarity == 0 {
		o.Similarity = DefaultSimilarity
	}
	if o.Suggest == 0 {
		o.Suggest = DefaultSuggest
	}
	if o.Entries < 0 || o.Bytes < 0 || !(o.Similarity > 0 && o.Similarity <= 1) || !(o.Suggest > 0 && o.Suggest <= 1) {
		return nil, fmt.Errorf("api: answer cache of %d entries, %d bytes, similarities %g and %g", o.Entries, o.Bytes, o.Similarity, o.Suggest)
	}
	return answercache.New(o)
}

// CachedAnswer is the question that got an answer before.
type CachedAnswer struct {
	Question   string    `json:"question"`
	Exact      bool      `json:"exact"` // the very question, not a similar one
	Similarity float64   `json:"similarity"`
	AskedAt    time.Time `json:"asked_at"` // when the answer was found
}

// PastQuestion is a question that got an answer before.
type PastQuestion struct {
	Question   string    `json:"question"`
	Similarity *float64  `json:"similarity,omitempty"`
	AskedAt    time.Time `json:"asked_at"` // the last time
	Times      int       `json:"times"`
}

// maxSuggestions of an answer.
const maxSuggestions = 5

// ask answers from the cache, or as Ask does.
func (s *Server) ask(ctx context.Context, q Question, cache bool) (Answers, error) {
	if s.answers == nil || q.Given != nil {
		return Ask(ctx, s.index, s.options.Reader, q)
	}
	if !cache {
		s.metrics.questions.Add(1, "bypass")
		return Ask(ctx, s.index, s.options.Reader, q)
	}
	begin := time.Now()
	// The state before the search: an answer that was found while documents
	// were written must not count for the state after it.
	info, err := s.index.Info(ctx, q.Collection)
	if err != nil {
		return Answers{}, err
	}
	q.Collection = info.Name // an alias may be moved meanwhile
	asked := q.withDefaults().cached(info)
	match, exact := s.answers.Exact(asked, begin.UTC())
	if exact {
		return s.again(asked, match, "exact", begin)
	}
	asked.Vector, err = s.index.QueryVector(ctx, info.Name, q.Text)
	if err != nil && (ctx.Err() != nil || !errors.Is(err, index.ErrEncoder)) {
		return Answers{}, err
	}
	if match, near := s.answers.Near(asked); near {
		return s.again(asked, match, "near", begin)
	}
	s.metrics.questions.Add(1, "miss")
	q.Vector = asked.Vector
	before := time.Since(begin)
	answers, err := Ask(ctx, s.index, s.options.Reader, q)
	if err != nil || asked.Vector == nil || answers.Stats.Degraded != "" {
		return answers, err
	}
	raw, err := json.Marshal(Answers{Answers: answers.Answers, NoAnswerScore: answers.NoAnswerScore})
	if err != nil {
		return Answers{}, fmt.Errorf("encode the answer: %w", err)
	}
	s.answers.Put(asked, raw, len(answers.Answers) > 0, time.Now().UTC())
	answers.Suggestions = pastQuestions(s.answers.Similar(asked, match, maxSuggestions), true)
	answers.Stats.SearchMS = math.Round(1000*(answers.Stats.SearchMS+milliseconds(before))) / 1000 // with the encoding
	answers.Stats.TookMS = milliseconds(time.Since(begin))
	return answers, nil
}

// cached is the question as the cache takes it.
func (q Question) cached(info index.Info) answercache.Question {
	return answercache.Question{
		Place: placeOf(info, q.Filter), Text: q.Text, State: info.Sequence + info.Configured,
		Options: fmt.Sprintf("%d %d %g", q.Passages, q.Answers, *q.MinScore),
	}
}

// placeOf keeps questions of different filters apart: who may see one part of a
// collection must not see what is asked about another.
func placeOf(info index.Info, f index.Filter) answercache.Place {
	p := answercache.Place{Collection: info.Name, Created: info.Created.UnixNano()}
	if f != nil {
		p.Filter = f.String()
	}
	return p
}

// again gives the answer that a question got before.
func (s *Server) again(asked answercache.Question, m answercache.Match, result string, begin time.Time) (Answers, error) {
	var a Answers
	if err := json.Unmarshal(m.Answer, &a); err != nil {
		return a, fmt.Errorf("decode a cached answer: %w", err)
	}
	s.metrics.questions.Add(1, result)
	a.Cached = &CachedAnswer{Question: m.Text, Exact: result == "exact", Similarity: m.Similarity, AskedAt: m.Answered}
	a.Suggestions = pastQuestions(s.answers.Similar(asked, m, maxSuggestions), true)
	a.Stats.TookMS = milliseconds(time.Since(begin))
	return a, nil
}

func pastQuestions(matches []answercache.Match, similar bool) []PastQuestion {
	list := make([]PastQuestion, len(matches))
	for i, m := range matches {
		list[i] = PastQuestion{Question: m.Text, AskedAt: m.Asked, Times: m.Times}
		if similar {
			list[i].Similarity = &matches[i].Similarity
		}
	}
	return list
}

// answerCache adds what the cache tells.
func (m *serverMetrics) answerCache(c *answercache.Cache) {
	r := &m.registry
	m.questions = r.Counters("semdex_answer_cache_total", "Questions, by whether the answer of an exact or a near one was there.", "result")
	r.ReadCounters("semdex_answer_cache_evictions_total", "Questions forgotten to make room.",
		func(emit metrics.Emit) { emit(float64(c.Stats().Evicted)) })
	r.Gauge("semdex_answer_cache_entries", "Questions remembered.", func() float64 { return float64(c.Stats().Entries) })
	r.Gauge("semdex_answer_cache_bytes", "Bytes of the questions remembered, with vectors and answers.", func() float64 { return float64(c.Stats().Bytes) })
}
