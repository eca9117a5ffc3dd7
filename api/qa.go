package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"semdex/index"
)

// Reader finds answers to a question in passages. Implementations are safe for
// concurrent use.
type Reader interface {
	// Read gives up to n answers, the best first, which do not overlap. A
	// question of which nothing can be read is ErrNoQuestion.
	Read(ctx context.Context, question string, passages []ReadText, n int) (Reading, error)
}

// ReadText is a passage to read. Prior is what is known of it before, in log-odds that
// are added to those of every answer in it.
type ReadText struct {
	Text  string
	Prior float64
}

// ErrNoQuestion is a Reader's word for a question without a token.
var ErrNoQuestion = errors.New("the question holds nothing to read")

// Reading is what a Reader found.
type Reading struct {
	Answers []ReadAnswer
	Windows int // inputs read
	Tokens  int
}

// ReadAnswer is runes [Start, End) of a passage, in the sentence that is runes
// [Context[0], Context[1]). Its score is 0 to 1: above .5 the answer is better
// given than not.
type ReadAnswer struct {
	Passage    int
	Start, End int
	Context    [2]int
	Score      float64
}

// Question is what Ask answers.
type Question struct {
	Text       string
	Collection string
	Passages   int          // to search for and read: DefaultPassages
	Given      []GivenText  // read instead of passages of a collection
	Answers    int          // at most: DefaultAnswers
	Filter     index.Filter // of the search
	MinScore   *float64     // of an answer: DefaultMinScore
	Vector     []float32    // of Text, if it is known
}

// Limits and defaults of a question.
const (
	DefaultPassages = 8
	MaxPassages     = 100
	DefaultAnswers  = 3
	MaxAnswers      = 100
	// DefaultMinScore is where the reader finds answering and silence of equal
	// worth.
	DefaultMinScore = 0.5
	// MaxReadRunes bounds all given passages of a question together: it is
	// what a small reader gets through in a request's time.
	MaxReadRunes = 1 << 20
)

// GivenText is a passage that comes with the question.
type GivenText struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// Answers is the answer to a Question, on the wire as well.
type Answers struct {
	Answers []Answer `json:"answers"`
	// NoAnswerScore is how sure the reader is that nothing it read holds an
	// answer: 1 less the score of the best one, shown or not.
	NoAnswerScore float64 `json:"no_answer_score"`
	// Cached says that a question asked before has this answer.
	Cached *CachedAnswer `json:"cached,omitempty"`
	// Suggestions are similar questions asked before, the most similar first.
	Suggestions []PastQuestion `json:"suggestions,omitempty"`
	Stats       AnswerStats    `json:"stats"`
}

// Answer is runes [Start, End) of a document's text. Context is the sentence
// that holds it and begins at rune ContextStart.
type Answer struct {
	Text         string  `json:"text"`
	Score        float64 `json:"score"`
	DocumentID   string  `json:"document_id"`
	PassageID    string  `json:"passage_id"`
	Title        string  `json:"title"`
	Start        int     `json:"start"`
	End          int     `json:"end"`
	Context      string  `json:"context"`
	ContextStart int     `json:"context_start"`
}

// AnswerStats says what it took.
type AnswerStats struct {
	Mode     index.Mode `json:"mode,omitempty"` // of the search
	Degraded string     `json:"degraded,omitempty"`
	Passages int        `json:"passages"` // read
	Windows  int        `json:"windows"`
	Tokens   int        `json:"tokens"`
	SearchMS float64    `json:"search_ms"` // the question's encoding included
	ReadMS   float64    `json:"read_ms"`
	TookMS   float64    `json:"took_ms"`
}

// Searcher finds the passages that Ask reads.
type Searcher interface {
	Search(ctx context.Context, collection string, q index.Query) (index.Result, error)
}

// readPassage is a passage with its place in a document.
type readPassage struct {
	id, document, title string
	text                string
	start               int
	prior               float64
}

// Ask searches for passages, unless they are given, reads them, and gives the
// best answers of all. An answer that two passages of a document share is given
// once. Errors are an *Error for a question that cannot be answered as it is,
// and those of x and r.
func Ask(ctx context.Context, x Searcher, r Reader, q Question) (Answers, error) {
	begin := time.Now()
	q = q.withDefaults()
	if err := q.check(); err != nil {
		return Answers{}, err
	}
	a := Answers{Answers: []Answer{}, NoAnswerScore: 1}
	passages, err := q.passages(ctx, x, &a.Stats)
	if err != nil {
		return Answers{}, err
	}
	a.Stats.SearchMS = milliseconds(time.Since(begin))
	reading := time.Now()
	if err := a.read(ctx, r, q, passages); err != nil {
		return Answers{}, err
	}
	a.Stats.ReadMS, a.Stats.TookMS = milliseconds(time.Since(reading)), milliseconds(time.Since(begin))
	return a, nil
}

func (q Question) withDefaults() Question {
	setDefault(&q.Passages, DefaultPassages)
	setDefault(&q.Answers, DefaultAnswers)
	if q.MinScore == nil {
		score := DefaultMinScore
		q.MinScore = &score
	}
	return q
}

