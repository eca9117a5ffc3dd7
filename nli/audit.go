package nli

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Audit is what is to be known about a corpus before a model is trained or
// scored on it.
type Audit struct {
	Path       string    `json:"path"`
	Rows       int       `json:"rows"`
	Unlabelled int       `json:"unlabelled,omitempty"`
	Columns    [3]string `json:"columns"`
	Header     bool      `json:"header"`
	Quoted     bool      `json:"quoted"`
	// Labels are counted by name, most frequent first; Scores describe them
	// instead if they are graded.
	Labels []LabelCount `json:"labels,omitempty"`
	Scores *Range       `json:"scores,omitempty"`
	// Duplicates are pairs that stood before with the same label, Conflicts those
	// with another one.
	Duplicates []Repeat `json:"duplicates"`
	Conflicts  []Repeat `json:"conflicts"`
	// Leaks are pairs that also stand in a set that is held out.
	Leaks []Repeat `json:"leaks"`
}

// LabelCount is how often a label occurs.
type LabelCount struct {
	Label string `json:"label"`
	Rows  int    `json:"rows"`
}

// Range describes graded scores.
type Range struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	Mean float64 `json:"mean"`
}

// Place is where a row stands.
type Place struct {
	Path string `json:"path"`
	Line int    `json:"line"`
	ID   string `json:"id,omitempty"`
	Gold string `json:"gold"`
}

// Repeat is a row that stands elsewhere, too.
type Repeat struct {
	Place
	Before Place  `json:"before"`
	A      string `json:"a"`
	B      string `json:"b"`
}

// Problems says whether anything was found.
func (a *Audit) Problems() bool { return len(a.Duplicates)+len(a.Conflicts)+len(a.Leaks) > 0 }

// Check looks for pairs that stand twice in d, for pairs with two labels, and
// for pairs that stand in one of the held-out sets. Case, white space,
// punctuation and the form of accents make no difference, nor does the order of
// the two texts where scores are graded, since similarity is symmetric.
func (d *Dataset) Check(m LabelMap, heldOut ...*Dataset) *Audit {
	a := &Audit{
		Path: d.Path, Rows: len(d.Rows), Unlabelled: d.Unlabelled,
		Columns: d.Columns, Header: d.Header, Quoted: d.Quoted,
		Duplicates: []Repeat{}, Conflicts: []Repeat{}, Leaks: []Repeat{},
	}
	graded := d.Graded()
	if graded {
		a.Scores = d.scoreRange()
	} else {
		a.Labels = d.labelCounts(m)
	}
	held := make(map[PairKey]Place)
	for _, h := range heldOut {
		for _, r := range h.Rows {
			if key := KeyOf(r.A, r.B, graded); held[key].Path == "" {
				held[key] = h.place(r)
			}
		}
	}
	seen := make(map[PairKey]Place, len(d.Rows))
	for _, r := range d.Rows {
		key, here := KeyOf(r.A, r.B, graded), d.place(r)
		if at, ok := held[key]; ok {
			a.Leaks = append(a.Leaks, Repeat{here, at, r.A, r.B})
		}
		before, ok := seen[key]
		switch {
		case !ok:
			seen[key] = here
		case sameGold(before.Gold, r.Gold, graded, m):
			a.Duplicates = append(a.Duplicates, Repeat{here, before, r.A, r.B})
		default:
			a.Conflicts = append(a.Conflicts, Repeat{here, before, r.A, r.B})
		}
	}
	return a
}

func (d *Dataset) place(r Row) Place { return Place{d.Path, r.Line, r.ID, r.Gold} }

// Graded says that the third column holds numbers of which some are not whole:
// scores, not numbered labels.
func (d *Dataset) Graded() bool {
	fraction := false
	for _, r := range d.Rows {
		x, err := strconv.ParseFloat(r.Gold, 64)
		if err != nil {
			return false
		}
		fraction = fraction || x != float64(int64(x))
	}
	return fraction
}

func (d *Dataset) scoreRange() *Range {
	var out *Range
	for _, r := range d.Rows {
		x, _ := strconv.ParseFloat(r.Gold, 64) // Graded has read it
		if out == nil {
			out = &Range{Low: x, High: x}
		}
		out.Low, out.High, out.Mean = min(out.Low, x), max(out.High, x), out.Mean+x
	}
	if out != nil {
		out.Mean /= float64(len(d.Rows))
	}
	return out
}

func (d *Dataset) labelCounts(m LabelMap) []LabelCount {
	counts := make(map[string]int)
	for _, r := range d.Rows {
		counts[m.Name(r.Gold)]++
	}
	out := []LabelCount{}
	for label, n := range counts {
		out = append(out, LabelCount{label, n})
	}
	slices.SortFunc(out, func(a, b LabelCount) int {
		if a.Rows != b.Rows {
			return b.Rows - a.Rows
		}
		return strings.Compare(a.Label, b.Label)
	})
	return out
}

func sameGold(a, b string, graded bool, m LabelMap) bool {
	if graded {
		x, errX := strconv.ParseFloat(a, 64)
		y, errY := strconv.ParseFloat(b, 64)
		return errX == nil && errY == nil && x == y
	}
	return m.Name(a) == m.Name(b)
}

// PairKey identifies a pair of texts: equal keys mean equal texts but for case,
// white space, punctuation and the form of accents.
type PairKey struct{ a, b string }

// KeyOf is the key of a pair; in a symmetric one the order does not matter.
func KeyOf(a, b string, symmetric bool) PairKey {
	k := PairKey{plain(a), plain(b)}
	if symmetric && k.a > k.b {
		k.a, k.b = k.b, k.a
	}
	return k
}

// plain is the words of a text, or what there is if it has none: corpora come
// with and without spaces around punctuation.
func plain(s string) string {
	s = norm.NFC.String(s)
	words := Words(s)
	if len(words) == 0 {
		words = strings.Fields(s)
	}
	return strings.Join(words, " ")
}

// Without gives the rows of d that do not stand in the held-out sets and not
// earlier in d, and how many were left out for either reason.
func (d *Dataset) Without(heldOut ...*Dataset) (rest *Dataset, leaks, duplicates int) {
	graded := d.Graded()
	out := make(map[PairKey]bool)
	for _, h := range heldOut {
		for _, r := range h.Rows {
			out[KeyOf(r.A, r.B, graded)] = true
		}
	}
	type labelled struct {
		PairKey
		gold string
	}
	seen := make(map[labelled]bool, len(d.Rows))
	copied := *d
	copied.Rows = nil
	for _, r := range d.Rows {
		key := KeyOf(r.A, r.B, graded)
		switch at := (labelled{key, strings.ToLower(r.Gold)}); {
		case out[key]:
			leaks++
		case seen[at]:
			duplicates++
		default:
			seen[at] = true
			copied.Rows = append(copied.Rows, r)
		}
	}
	return &copied, leaks, duplicates
}
