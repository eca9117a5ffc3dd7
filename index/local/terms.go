package local

import (
	"runtime"
	"sync"
	"sync/atomic"

	"semdex/index"
	"semdex/index/local/analysis"
	"semdex/index/local/postings"
)

// titleWeight is how often a word of what stands before a passage, such as the
// title, counts in it. Chosen with k1 and b; see textsearch.go.
const titleWeight = 3

// analyzed is records' passages by term, and their lengths in terms, by record.
type analyzed struct {
	run     *postings.Run
	lengths [][]uint32
}

// passageAnalyzer analyzes one record after the other.
type passageAnalyzer struct {
	analyzer *analysis.Analyzer
	split    index.SplitOptions
	inverter *postings.Inverter

	title, body []analysis.Token // of the passage before
}

func newPassageAnalyzer(a *analysis.Analyzer, split index.SplitOptions) *passageAnalyzer {
	return &passageAnalyzer{analyzer: a, split: split, inverter: postings.NewInverter()}
}

func (a *passageAnalyzer) records(records []*index.Record) analyzed {
	lengths := make([][]uint32, len(records))
	for i, r := range records {
		lengths[i] = a.record(r)
	}
	return analyzed{a.inverter.Run(), lengths}
}

// record inverts a record's passages and returns their lengths. The words of what
// stands before a passage, such as the title, are its own.
func (a *passageAnalyzer) record(r *index.Record) []uint32 {
	cut := newCutter(r.Text)
	lengths := make([]uint32, len(r.Passages))
	prefixes := a.split.Prefixes(r)
	for i, p := range r.Passages {
		if i == 0 || prefixes[i] != prefixes[i-1] {
			a.title = a.analyzer.AppendDocument(a.title[:0], prefixes[i])
		}
		a.body = a.analyzer.AppendDocument(a.body[:0], cut.runes(p.Start, p.End))
		lengths[i] = uint32(a.count(a.title, titleWeight) + a.count(a.body, 1))
		a.inverter.Next()
	}
	return lengths
}

func (a *passageAnalyzer) count(tokens []analysis.Token, weight int) int {
	for _, t := range tokens {
		a.inverter.Add(t.Term, uint32(weight))
	}
	return weight * len(tokens)
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

// analyzedBytes is how much text is inverted together: much, for a term that many
// passages have costs little more than one; not so much that processors wait for each
// other at the end.
const analyzedBytes = 128 << 10

// analyzeRecords analyzes records on all processors, stretch by stretch.
func analyzeRecords(a *analysis.Analyzer, split index.SplitOptions, records []*index.Record) []analyzed {
	stretches := cutRecords(records)
	out := make([]analyzed, len(stretches))
	var next atomic.Int64
	work := func() {
		worker := newPassageAnalyzer(a, split)
		for i := next.Add(1) - 1; int(i) < len(stretches); i = next.Add(1) - 1 {
			out[i] = worker.records(stretches[i])
		}
	}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(stretches)) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	return out
}

// cutRecords cuts records into stretches of about analyzedBytes.
func cutRecords(records []*index.Record) (out [][]*index.Record) {
	begin, bytes := 0, 0
	for i, r := range records {
		bytes += len(r.Text) + len(r.Title)
		if bytes >= analyzedBytes || i == len(records)-1 {
			out = append(out, records[begin:i+1])
			begin, bytes = i+1, 0
		}
	}
	return out
}
