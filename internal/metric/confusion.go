package metric

import "fmt"

// Confusion counts the decisions of a classifier: Counts[gold][predicted].
type Confusion struct {
	Labels []string `json:"labels"`
	Counts [][]int  `json:"counts"`
}

// NewConfusion makes an empty one.
func NewConfusion(labels []string) *Confusion {
	c := &Confusion{Labels: labels, Counts: make([][]int, len(labels))}
	for i := range c.Counts {
		c.Counts[i] = make([]int, len(labels))
	}
	return c
}

// Add counts a decision.
func (c *Confusion) Add(gold, predicted int) { c.Counts[gold][predicted]++ }

// Total is the number of decisions.
func (c *Confusion) Total() int {
	n := 0
	for i := range c.Labels {
		n += c.Gold(i)
	}
	return n
}

// Right is the number of right decisions.
func (c *Confusion) Right() int {
	n := 0
	for i := range c.Labels {
		n += c.Counts[i][i]
	}
	return n
}

// Gold is how often label i was right, Predicted how often it was predicted.
func (c *Confusion) Gold(i int) (n int) {
	for _, x := range c.Counts[i] {
		n += x
	}
	return n
}

// Predicted is how often label i was predicted.
func (c *Confusion) Predicted(i int) (n int) {
	for _, row := range c.Counts {
		n += row[i]
	}
	return n
}

// Accuracy is the share of right decisions, 0 for none.
func (c *Confusion) Accuracy() float64 { return ratio(c.Right(), c.Total()) }

// Majority is the accuracy of always predicting the most frequent label.
func (c *Confusion) Majority() float64 {
	most := 0
	for i := range c.Labels {
		most = max(most, c.Gold(i))
	}
	return ratio(most, c.Total())
}

// Precision is the share of predictions of label i that are right.
func (c *Confusion) Precision(i int) float64 { return ratio(c.Counts[i][i], c.Predicted(i)) }

// Recall is the share of label i that was predicted.
func (c *Confusion) Recall(i int) float64 { return ratio(c.Counts[i][i], c.Gold(i)) }

// F1 is the harmonic mean of precision and recall of label i, 0 if it was never
// predicted right.
func (c *Confusion) F1(i int) float64 { return ratio(2*c.Counts[i][i], c.Gold(i)+c.Predicted(i)) }

// MacroF1 is the mean of F1 over the labels that occur or were predicted.
func (c *Confusion) MacroF1() float64 {
	var sum float64
	n := 0
	for i := range c.Labels {
		if c.Gold(i)+c.Predicted(i) > 0 {
			sum += c.F1(i)
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// AUC is the area under the receiver operating characteristic: the probability
// that a positive item scores above a negative one, ties counting half.
func AUC(scores []float64, positive []bool) (float64, error) {
	if len(scores) != len(positive) {
		return 0, fmt.Errorf("%d scores of %d items", len(scores), len(positive))
	}
	var sum float64
	n := 0
	for i, r := range Ranks(scores) {
		if positive[i] {
			sum += r
			n++
		}
	}
	rest := len(scores) - n
	if n == 0 || rest == 0 {
		return 0, fmt.Errorf("%d of %d items are positive: there is nothing to compare", n, len(scores))
	}
	return (sum - float64(n)*float64(n+1)/2) / (float64(n) * float64(rest)), nil
}
