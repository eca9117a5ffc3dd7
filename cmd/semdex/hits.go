package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"semdex/index"
	"semdex/internal/cli"
	"semdex/internal/progress"
)

const (
	snippetLines = 3
	widestText   = 100 // longer lines are tiring to read
)

// printHits writes a ranking for people: title and score, where it comes from,
// and the part of the passage that answers best.
func (a *app) printHits(res index.Result, offset int) error {
	var b strings.Builder
	width := min(a.out.Width(), widestText)
	rankWidth := len(strconv.Itoa(offset + len(res.Hits)))
	for i, hit := range res.Hits {
		if i > 0 {
			b.WriteByte('\n')
		}
		rank := fmt.Sprintf("%*d", rankWidth, offset+i+1)
		a.writeHit(&b, rank, hit, width)
	}
	_, err := a.stdout.Write([]byte(b.String()))
	return err
}

func (a *app) writeHit(b *strings.Builder, rank string, hit index.Hit, width int) {
	indent := strings.Repeat(" ", len(rank)+2)
	room := width - len(indent)
	title := hit.Title
	if title == "" {
		title = hit.DocumentID
	}
	for _, heading := range hit.Headings {
		if heading != hit.Title {
			title += " > " + heading
		}
	}
	score := strconv.FormatFloat(hit.Score, 'f', 3, 64)
	fmt.Fprintf(b, "%s  %s  %s\n", a.out.Paint(cli.Faint, rank),
		a.out.Paint(cli.Bold, cli.Fit(cli.Clean(title), room-len(score)-2)), a.out.Paint(cli.Green, score))
	fmt.Fprintf(b, "%s%s\n", indent, a.out.Paint(cli.Faint, cli.Fit(cli.Clean(origin(hit)), room)))
	for _, line := range a.snippet(hit, room) {
		fmt.Fprintf(b, "%s%s\n", indent, line)
	}
	if hit.Explain != "" {
		for _, line := range wrapPlain(hit.Explain, room) {
			fmt.Fprintf(b, "%s%s\n", indent, a.out.Paint(cli.Faint, line))
		}
	}
}

// printFacets writes a line for each field: its values and their counts.
func (a *app) printFacets(facets *index.Facets, order []string) error {
	if facets == nil {
		return nil
	}
	var b strings.Builder
	counted := map[index.FacetScope]string{
		index.FacetMatches: "all documents that match",
		index.FacetWindow:  "the documents of the best candidates",
	}[facets.Scope]
	fmt.Fprintf(&b, "\n%s\n", a.out.Paint(cli.Faint, fmt.Sprintf("%s: %d", counted, facets.Documents)))
	for _, field := range order {
		f := facets.Fields[field]
		parts := make([]string, 0, len(f.Values)+1)
		for _, v := range f.Values {
			parts = append(parts, fmt.Sprintf("%s %d", cli.Clean(v.Value), v.Count))
		}
		if n := f.Distinct - len(f.Values); n > 0 {
			parts = append(parts, fmt.Sprintf("and %d more", n))
		}
		fmt.Fprintf(&b, "%s  %s\n", a.out.Paint(cli.Bold, cli.Clean(field)), strings.Join(parts, ", "))
	}
	_, err := a.stdout.Write([]byte(b.String()))
	return err
}

// origin is a hit's id, both legs' scores with their ranks, and its metadata.
func origin(hit index.Hit) string {
	parts := []string{hit.ID}
	if s := hit.Scores.Dense; s != nil {
		parts = append(parts, fmt.Sprintf("meaning %.3f (%d)", s.Score, s.Rank))
	}
	if s := hit.Scores.Keyword; s != nil {
		parts = append(parts, fmt.Sprintf("words %.2f (%d)", s.Score, s.Rank))
	}
	if s := hit.RerankScore; s != nil {
		parts = append(parts, fmt.Sprintf("reranked %.3f", *s))
	}
	for _, name := range slices.Sorted(maps.Keys(hit.Metadata)) {
		parts = append(parts, name+"="+metaText(hit.Metadata[name]))
	}
	return strings.Join(parts, "  ")
}

func metaText(v any) string {
	switch v := v.(type) {
	case []string:
		return strings.Join(v, ",")
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		return v.Format(time.RFC3339)
	}
	return fmt.Sprint(v)
}

// snippet is the part of a passage around its highlights, in lines.
func (a *app) snippet(hit index.Hit, width int) []string {
	text := []rune(cli.Clean(hit.Text))
	var marks []cli.Range
	for _, h := range hit.Highlights {
		start, end := max(h.Start-hit.Start, 0), min(h.End-hit.Start, len(text))
		if start < end {
			marks = append(marks, cli.Range{Start: start, End: end})
		}
	}
	part := cli.Snippet(text, marks, snippetLines*(width-6))
	shown := text[part.Start:part.End]
	for i := range marks {
		marks[i].Start -= part.Start
		marks[i].End -= part.Start
	}
	var lines []string
	for _, r := range cli.Wrap(shown, width-2) {
		lines = append(lines, a.out.PaintRange(shown, r, marks, cli.Match))
	}
	if len(lines) > 0 && part.Start > 0 {
		lines[0] = "…" + lines[0]
	}
	if len(lines) > 0 && part.End < len(text) {
		lines[len(lines)-1] += "…"
	}
	return lines
}

func wrapPlain(text string, width int) []string {
	runes := []rune(cli.Clean(text))
	var lines []string
	for _, r := range cli.Wrap(runes, width) {
		lines = append(lines, string(runes[r.Start:r.End]))
	}
	return lines
}

// describe sums up what a search did in one line.
func describe(res index.Result) string {
	s := res.Stats
	more := ""
	if s.More {
		more = " or more"
	}
	how := string(s.Mode)
	if s.Mode == index.Hybrid {
		how = fmt.Sprintf("hybrid, %s, alpha %.2g", s.Fusion, s.Alpha)
	}
	if r := s.Rerank; r != nil {
		how += ", reranked by " + r.Model
	}
	return fmt.Sprintf("%d of %d%s hits, %s, %s", len(res.Hits), res.Total, more, how, progress.Duration(s.Total))
}
