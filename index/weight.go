package index

import "math"

// The bounds of the dense leg's weight where a query names none: neither leg is
// ever silent.
const (
	LeastAlpha = 0.1
	MostAlpha  = 0.9
)

// Evidence is how well the keyword leg answered a query, as far as its own scores
// tell. Both fusion methods throw that away: the best passage of a leg gets the
// leg's whole weight, however poorly it matched.
type Evidence struct {
	// Coverage is the best passage's score over Leg.Full, at most 1: about 1 if it
	// has all words of the query, little if it has only the common ones, 0 if
	// there is no passage.
	Coverage float64 `json:"coverage"`
	// Floor is the score of the window's last passage over that of its best: near 1
	// if a hundred passages match about equally well, so that their order says
	// little, and 0 if there are fewer.
	Floor float64 `json:"floor"`
}

// evidence looks at the window of the keyword leg only, so that it depends
// neither on the page nor on how deep a leg had to go.
func evidence(keyword *Leg) Evidence {
	if len(keyword.Candidates) == 0 || keyword.Candidates[0].Score <= 0 {
		return Evidence{}
	}
	best := keyword.Candidates[0].Score
	e := Evidence{Coverage: 1}
	if keyword.Full > 0 {
		e.Coverage = min(1, best/keyword.Full)
	}
	if len(keyword.Candidates) >= Window {
		e.Floor = max(0, keyword.Candidates[Window-1].Score/best)
	}
	return e
}

// Alpha is the dense leg's weight for a query with this evidence,
//
//	0.1 + 0.8 (1 - (1 - floor^2) (1 - (1 - coverage)^3))
//
// It is the smallest if the best passage has all of the query's words and the
// hundredth next to none. The form was chosen on development questions
// (docs/evaluation.md).
func (e Evidence) Alpha() float64 {
	words := (1 - e.Floor*e.Floor) * (1 - math.Pow(1-e.Coverage, 3))
	return LeastAlpha + (MostAlpha-LeastAlpha)*(1-words)
}