func (q Question) check() error {
	bad := func(field, format string, args ...any) *Error {
		return badRequest("invalid_query", field, format, args...)
	}
	switch {
	case strings.TrimSpace(q.Text) == "":
		return badRequest("missing_parameter", "question", "question is missing or empty")
	case len(q.Text) > index.MaxQueryBytes:
		return bad("question", "the question has %d bytes, at most %d are allowed", len(q.Text), index.MaxQueryBytes)
	case q.Passages < 1 || q.Passages > MaxPassages:
		return bad("passages", "passages is %d, it must be between 1 and %d", q.Passages, MaxPassages)
	case q.Answers < 1 || q.Answers > MaxAnswers:
		return bad("answers", "answers is %d, it must be between 1 and %d", q.Answers, MaxAnswers)
	case !(*q.MinScore >= 0 && *q.MinScore <= 1):
		return bad("min_score", "min_score is %g, it must be between 0 and 1", *q.MinScore)
	case len(q.Given) > MaxPassages:
		return bad("passages", "%d passages are given, at most %d are read", len(q.Given), MaxPassages)
	case q.Given != nil && q.Collection != "":
		return bad("passages", "passages are given and a collection is named").hint("leave one of them out")
	case q.Given != nil && q.Filter != nil:
		return bad("filter", "a filter chooses among the documents of a collection, not among given passages")
	case q.Given == nil && q.Collection == "":
		return badRequest("missing_parameter", "collection", "collection is missing").
			hint(`GET /collections lists them; "passages": ["..."] brings the passages along`)
	}
	runes, empty := 0, true
	for _, p := range q.Given {
		runes += utf8.RuneCountInString(p.Text)
		empty = empty && strings.TrimSpace(p.Text) == ""
	}
	switch {
	case runes > MaxReadRunes:
		return badRequest("text_too_long", "passages", "the passages have %d characters, at most %d are read", runes, MaxReadRunes).
			hint("put the text into a collection, and only its best passages are read")
	case q.Given != nil && empty:
		return bad("passages", "the passages are empty: there is nothing to read")
	}
	return nil
}

// passages are those given, or the best of the collection.
func (q Question) passages(ctx context.Context, x Searcher, stats *AnswerStats) ([]readPassage, error) {
	var out []readPassage
	for i, g := range q.Given {
		id := g.ID
		if id == "" {
			id = fmt.Sprint(i)
		}
		out = append(out, readPassage{id: id, document: id, title: g.Title, text: g.Text})
	}
	if q.Given != nil {
		return out, nil
	}
	result, err := x.Search(ctx, q.Collection, index.Query{
		Text: q.Text, Vector: q.Vector, TopK: q.Passages, Filter: q.Filter, GroupBy: index.ByPassage,
	})
	if err != nil {
		return nil, err
	}
	stats.Mode, stats.Degraded = result.Stats.Mode, result.Stats.Degraded
	for _, h := range result.Hits {
		out = append(out, readPassage{
			id: h.ID, document: h.DocumentID, title: h.Title, text: h.Text, start: h.Start,
			prior: prior(h.Score, result.Hits[0].Score),
		})
	}
	return out, nil
}

// searchWeight is what an answer loses, in log-odds, if the search gave its passage
// nothing of the best one's score. A reader judges each passage alone and finds something
// that looks like an answer in most of them; so what the search thinks of a passage counts,
// too (Yang et al. 2019, End-to-End Open-Domain Question Answering with BERTserini, section
// 3.2). Chosen in docs/evaluation.md, "Which passage answers".
const searchWeight = 15

// prior is that loss for a passage of a score.
func prior(score, best float64) float64 {
	if !(best > 0) {
		return 0
	}
	return -searchWeight * (1 - min(1, max(0, score/best)))
}

// read fills in the answers.
func (a *Answers) read(ctx context.Context, r Reader, q Question, passages []readPassage) error {
	texts := make([]ReadText, len(passages))
	for i, p := range passages {
		texts[i] = ReadText{p.text, p.prior}
	}
	a.Stats.Passages = len(passages)
	if len(passages) == 0 {
		return nil
	}
	// Every passage may bring the same answer, where they overlap.
	found, err := r.Read(ctx, q.Text, texts, 2*q.Answers+len(passages))
	if errors.Is(err, ErrNoQuestion) {
		return badRequest("invalid_query", "question", "%v", err)
	}
	if err != nil {
		return err
	}
	a.Stats.Windows, a.Stats.Tokens = found.Windows, found.Tokens
	for _, f := range found.Answers {
		a.NoAnswerScore = min(a.NoAnswerScore, 1-f.Score)
		p := &passages[f.Passage]
		runes := []rune(p.text)
		answer := Answer{
			Text: string(runes[f.Start:f.End]), Score: f.Score,
			DocumentID: p.document, PassageID: p.id, Title: p.title,
			Start: p.start + f.Start, End: p.start + f.End,
			Context: string(runes[f.Context[0]:f.Context[1]]), ContextStart: p.start + f.Context[0],
		}
		again := q.Given == nil && slices.ContainsFunc(a.Answers, func(b Answer) bool {
			return b.DocumentID == answer.DocumentID && b.Start < answer.End && answer.Start < b.End
		})
		if !again && f.Score >= *q.MinScore && len(a.Answers) < q.Answers {
			a.Answers = append(a.Answers, answer)
		}
	}
	return nil
}
