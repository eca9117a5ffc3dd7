package workload

import (
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"semdex/index"
)

// Records are valid, of the promised shape, and follow from seed, number and
// version alone.
func TestRecords(t *testing.T) {
	c, again := New(7, 1000, 16), New(7, 1000, 16)
	passages, languages := 0, map[any]int{}
	const documents = 300
	for n := range documents {
		r := c.Record(n, 0)
		if err := index.CheckRecord(r, 16); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(r, again.Record(n, 0)) {
			t.Fatalf("document %d differs the second time", n)
		}
		if v := c.Record(n, 1); v.ID != r.ID || v.Text == r.Text || v.Content == r.Content {
			t.Fatalf("document %d, version 1, is version 0", n)
		}
		runes := []rune(r.Text)
		for _, p := range r.Passages {
			if words := len(strings.Fields(string(runes[p.Start:p.End]))); words < leastWords || words > mostWords {
				t.Errorf("%d words in a passage", words)
			}
			var sum float64
			for _, x := range p.Vector {
				sum += float64(x) * float64(x)
			}
			if math.Abs(sum-1) > 1e-4 {
				t.Errorf("length %v of a vector", math.Sqrt(sum))
			}
		}
		passages += len(r.Passages)
		languages[r.Metadata["language"]]++
	}
	if mean := float64(passages) / documents; mean < 3.5 || mean > 4.5 {
		t.Errorf("%.2f passages in a document", mean)
	}
	if languages["en"] < documents/3 || languages["ko"] < documents/3 {
		t.Errorf("languages: %v", languages)
	}
}

// The words' frequencies fall as those of a language do: few words make up much
// of a text, and many are seen once.
func TestFrequencies(t *testing.T) {
	c := New(3, 1000, 4)
	counts := map[string]int{}
	total := 0
	for n := range 400 {
		r := c.Record(n, 0)
		if r.Metadata["language"] != "en" {
			continue
		}
		for w := range strings.FieldsSeq(strings.ReplaceAll(r.Text, ".", "")) {
			counts[w]++
			total++
		}
	}
	sorted := slices.SortedFunc(maps.Values(counts), func(a, b int) int { return b - a })
	frequent, once := 0, 0
	for i, n := range sorted {
		if i < 100 {
			frequent += n
		}
		if n == 1 {
			once++
		}
	}
	if share := float64(frequent) / float64(total); share < 0.3 || share > 0.6 {
		t.Errorf("the 100 most frequent words are %.2f of the text", share)
	}
	if share := float64(once) / float64(len(counts)); share < 0.2 {
		t.Errorf("%.2f of the words occur once", share)
	}
}

// A question's words stand in a passage of the documents it is about.
func TestQueries(t *testing.T) {
	c := New(5, 1000, 8)
	var texts []string
	for n := range 20 {
		texts = append(texts, c.Record(n, 0).Text)
	}
	for n := range 50 {
		q := c.Query(n, 20)
		if err := index.CheckVector(q.Vector, 8); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(texts, func(text string) bool {
			return !slices.ContainsFunc(strings.Fields(q.Text), func(w string) bool { return !strings.Contains(text, w) })
		}) {
			t.Errorf("no text has all of %q", q.Text)
		}
	}
}
