package local

import (
	"runtime"
	"sync"

	bleveindex "github.com/blevesearch/bleve_index_api"

	"semdex/index"
	"semdex/index/local/analysis"
)

// titleWeight is how often a word of the title counts in each of the
// document's passages. Chosen with k1 and b; see textsearch.go.
const titleWeight = 3

// terms are one passage's terms with the title's, counted: a field of the text
// leg that needs no analysis any more.
type terms struct {
	frequencies bleveindex.TokenFrequencies
	length      int
}

const termsField = "t"

// The methods of bleve's index.Field.

func (t *terms) Name() string                                          { return termsField }
func (t *terms) Value() []byte                                         { return nil }
func (t *terms) ArrayPositions() []uint64                              { return nil }
func (t *terms) EncodedFieldType() byte                                { return 't' }
func (t *terms) Analyze()                                              {}
func (t *terms) Options() bleveindex.FieldIndexingOptions              { return bleveindex.IndexField }
func (t *terms) AnalyzedLength() int                                   { return t.length }
func (t *terms) AnalyzedTokenFrequencies() bleveindex.TokenFrequencies { return t.frequencies }
func (t *terms) NumPlainTextBytes() uint64                             { return 0 }
func (t *terms) Size() int                                             { return 64 * len(t.frequencies) }

func (t *terms) add(tokens []analysis.Token, weight int) {
	for _, tok := range tokens {
		f := t.frequencies[tok.Term]
		if f == nil {
			f = &bleveindex.TokenFreq{Term: []byte(tok.Term)}
			t.frequencies[tok.Term] = f
		}
		f.SetFrequency(f.Frequency() + weight)
	}
	t.length += weight * len(tokens)
}

// analyzePassages returns the terms of every passage of a record.
func analyzePassages(a *analysis.Analyzer, r *index.Record) []*terms {
	title := a.Document(r.Title)
	cut := newCutter(r.Text)
	out := make([]*terms, len(r.Passages))
	for i, p := range r.Passages {
		body := a.Document(cut.runes(p.Start, p.End))
		t := &terms{frequencies: make(bleveindex.TokenFrequencies, len(body)+len(title))}
		t.add(title, titleWeight)
		t.add(body, 1)
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
func analyzeRecords(a *analysis.Analyzer, records []*index.Record) [][]*terms {
	out := make([][]*terms, len(records))
	next := make(chan int, len(records))
	for i := range records {
		next <- i
	}
	close(next)
	work := func() {
		for i := range next {
			out[i] = analyzePassages(a, records[i])
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
