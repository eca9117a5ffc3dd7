// Package card writes model cards: what a model is, how it was made, from which
// data under which licences, and what it scores.
package card

import (
	"fmt"
	"strings"
	"time"

	"semdex/internal/progress"
	"semdex/internal/train"
)

// Card is what a model card says. Empty parts are left out.
type Card struct {
	Title   string
	Summary string // one paragraph
	Base    string // the model that training began with
	Command string // the verb, as in "semdex train mlm"

	Sources  []Source
	Settings []Setting
	Scores   []Score
	Limits   string // one paragraph
	Licence  string // of the model; "" prints nothing
	Measure  string // what the curve's scores are
	Curve    []Point

	outcome []string
}

// Source is a set of training data.
type Source struct {
	Name    string
	Licence string // "" prints "not stated"
	Count   int
	Unit    string // "sequences", "pairs"
}

// Setting is a hyper-parameter.
type Setting struct{ Name, Value string }

// Score is a result on one set.
type Score struct {
	Set     string
	Measure string
	Value   string
}

// Point is an evaluation during training.
type Point struct {
	Step  int
	Loss  float64 // mean training loss since the point before
	Score float64
}

// Outcome is how a run ended.
type Outcome struct {
	Steps    int
	Tokens   int64
	Loss     float64
	Best     *float64
	BestStep int
	Duration time.Duration
}

// Set adds a hyper-parameter; the value is printed as with %v.
func (c *Card) Set(name string, value any) {
	c.Settings = append(c.Settings, Setting{name, fmt.Sprint(value)})
}

// Run adds the settings of a run and its outcome.
func (c *Card) Run(o train.Options, r Outcome) {
	c.Set("optimizer", fmt.Sprintf("AdamW, peak rate %g, weight decay %g", o.Optimizer.LR, o.Optimizer.WeightDecay))
	c.Set("schedule", fmt.Sprintf("%s, warm-up over %g of the steps", o.Schedule, o.WarmupShare))
	c.Set("batch", batch(o))
	c.Set("clipping", fmt.Sprintf("norm %g", o.Clip))
	c.Set("seed", o.Seed)
	c.outcome = append(c.outcome, fmt.Sprintf("%s updates over %s tokens in %s; loss %.4f at the last one.",
		progress.Count(int64(r.Steps)), progress.Count(r.Tokens), progress.Duration(r.Duration), r.Loss))
	if r.Best != nil {
		c.outcome = append(c.outcome, fmt.Sprintf("The weights are those of update %s, the best on the development set.",
			progress.Count(int64(r.BestStep))))
	}
}

func batch(o train.Options) string {
	s := progress.Count(int64(o.Plan.Tokens)) + " tokens"
	if o.Plan.Examples > 0 {
		s += fmt.Sprintf(", at most %d examples", o.Plan.Examples)
	}
	if o.Accumulate > 1 {
		s += fmt.Sprintf(", %d batches an update", o.Accumulate)
	}
	return s
}

// Markdown is the card as README.md.
func (c *Card) Markdown() string {
	w := new(writer)
	w.line("---")
	if c.Licence != "" {
		w.line("license: %q", c.Licence)
	}
	w.line("library_name: sentence-transformers\n---\n")
	w.line("# %s\n", c.Title)
	w.paragraph(c.Summary)
	w.line("## Training\n")
	if c.Command != "" {
		w.line("Made with `%s`.", c.Command)
	}
	if c.Base != "" {
		w.line("It began with the weights of %s.", c.Base)
	}
	for _, s := range c.outcome {
		w.line("%s", s)
	}
	w.line("")
	w.table([]string{"source", "licence", "examples"}, sources(c.Sources))
	w.table([]string{"setting", "value"}, settings(c.Settings))
	if len(c.Scores) > 0 {
		w.line("## Scores\n")
		w.table([]string{"set", "measure", "value"}, scores(c.Scores))
	}
	if len(c.Curve) > 0 {
		w.line("## Curve\n")
		measure := c.Measure
		if measure == "" {
			measure = "score"
		}
		w.table([]string{"update", "training loss", "development: " + measure}, curve(c.Curve))
	}
	if c.Limits != "" {
		w.line("## Limits\n")
		w.paragraph(c.Limits)
	}
	return strings.TrimRight(w.String(), "\n") + "\n"
}

func sources(list []Source) (rows [][]string) {
	for _, s := range list {
		licence := s.Licence
		if licence == "" {
			licence = "not stated"
		}
		rows = append(rows, []string{s.Name, licence, strings.TrimSpace(progress.Count(int64(s.Count)) + " " + s.Unit)})
	}
	return rows
}

func settings(list []Setting) (rows [][]string) {
	for _, s := range list {
		rows = append(rows, []string{s.Name, s.Value})
	}
	return rows
}

func scores(list []Score) (rows [][]string) {
	for _, s := range list {
		rows = append(rows, []string{s.Set, s.Measure, s.Value})
	}
	return rows
}

// maxPoints bounds the rows of a curve; what is between is left out evenly.
const maxPoints = 24

func curve(points []Point) (rows [][]string) {
	every := (len(points) + maxPoints - 1) / maxPoints
	for i, p := range points {
		if i%every == 0 || i == len(points)-1 {
			rows = append(rows, []string{progress.Count(int64(p.Step)), fmt.Sprintf("%.4f", p.Loss), fmt.Sprintf("%.4f", p.Score)})
		}
	}
	return rows
}

type writer struct{ strings.Builder }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

func (w *writer) paragraph(s string) {
	if s != "" {
		w.line("%s\n", s)
	}
}

func (w *writer) table(head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	w.row(head)
	w.line("|%s", strings.Repeat("---|", len(head)))
	for _, r := range rows {
		w.row(r)
	}
	w.line("")
}

// row escapes what would break a cell.
func (w *writer) row(cells []string) {
	for i, c := range cells {
		cells[i] = strings.NewReplacer("|", `\|`, "\n", " ").Replace(c)
	}
	w.line("| %s |", strings.Join(cells, " | "))
}
