package evalsuite

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"semdex/internal/progress"
)

// titles head the tables of a report.
var titles = map[Kind]string{
	STS:       "Sentence similarity",
	NLI:       "Pairs read together",
	Retrieval: "Retrieval",
	QA:        "Question answering",
	Parallel:  "Translations found",
}

// units are what a kind's items are.
var units = map[Kind]string{STS: "pairs", NLI: "pairs", Retrieval: "queries", QA: "questions", Parallel: "pairs"}

// WriteMarkdown writes a table for every kind of set, in hundredths: each set with
// its baselines first. The best figure of a set is bold, ceilings aside.
func (t *Table) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", t.Suite)
	for _, kind := range Kinds() {
		sets := slices.DeleteFunc(slices.Clone(t.Sets), func(r Results) bool { return r.Kind != kind })
		if len(sets) > 0 {
			writeKind(&b, kind, sets)
		}
	}
	if len(t.Missing) > 0 {
		b.WriteString("\nLeft out because files are missing:\n\n")
		for _, m := range t.Missing {
			fmt.Fprintf(&b, "- %s\n", cell(m.Set))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeKind(b *strings.Builder, kind Kind, sets []Results) {
	var measures []string
	for _, s := range sets {
		for _, row := range s.Rows {
			for _, f := range row.Figures {
				if !slices.Contains(measures, f.Measure) {
					measures = append(measures, f.Measure)
				}
			}
		}
	}
	fmt.Fprintf(b, "\n## %s\n\n| set | %s | by | %s |\n|---|--:|---%s|\n",
		titles[kind], units[kind], strings.Join(measures, " | "), strings.Repeat("|--:", len(measures)))
	for _, s := range sets {
		for i, row := range s.Rows {
			name, items := "", ""
			if i == 0 {
				name, items = cell(s.Set), progress.Count(int64(s.Items))
			}
			fmt.Fprintf(b, "| %s | %s | %s |", name, items, cell(label(&row)))
			for _, m := range measures {
				fmt.Fprintf(b, " %s |", s.shown(&row, m))
			}
			b.WriteByte('\n')
		}
	}
}

// shown is a figure as it stands in the table, "" if the row has none.
func (r *Results) shown(row *Row, measure string) string {
	f := row.figure(measure)
	if f == nil {
		return ""
	}
	best, rows := f.Value, 0
	for i := range r.Rows {
		if other := r.Rows[i].figure(measure); other != nil && r.Rows[i].Role != Ceiling {
			best = max(best, other.Value)
			rows++
		}
	}
	text := hundredths(f.Value)
	if rows > 1 && best > 0 && row.Role != Ceiling && text == hundredths(best) {
		return "**" + text + "**"
	}
	return text
}

// label is a row's name: a baseline's in italics.
func label(r *Row) string {
	name := r.By
	if r.System != "" {
		name += ", " + r.System
	}
	if r.Role != "" {
		return "*" + name + "*"
	}
	return name
}

// cell keeps a text within its cell.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}

// hundredths writes a figure as papers do; what rounds to nothing has no sign.
func hundredths(x float64) string {
	if s := strconv.FormatFloat(100*x, 'f', 1, 64); s != "-0.0" {
		return s
	}
	return "0.0"
}

// WriteMarkdown writes the comparison as one table, in hundredths with confidence
// intervals. Differences whose interval does not hold 0 are bold.
func (c *Comparison) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "- A: %s\n- B: %s\n\n", c.Names[0], c.Names[1])
	b.WriteString("| set | items | measure | A | B | B - A | |\n|---|--:|---|--:|--:|--:|---|\n")
	for i, r := range c.Rows {
		set, items := cell(r.Set), progress.Count(int64(r.Items))
		if i > 0 && c.Rows[i-1].Set == r.Set {
			set, items = "", ""
		}
		measure := r.Measure
		if r.System != "" {
			measure = r.System + ", " + measure
		}
		delta := r.Delta.text(true)
		if r.Differs {
			delta = "**" + delta + "**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", set, items, cell(measure), r.A.text(false), r.B.text(false), delta, r.Verdict())
	}
	fmt.Fprintf(&b, "\nIntervals: %s %% of %s paired resamples, seed %d.\n",
		strconv.FormatFloat(100*c.Level, 'g', 4, 64), progress.Count(int64(c.Resamples)), c.Seed)
	for i, sets := range c.Only {
		if len(sets) > 0 {
			fmt.Fprintf(&b, "Only %s has: %s\n", string("AB"[i]), strings.Join(sets, ", "))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Verdict says in a word which side is better, "" if that is open.
func (p *Paired) Verdict() string {
	switch {
	case !p.Differs:
		return ""
	case p.Delta.Value > 0:
		return "B better"
	}
	return "A better"
}

// text is the value and its interval; signed shows a plus.
func (e Estimate) text(signed bool) string {
	show := func(x float64) string {
		if signed && x > 0 {
			return "+" + hundredths(x)
		}
		return hundredths(x)
	}
	if e.Interval == nil {
		return show(e.Value)
	}
	return fmt.Sprintf("%s [%s, %s]", show(e.Value), show(e.Interval[0]), show(e.Interval[1]))
}
