package local

import (
	"runtime"
	"sync"

	"semdex/index"
	"semdex/index/local/analysis"
)

// titleWeight is how often a word of what stands before a passage, such as the
// title, counts in it. Chosen with k1 and b; see textsearch.go.
const titleWeight = 3

// terms are one passage's terms with its prefix's, counted.
type terms struct {
	counts []termCount
	length int
}

type termCount struct {
	term  string
	count uint32
}

// counter counts terms; at is used again for the next passage.
type counter struct{ at map[string]int }

func (c *counter) add(t *terms, tokens []analysis.Token, weight int) {
	for _, tok := range tokens {
		i, ok := c.at[tok.Term]
		if !ok {
			i = len(t.counts)
			c.at[tok.Term] = i
			t.counts = append(t.counts, termCount{term: tok.Term})
		}
		t.counts[i].count += uint32(weight)
	}
	t.length += weight * len(tokens)
}

// analyzePassages returns the terms of every passage of a record.
func analyzePassages(a *analysis.Analyzer, split index.SplitOptions, r *index.Record) []*terms {
	cut := newCutter(r.Text)
	count := counter{make(map[string]int)}
	out := make([]*terms, len(r.Passages))
	prefixes := split.Prefixes(r)
	var title []analysis.Token
	for i, p := range r.Passages {
		if i == 0 || prefixes[i] != prefixes[i-1] {
			title = a.Document(prefixes[i])
		}
		body := a.Document(cut.runes(p.Start, p.End))
		t := &terms{counts: make([]termCount, 0, len(body)+len(title))}
		clear(count.at)
		count.add(t, title, titleWeight)
		count.add(t, body, 1)
		out[i] = t
	}
	return out
}

// cutter cuts stretches out of a text whose starts grow, without turning the
// text into runes.
type cutter struct {
	text       string
	rune, byte int // the same place, counted in both
}

func newCutter(text string) *cutter { return &cutter{text: text} }

func (c *cutter) runes(start, end int) string {
	if start < c.rune {
		c.rune, c.byte = 0, 0
	}
	c.byte = c.skip(start - c.rune)
	c.rune = start
	return c.text[c.byte:c.skip(end-start)]
}

// skip returns the offset n runes behind the current place.
func (c *cutter) skip(n int) int {
	for i := range c.text[c.byte:] {
		if n == 0 {
			return c.byte + i
		}
		n--
	}
	return len(c.text)
}

// analyzeRecords analyzes records on all processors.
func analyzeRecords(a *analysis.Analyzer, split index.SplitOptions, records []*index.Record) [][]*terms {
	out := make([][]*terms, len(records))
	next := make(chan int, len(records))
	for i := range records {
		next <- i
	}
	close(next)
	work := func() {
		for i := range next {
			out[i] = analyzePassages(a, split, records[i])
		}
	}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(records)) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	return out
}
