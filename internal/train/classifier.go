package train

import (
	"fmt"
	"math"

	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn"
)

// Classifier is an encoder with the head that scores a whole input by its first
// token: what transformers calls ForSequenceClassification. One class is a score,
// several are alternatives.
type Classifier struct {
	nn.Module
	Encoder *Encoder
	// Hidden is BERT's pooler, followed by tanh, or DistilBERT's pre_classifier,
	// followed by ReLU: [hidden, hidden].
	Hidden *Linear
	Output *Linear // [classes, hidden]
}

// distilClassifierDropout is DistilBERT's rate before the classifier
// (seq_classif_dropout); BERT's is that of its hidden states.
const distilClassifierDropout = 0.2

// NewClassifier puts a zero head behind an encoder, under transformers' names.
func NewClassifier(e *Encoder, classes int) *Classifier {
	hidden := "pre_classifier"
	if e.Config.Architecture == BERT {
		hidden = "pooler.dense"
	}
	n := e.Config.Hidden
	return &Classifier{
		Encoder: e,
		Hidden:  NewLinear(hidden, n, n, true),
		Output:  NewLinear("classifier", classes, n, true),
	}
}

// Classes is the number of scores of an input.
func (c *Classifier) Classes() int { return c.Output.Weight.Shape()[0] }

// Logits scores the inputs of a batch, [inputs, classes]. Errors wrap ErrBatch.
func (c *Classifier) Logits(g *Graph, b *Batch) (mat.Tensor, error) {
	states, err := c.Encoder.Forward(g, b)
	if err != nil {
		return nil, err
	}
	x, err := g.Pool(states[len(states)-1], b, PoolCLS)
	if err != nil {
		return nil, err
	}
	activation, rate := ReLU, distilClassifierDropout
	if c.Encoder.Config.Architecture == BERT {
		activation, rate = Tanh, c.Encoder.Config.Dropout
	} else if c.Encoder.Config.Dropout == 0 {
		rate = 0 // a model without dropout has none here
	}
	if x, err = g.Activate(g.Linear(x, c.Hidden), activation); err != nil {
		return nil, err
	}
	return g.Linear(g.Dropout(x, rate), c.Output), nil
}

// BinaryCrossEntropy is the mean over all logits of
//
//	-(y log s(x) + (1 - y) log(1 - s(x))) = max(x, 0) - x y + log(1 + e^-|x|)
//
// with s the logistic function and targets y between 0 and 1, which need not be
// either: a graded score is learnt by it, too. Errors wrap ErrBatch.
func (g *Graph) BinaryCrossEntropy(logits mat.Tensor, targets []float32) (mat.Tensor, error) {
	if len(targets) != logits.Size() || len(targets) == 0 {
		return nil, fmt.Errorf("%w: %d targets for %d logits", ErrBatch, len(targets), logits.Size())
	}
	for i, y := range targets {
		if !(y >= 0 && y <= 1) {
			return nil, fmt.Errorf("%w: target %d is %g, not between 0 and 1", ErrBatch, i, y)
		}
	}
	return g.scalar(func(o *loss) float64 {
		var sum float64
		for i, v := range Values(logits) {
			x, y := float64(v), float64(targets[i])
			e := math.Exp(-math.Abs(x))
			sum += max(x, 0) - x*y + math.Log1p(e)
			if o.grads[0] != nil {
				s := 1 / (1 + e)
				if x < 0 {
					s = e / (1 + e)
				}
				o.grads[0][i] = float32((s - y) / float64(len(targets)))
			}
		}
		return sum / float64(len(targets))
	}, logits), nil
}
