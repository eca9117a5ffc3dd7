package nli

import (
	"fmt"
	"strings"
)

// Label says how a hypothesis relates to its premise. The numbers are
// semdex's own and the same for every corpus; files are read by name.
type Label int

// The three labels of natural language inference.
const (
	Entailment Label = iota
	Neutral
	Contradiction
)

// String is the label's name.
func (l Label) String() string {
	if l < Entailment || l > Contradiction {
		return fmt.Sprintf("label(%d)", int(l))
	}
	return [...]string{"entailment", "neutral", "contradiction"}[l]
}

// ParseLabel reads a label's name, in any case.
func ParseLabel(s string) (Label, bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "entailment":
		return Entailment, true
	case "neutral":
		return Neutral, true
	case "contradiction":
		return Contradiction, true
	}
	return 0, false
}

// Inference is a premise, a hypothesis and how they relate.
type Inference struct {
	Premise, Hypothesis string
	Label               Label
}

// LabelNames are the names of the three labels, in the order of their numbers.
func LabelNames() []string {
	return []string{Entailment.String(), Neutral.String(), Contradiction.String()}
}

// ReadInferences reads an NLI corpus as Read does. Quotes in .tsv files are
// literal unless quoted is set. Rows without a gold label ("-") are left out; any
// other unknown label is an error that names the line.
func ReadInferences(path string, quoted bool) ([]Inference, error) {
	f := Format{Kind: Labels, Quotes: QuotesLiteral}
	if quoted {
		f.Quotes = QuotesCSV
	}
	d, err := Read(path, f)
	if err != nil {
		return nil, err
	}
	return d.Inferences(nil)
}
