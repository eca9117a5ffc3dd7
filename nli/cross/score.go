package cross

import (
	"context"
	"fmt"
	"math"
	"strings"

	"semdex/embed"
	"semdex/internal/metric"
)

// Score is how a cross-encoder does on one set.
type Score struct {
	Set       string  `json:"set"`
	Pairs     int     `json:"pairs"`
	Truncated int     `json:"truncated,omitempty"`
	Loss      float64 `json:"loss"` // mean cross-entropy in nats

	// Of classes.
	Accuracy  float64           `json:"accuracy,omitempty"`
	MacroF1   float64           `json:"macro_f1,omitempty"`
	Majority  float64           `json:"majority,omitempty"` // accuracy of the most frequent class
	Confusion *metric.Confusion `json:"confusion,omitempty"`

	// Of scores.
	Spearman float64 `json:"spearman,omitempty"`
	Pearson  float64 `json:"pearson,omitempty"`
	// AUC and MRR where scores are 0 and 1 alone: how relevant passages rank
	// among all, and among those of their query.
	AUC *float64 `json:"auc,omitempty"`
	MRR *float64 `json:"mrr,omitempty"`
}

// Value is the figure that decides which weights are kept, and its name.
func (s *Score) Value() (name string, value float64) {
	switch {
	case s.Confusion != nil:
		return "accuracy", s.Accuracy
	case s.AUC != nil:
		return "AUC", *s.AUC
	}
	return "Spearman", s.Spearman
}

func (s *Score) String() string {
	name, value := s.Value()
	return fmt.Sprintf("%s %.4f, loss %.4f over %d pairs", name, value, s.Loss, s.Pairs)
}

// Evaluate scores a model on a set. The model's labels must be the set's, or one
// for scores. Errors wrap ErrData, or are the Predictor's.
func Evaluate(ctx context.Context, p *embed.Predictor, s *Set) (*Score, error) {
	labels := p.Labels()
	if want := max(1, len(s.Labels)); len(labels) != want {
		return nil, fmt.Errorf("%w: %s has %d classes, the model %d (%s)", ErrData, s.Name, want, len(labels), strings.Join(labels, ", "))
	}
	for i, l := range s.Labels {
		if !strings.EqualFold(l, labels[i]) {
			return nil, fmt.Errorf("%w: class %d is %s in the set, %s in the model", ErrData, i, l, labels[i])
		}
	}
	if len(s.Pairs) == 0 {
		return nil, fmt.Errorf("%w: %s has none", ErrData, s.Name)
	}
	r, err := p.Predict(ctx, s.Pairs, embed.PredictOptions{})
	if err != nil {
		return nil, err
	}
	out := &Score{Set: s.Name, Pairs: len(s.Pairs)}
	for _, cut := range r.Truncated {
		if cut {
			out.Truncated++
		}
	}
	if s.Classes != nil {
		out.classes(s, r.Logits)
		return out, nil
	}
	return out, out.scores(s, r.Logits)
}

func (o *Score) classes(s *Set, logits [][]float32) {
	o.Confusion = metric.NewConfusion(s.Labels)
	var loss float64
	for i, l := range logits {
		gold := int(s.Classes[i])
		o.Confusion.Add(gold, argmax(l))
		loss += logSum(l) - float64(l[gold])
	}
	o.Loss = loss / float64(len(logits))
	o.Accuracy, o.MacroF1, o.Majority = o.Confusion.Accuracy(), o.Confusion.MacroF1(), o.Confusion.Majority()
}

// argmax is the number of the highest value, the first of equal ones.
func argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// logSum is log sum e^x.
func logSum(x []float32) float64 {
	top := float64(x[argmax(x)])
	var sum float64
	for _, v := range x {
		sum += math.Exp(float64(v) - top)
	}
	return top + math.Log(sum)
}

func (o *Score) scores(s *Set, logits [][]float32) error {
	scores := make([]float64, len(logits))
	var loss float64
	for i, l := range logits {
		x := float64(l[0])
		scores[i] = x
		loss += max(x, 0) - x*s.Scores[i] + math.Log1p(math.Exp(-math.Abs(x)))
	}
	o.Loss = loss / float64(len(logits))
	probabilities := make([]float64, len(logits))
	for i, l := range logits {
		probabilities[i] = embed.Probabilities(l)[0]
	}
	var err error
	if o.Spearman, err = metric.Spearman(scores, s.Scores); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrData, s.Name, err)
	}
	if o.Pearson, err = metric.Pearson(probabilities, s.Scores); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrData, s.Name, err)
	}
	if s.binary() {
		return o.ranks(s, scores)
	}
	return nil
}

// binary says that every score is 0 or 1.
func (s *Set) binary() bool {
	for _, x := range s.Scores {
		if x != 0 && x != 1 {
			return false
		}
	}
	return true
}

func (o *Score) ranks(s *Set, scores []float64) error {
	relevant := make([]bool, len(scores))
	for i, x := range s.Scores {
		relevant[i] = x == 1
	}
	auc, err := metric.AUC(scores, relevant)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrData, s.Name, err)
	}
	o.AUC = &auc
	if mrr, queries := reciprocalRank(s, scores, relevant); queries > 0 {
		o.MRR = &mrr
	}
	return nil
}

// reciprocalRank is the mean over the queries (first texts) with relevant and
// other passages of 1 over the rank of the first relevant one. Equal scores rank
// it last.
func reciprocalRank(s *Set, scores []float64, relevant []bool) (mrr float64, queries int) {
	type query struct {
		best  float64
		found bool
		rows  []int
	}
	byText := make(map[string]*query)
	var order []*query // sums in an order that no map decides
	for i, p := range s.Pairs {
		q := byText[p.A]
		if q == nil {
			q = new(query)
			byText[p.A] = q
			order = append(order, q)
		}
		q.rows = append(q.rows, i)
		if relevant[i] && (!q.found || scores[i] > q.best) {
			q.best, q.found = scores[i], true
		}
	}
	for _, q := range order {
		rank, others := 1, 0
		for _, i := range q.rows {
			if relevant[i] {
				continue
			}
			others++
			if scores[i] >= q.best {
				rank++
			}
		}
		if q.found && others > 0 {
			mrr += 1 / float64(rank)
			queries++
		}
	}
	if queries > 0 {
		mrr /= float64(queries)
	}
	return mrr, queries
}
