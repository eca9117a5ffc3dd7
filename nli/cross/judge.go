package cross

import (
	"fmt"
)

// Judge scores the logits that a model gave for a set's pairs, as Evaluate does,
// and gives what it decided on each pair: the number of a class, or a logit.
// Errors wrap ErrData.
func Judge(s *Set, logits [][]float32) (*Score, []float64, error) {
	if len(logits) != len(s.Pairs) || len(logits) == 0 {
		return nil, nil, fmt.Errorf("%w: %s has %d pairs and %d judgements", ErrData, s.Name, len(s.Pairs), len(logits))
	}
	out := &Score{Set: s.Name, Pairs: len(s.Pairs)}
	decided := make([]float64, len(logits))
	for i, l := range logits {
		if want := max(1, len(s.Labels)); len(l) != want {
			return nil, nil, fmt.Errorf("%w: %s has %d classes, the model %d", ErrData, s.Name, want, len(l))
		}
		if decided[i] = float64(l[0]); s.Classes != nil {
			decided[i] = float64(argmax(l))
		}
	}
	if s.Classes != nil {
		out.classes(s, logits)
		return out, decided, nil
	}
	return out, decided, out.scores(s, logits)
}
