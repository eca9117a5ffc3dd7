package cross

import (
	"math"

	"semdex/internal/metric"
	"semdex/nli"
)

// Baseline is the result of a method that does not read the two texts together,
// which every cross-encoder has to beat.
type Baseline struct {
	Name     string  `json:"name"`
	Accuracy float64 `json:"accuracy,omitempty"`
	MacroF1  float64 `json:"macro_f1,omitempty"`
	Spearman float64 `json:"spearman,omitempty"`
	Pearson  float64 `json:"pearson,omitempty"`
}

// Baselines are the most frequent class of the training set, the class that the
// words of the second text alone suggest (naive Bayes; Gururangan et al. 2018
// showed how far that leads), and the class that goes with the overlap of words.
// Of scores there is the overlap of words alone. Without a training set (nil)
// only what needs none is there.
func Baselines(training, test *Set) ([]Baseline, error) {
	if test.Classes == nil {
		scored := make([]nli.Scored, len(test.Pairs))
		for i, p := range test.Pairs {
			scored[i] = nli.Scored{A: p.A, B: p.B, Score: test.Scores[i]}
		}
		s, err := nli.EvalOverlap(scored, nli.Words)
		return []Baseline{{Name: "word overlap", Spearman: s.Spearman, Pearson: s.Pearson}}, err
	}
	if training == nil {
		return []Baseline{classBaseline("most frequent class", test, majority(test))}, nil
	}
	return []Baseline{
		classBaseline("most frequent class", test, majority(training)),
		classBaseline("second text alone", test, naiveBayes(training)),
		classBaseline("word overlap", test, overlapClasses(training)),
	}, nil
}

func classBaseline(name string, test *Set, predict func(a, b string) int) Baseline {
	c := metric.NewConfusion(test.Labels)
	for i, p := range test.Pairs {
		c.Add(int(test.Classes[i]), predict(p.A, p.B))
	}
	return Baseline{Name: name, Accuracy: c.Accuracy(), MacroF1: c.MacroF1()}
}

func majority(s *Set) func(a, b string) int {
	counts := make([]float32, len(s.Labels))
	for _, c := range s.Classes {
		counts[c]++
	}
	most := argmax(counts)
	return func(string, string) int { return most }
}

// naiveBayes learns the words of the second texts of every class, with add-one
// smoothing.
func naiveBayes(s *Set) func(a, b string) int {
	classes := len(s.Labels)
	counts := make(map[string][]float64)
	prior, words := make([]float64, classes), make([]float64, classes)
	for i, p := range s.Pairs {
		c := s.Classes[i]
		prior[c]++
		for _, w := range nli.Words(p.B) {
			if counts[w] == nil {
				counts[w] = make([]float64, classes)
			}
			counts[w][c]++
			words[c]++
		}
	}
	return func(_, b string) int {
		score := make([]float32, classes)
		for c := range classes {
			sum := math.Log(prior[c] + 1)
			for _, w := range nli.Words(b) {
				if n := counts[w]; n != nil {
					sum += math.Log((n[c] + 1) / (words[c] + float64(len(counts))))
				}
			}
			score[c] = float32(sum)
		}
		return argmax(score)
	}
}

// overlapBins is how finely the overlap is divided.
const overlapBins = 10

// overlapClasses learns the most frequent class for every tenth of the share of
// the second text's words that stand in the first.
func overlapClasses(s *Set) func(a, b string) int {
	counts := make([][]float32, overlapBins+1)
	for i := range counts {
		counts[i] = make([]float32, len(s.Labels))
	}
	for i, p := range s.Pairs {
		counts[overlapBin(p.A, p.B)][s.Classes[i]]++
	}
	return func(a, b string) int { return argmax(counts[overlapBin(a, b)]) }
}

func overlapBin(a, b string) int {
	in := make(map[string]bool)
	for _, w := range nli.Words(a) {
		in[w] = true
	}
	words := nli.Words(b)
	found := 0
	for _, w := range words {
		if in[w] {
			found++
		}
	}
	return found * overlapBins / max(1, len(words))
}
