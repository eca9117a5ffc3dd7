package qa

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	"semdex/embed/encoder"
)

// Errors of a call.
var (
	// ErrNoQuestion: the question has no text, or nothing of it is a token.
	ErrNoQuestion = errors.New("the question is empty")
	// ErrNotFinite: the model's scores are NaN or infinite.
	ErrNotFinite = errors.New("the reader's scores are not finite")
)

// Query is a question and the passages that may hold its answer.
type Query struct {
	Question string
	Passages []string
	// Priors are what is known of the passages without reading them, in log-odds that
	// are added to those of every answer in them; nil: nothing.
	Priors []float64
}

// Answer is runes [Start, End) of a passage.
type Answer struct {
	Passage    int // its number
	Start, End int
	Text       string
	// Context is the sentence that the answer stands in, also runes of the
	// passage.
	Context [2]int
	// Odds is the log-odds of the answer, as Config.Scoring weighs it, with the prior
	// of its passage; they compare across passages.
	Odds float64
	// Score is the odds less the threshold, brought to 0 to 1: above .5 the
	// answer is better given than not.
	Score float64
}

// Result is the answers to a query, the best first. They do not overlap.
type Result struct {
	Answers []Answer
	// NoAnswer is how sure the reader is that there is no answer: 1 less the
	// best score, 1 if there was nothing to read.
	NoAnswer float64
	Windows  int
	Tokens   int // read, the question counted in every window
}

// Read gives up to n answers to a question. The threshold removes none of them.
// Errors wrap ErrNoQuestion, ErrNotFinite or ErrClosed, or are ctx's.
func (r *Reader) Read(ctx context.Context, question string, passages []string, n int) (Result, error) {
	results, err := r.ReadAll(ctx, []Query{{Question: question, Passages: passages}}, n)
	if err != nil {
		return Result{}, err
	}
	return results[0], nil
}

// ReadAll is Read for several queries, whose windows share batches.
func (r *Reader) ReadAll(ctx context.Context, queries []Query, n int) ([]Result, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		return nil, ErrClosed
	}
	c := &call{r: r, n: n, texts: make(map[string]*text), found: make([][]candidate, len(queries)), results: make([]Result, len(queries))}
	for i, q := range queries {
		if err := c.question(ctx, i, q); err != nil {
			return nil, err
		}
	}
	if err := c.flush(ctx); err != nil {
		return nil, err
	}
	for i := range queries {
		c.finish(i, queries[i])
	}
	return c.results, nil
}

// text is a passage in the forms that are needed.
type text struct {
	*Passage
	runes []rune
}

// call is the state of one ReadAll.
type call struct {
	r     *Reader
	n     int
	texts map[string]*text

	batch   encoder.Batch
	inputs  []input
	logits  []float32
	found   [][]candidate // by query
	results []Result
}

// input is a window in the batch.
type input struct {
	query, passage int
	prior          float64
	before         int
	window         Window
}

// question adds the windows of a query.
func (c *call) question(ctx context.Context, i int, q Query) error {
	question := c.r.Question(q.Question)
	if len(question) == 0 || strings.TrimSpace(q.Question) == "" {
		return fmt.Errorf("question %d: %w", i, ErrNoQuestion)
	}
	if q.Priors != nil && len(q.Priors) != len(q.Passages) {
		return fmt.Errorf("question %d: %d priors for %d passages", i, len(q.Priors), len(q.Passages))
	}
	for j, passage := range q.Passages {
		p := c.text(passage)
		for _, w := range c.r.Windows(question, len(p.IDs)) {
			size := w.To - w.From + len(question) + specials
			if c.batch.Tokens() > 0 && c.batch.Tokens()+size > c.r.batch {
				if err := c.flush(ctx); err != nil {
					return err
				}
			}
			prior := 0.
			if q.Priors != nil {
				prior = q.Priors[j]
			}
			c.add(input{i, j, prior, Before(question), w}, question, p.Passage)
		}
	}
	return nil
}

func (c *call) text(s string) *text {
	t := c.texts[s]
	if t == nil {
		t = &text{c.r.Passage(s), []rune(s)}
		c.texts[s] = t
	}
	return t
}

func (c *call) add(in input, question []int32, p *Passage) {
	b := &c.batch
	if len(b.Offsets) == 0 {
		b.Offsets = append(b.Offsets, 0)
	}
	n := len(b.IDs)
	b.IDs = c.r.Append(b.IDs, question, p, in.window)
	n = len(b.IDs) - n
	if c.r.types {
		b.Types = AppendTypes(b.Types, question, n)
	}
	b.Offsets = append(b.Offsets, int32(len(b.IDs)))
	c.inputs = append(c.inputs, in)
	c.results[in.query].Windows++
	c.results[in.query].Tokens += n
}

// flush reads the batch and collects its candidates in the order of its
// windows.
func (c *call) flush(ctx context.Context) error {
	if len(c.inputs) == 0 {
		return ctx.Err()
	}
	if need := 2 * c.batch.Tokens(); cap(c.logits) < need {
		c.logits = make([]float32, need)
	}
	logits, offsets := c.logits[:2*c.batch.Tokens()], c.batch.Offsets
	err := c.r.engine.Forward(ctx, &c.batch, func(i int, states []float32) {
		c.r.score(logits[2*offsets[i]:2*offsets[i+1]], states)
	})
	if err != nil {
		return err
	}
	for _, v := range logits {
		if v != v || math.IsInf(float64(v), 0) {
			return fmt.Errorf("%w: model %s", ErrNotFinite, c.r.Name())
		}
	}
	for i, in := range c.inputs {
		found := &c.found[in.query]
		from := len(*found)
		*found = decode(*found, logits[2*offsets[i]:2*offsets[i+1]], in.before, in.window, c.r.Config)
		for k := from; k < len(*found); k++ {
			(*found)[k].passage = in.passage
			(*found)[k].odds += in.prior
		}
	}
	c.batch.Reset()
	c.inputs = c.inputs[:0]
	return nil
}

// finish chooses the answers of a query. Punctuation alone is none.
func (c *call) finish(i int, q Query) {
	place := func(a *candidate) bool {
		t := c.texts[q.Passages[a.passage]]
		a.start, a.end = c.r.Config.Text(t.Passage, t.runes, a.from, a.to)
		return slices.ContainsFunc(t.runes[a.start:a.end], func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
	}
	out := &c.results[i]
	out.NoAnswer = 1
	for _, a := range distinct(c.found[i], c.n, place) {
		score := sigmoid(a.odds - c.r.Config.Threshold)
		out.NoAnswer = min(out.NoAnswer, 1-score)
		runes := c.texts[q.Passages[a.passage]].runes
		answer := Answer{
			Passage: a.passage, Start: a.start, End: a.end, Text: string(runes[a.start:a.end]), Odds: a.odds, Score: score,
		}
		answer.Context[0], answer.Context[1] = sentence(runes, a.start, a.end)
		out.Answers = append(out.Answers, answer)
	}
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
