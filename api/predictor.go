package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"semdex/api/wire"
	"semdex/embed"
)

// Predictor judges texts, or pairs of texts read together; *embed.Predictor is
// one. Implementations are safe for concurrent use and stop early when the
// context ends.
type Predictor interface {
	// Predict gives the logits of every input, one for each label.
	Predict(ctx context.Context, inputs []embed.Pair, o embed.PredictOptions) (embed.Prediction, error)
	// Labels are the classes; one of them means that the model gives a score.
	Labels() []string
	Name() string
}

var _ Predictor = (*embed.Predictor)(nil)

// predict runs a predictor under a permit and checks what comes back.
func (s *Server) predict(ctx context.Context, p Predictor, inputs []embed.Pair, o embed.PredictOptions) (embed.Prediction, error) {
	release, err := s.searches.acquire()
	if err != nil {
		s.metrics.rejected.Add(1, "predict")
		return embed.Prediction{}, err
	}
	defer release()
	r, err := p.Predict(ctx, inputs, o)
	for _, known := range []error{embed.ErrTooLong, embed.ErrClosed, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return r, err
		}
	}
	if err != nil {
		return r, fmt.Errorf("%w: %w", errPredictor, err)
	}
	if len(r.Logits) != len(inputs) {
		return r, fmt.Errorf("%w: %d answers to %d inputs", errPredictor, len(r.Logits), len(inputs))
	}
	for i, l := range r.Logits {
		if !finite(l) {
			return r, fmt.Errorf("%w: the scores of input %d are not finite", errPredictor, i)
		}
	}
	s.metrics.pairs.Add(uint64(len(inputs)))
	s.metrics.pairTokens.Add(uint64(sum(r.Tokens)))
	return r, nil
}

// predictOptions reads TEI's options for inputs that are too long.
func predictOptions(truncate *bool, direction *string) (embed.PredictOptions, error) {
	o := embed.PredictOptions{Refuse: truncate != nil && !*truncate}
	var err error
	if direction != nil {
		o.Left, err = cutLeft(*direction)
	}
	return o, err
}

// cutLeft reads TEI's truncation_direction.
func cutLeft(direction string) (bool, error) {
	switch direction {
	case "Left", "left":
		return true, nil
	case "Right", "right":
		return false, nil
	}
	return false, badRequest("invalid_parameter", "truncation_direction", "`truncation_direction` must be \"Left\" or \"Right\", not %q", direction)
}

// teiHeaders tells what an answer cost, as TEI does.
func teiHeaders(c echo.Context, start time.Time, characters, tokens int, waited, inference time.Duration) {
	h := c.Response().Header()
	h.Set("X-Compute-Type", "cpu")
	h.Set("X-Compute-Characters", strconv.Itoa(characters))
	h.Set("X-Compute-Tokens", strconv.Itoa(tokens))
	h.Set("X-Queue-Time", wholeMilliseconds(waited))
	h.Set("X-Inference-Time", wholeMilliseconds(max(0, inference-waited)))
	h.Set("X-Compute-Time", wholeMilliseconds(time.Since(start)))
	h.Set("X-Total-Time", wholeMilliseconds(time.Since(start)))
}

// inputFailure words an error of reading inputs.
func inputFailure(err error) error {
	if e, ok := errors.AsType[*wire.InputError](err); ok {
		return badRequest("wrong_type", e.Path, "%s", e)
	}
	return err
}

// postPredict is TEI's POST /predict: a text or a pair in, its labels with their
// scores out, best first; lists of them for a batch.
func (s *Server) postPredict(c echo.Context) error {
	start := time.Now()
	if s.classifier == nil {
		e := &Error{Status: http.StatusNotImplemented, Type: "no_classifier", Message: "the server has no model that judges texts"}
		return e.hint("start it with --classifier DIR; semdex train cross makes such a model")
	}
	var request wire.TEIPredict
	if err := s.readJSON(c, &request, lenient); err != nil {
		return err
	}
	options, err := predictOptions(request.Truncate, request.TruncationDirection)
	if err != nil {
		return err
	}
	texts, batch, err := wire.ParsePredict("inputs", request.Inputs)
	if err != nil {
		return inputFailure(err)
	}
	inputs, length, err := s.predictInputs(texts)
	if err != nil {
		return err
	}
	began := time.Now()
	r, err := s.predict(c.Request().Context(), s.classifier, inputs, options)
	if err != nil {
		return err
	}
	teiHeaders(c, start, length, sum(r.Tokens), r.Waited, time.Since(began))
	labels := s.classifier.Labels()
	answers := make([][]wire.TEILabel, len(inputs))
	for i, logits := range r.Logits {
		answers[i] = teiLabels(labels, logits, request.RawScores)
	}
	if !batch {
		return s.sendJSON(c, http.StatusOK, answers[0])
	}
	return s.sendJSON(c, http.StatusOK, answers)
}

// predictInputs refuses none, too many and empty inputs, and counts characters.
func (s *Server) predictInputs(texts [][]string) (inputs []embed.Pair, length int, err error) {
	if len(texts) == 0 {
		return nil, 0, badRequest("empty_input", "inputs", "`inputs` cannot be empty")
	}
	if err := s.checkPairs("inputs", len(texts)); err != nil {
		return nil, 0, err
	}
	for i, t := range texts {
		length += characters(t)
		if len(t) == 2 {
			inputs = append(inputs, embed.Pair{A: t[0], B: t[1]})
			continue
		}
		if t[0] == "" {
			return nil, 0, badRequest("empty_text", "inputs", "input %d cannot be empty", i)
		}
		inputs = append(inputs, embed.Pair{A: t[0], Single: true})
	}
	return inputs, length, nil
}

// checkPairs refuses more texts than a request may have.
func (s *Server) checkPairs(field string, n int) error {
	if n > s.limits.Pairs {
		return badRequest("too_many_inputs", field, "batch size %d > maximum allowed batch size %d", n, s.limits.Pairs)
	}
	return nil
}

// teiLabels are the labels with their scores, best first.
func teiLabels(labels []string, logits []float32, raw bool) []wire.TEILabel {
	scores := embed.Probabilities(logits)
	out := make([]wire.TEILabel, len(labels))
	for i, l := range labels {
		out[i] = wire.TEILabel{Score: float32(scores[i]), Label: l}
		if raw {
			out[i].Score = logits[i]
		}
	}
	slices.SortStableFunc(out, func(a, b wire.TEILabel) int { return descending(a.Score, b.Score) })
	return out
}

// descending compares finite numbers, the higher first.
func descending(a, b float32) int {
	switch {
	case a > b:
		return -1
	case a < b:
		return 1
	}
	return 0
}
