package adapt

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The formula over a few texts, term by term.
func plainBM25(texts [][]int32, query []int32, text int) float64 {
	total := 0
	for _, t := range texts {
		total += len(t)
	}
	mean := float64(total) / float64(len(texts))
	var sum float64
	for _, q := range query {
		n, tf := 0.0, 0.0
		for i, t := range texts {
			if slices.Contains(t, q) {
				n++
			}
			for _, id := range t {
				if i == text && id == q {
					tf++
				}
			}
		}
		idf := math.Log(1 + (float64(len(texts))-n+.5)/(n+.5))
		sum += idf * tf * 2.2 / (tf + 1.2*(.25+.75*float64(len(texts[text]))/mean))
	}
	return sum
}

func TestBM25AgainstTheFormula(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	texts := make([][]int32, 40)
	draw := func(n int) (list []int32) {
		for range n {
			list = append(list, rng.Int32N(30))
		}
		return list
	}
	for i := range texts {
		texts[i] = draw(1 + rng.IntN(20))
	}
	x := newBM25(texts)
	s := x.scorer()
	for range 50 {
		query := append(draw(1+rng.IntN(6)), 99) // one that no text has
		s.score(query)
		want := make([]float64, len(texts))
		for i := range texts {
			want[i] = plainBM25(texts, query, i)
			if math.Abs(s.scores[i]-want[i]) > 1e-9 {
				t.Fatalf("text %d scores %g, want %g", i, s.scores[i], want[i])
			}
			var parts float64
			for _, id := range query {
				parts += x.of(id, int32(i))
			}
			if math.Abs(parts-want[i]) > 1e-9 {
				t.Fatalf("text %d: the parts add up to %g, want %g", i, parts, want[i])
			}
		}
		odd := func(i int32) bool { return i%2 == 1 }
		var order []int32
		for i := range texts {
			if s.scores[i] > 0 && odd(int32(i)) {
				order = append(order, int32(i))
			}
		}
		slices.SortStableFunc(order, func(a, b int32) int {
			switch {
			case s.scores[a] > s.scores[b]:
				return -1
			case s.scores[a] < s.scores[b]:
				return 1
			}
			return int(a - b)
		})
		if got := s.best(5, odd); !slices.Equal(got, order[:min(5, len(order))]) {
			t.Fatalf("best %v, want %v", got, order[:min(5, len(order))])
		}
		above := 0
		for _, v := range s.scores {
			if v > s.scores[7] {
				above++
			}
		}
		if want := above + 1; s.scores[7] > 0 && s.rank([]int32{7}) != want {
			t.Fatalf("rank %d, want %d", s.rank([]int32{7}), want)
		}
	}
}

// Words that lead to the right passage go, the weightiest first, until another one
// is found first; at most half of them.
func TestWorn(t *testing.T) {
	docs := []Document{{Passages: [][]Sentence{{{Text: "red green blue gold cat dog bird fish"}}}}}
	trial := &Trial{
		Candidates: []Candidate{{"0", "cat dog bird red"}, {"1", "red green blue"}, {"2", "red green gold"}, {"3", "gold gold"}},
		Queries: []Query{
			{BySentence, "red cat green", []int32{0}},     // cat goes, then 1 and 2 have red green
			{BySentence, "red green", []int32{0}},         // another passage comes first as it is
			{BySentence, "cat dog bird fish", []int32{0}}, // two go, two still lead there: left out
			{BySentence, "fish", []int32{0}},              // leads nowhere
		},
	}
	worn, err := trial.Worn(t.Context(), tokens(docs), 2)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, q := range worn.Queries {
		got = append(got, q.Text)
	}
	if want := []string{"red green", "red green", "fish"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
