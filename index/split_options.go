package index

import (
	"fmt"
	"strings"
)

// SplitOptions says how documents are cut into passages and what is encoded of
// them. The zero value means DefaultSplit.
type SplitOptions struct {
	Size    int `json:"size"`    // the longest a passage gets
	Overlap int `json:"overlap"` // room for sentences repeated from the passage before
	// Unit is what Size and Overlap count.
	Unit Unit `json:"unit,omitempty"`
	// Headings begins a passage at every heading of a document.
	Headings bool `json:"headings,omitempty"`
	// Title says what stands before each passage, for both legs.
	Title Prefix `json:"title,omitempty"`
	// Late encodes passages within their document: the encoder reads as much of
	// it at once as it can, and a passage's vector is pooled from its tokens'
	// states (late chunking: Günther et al. 2024).
	Late bool `json:"late,omitempty"`
}

// Unit is what the lengths of passages count.
type Unit string

// The units. Columns, the zero value's meaning, are 2 for a wide East Asian
// character and 1 for any other, so that Korean and English passages hold about
// as much. Tokens are those of the collection's model; neither special ones nor
// those of what stands before a passage count.
const (
	Columns Unit = "columns"
	Tokens  Unit = "tokens"
)

// Prefix says what stands before each passage when it is encoded and in the
// keyword leg, on a line of its own, so that every passage says what it is
// about.
type Prefix string

// The prefixes. PrefixTitle is the zero value's meaning. PrefixPath is the title
// and the headings that the passage stands under, but for those inside of it.
const (
	PrefixNone  Prefix = "none"
	PrefixTitle Prefix = "title"
	PrefixPath  Prefix = "path"
)

// DefaultSplit makes passages of about 250 English or 300 Korean word pieces
// and repeats about one sentence. It was chosen on development sets: shorter
// passages help the vectors, longer ones the words.
var DefaultSplit = SplitOptions{Size: 1200, Overlap: 150}

// defaultTokens are the lengths of DefaultSplit in tokens.
var defaultTokens = SplitOptions{Size: 256, Overlap: 32}

// minSize is the smallest passage size; below it nothing sensible fits.
const minSize = 16

// normal fills in defaults and names them by their zero values: no lengths mean
// the default ones, a size has a floor, and the overlap is at most half a
// passage.
func (o SplitOptions) normal() SplitOptions {
	if o.Unit == Columns {
		o.Unit = ""
	}
	if o.Title == PrefixTitle {
		o.Title = ""
	}
	def := DefaultSplit
	if o.Unit == Tokens {
		def = defaultTokens
	}
	if o.Size <= 0 {
		o.Size = def.Size
		if o.Overlap == 0 {
			o.Overlap = def.Overlap
		}
	}
	o.Size = max(o.Size, minSize)
	o.Overlap = max(0, min(o.Overlap, o.Size/2))
	return o
}

// Check reports ErrInvalidSetting for options that mean nothing.
func (o SplitOptions) Check() error {
	switch {
	case o.Size < 0:
		return fmt.Errorf("%w: the passage size %d is negative", ErrInvalidSetting, o.Size)
	case o.Overlap < 0:
		return fmt.Errorf("%w: the overlap %d of passages is negative", ErrInvalidSetting, o.Overlap)
	}
	switch o.Unit {
	case "", Columns, Tokens:
	default:
		return fmt.Errorf("%w: passages sized in %q; there are columns and tokens", ErrInvalidSetting, string(o.Unit))
	}
	switch o.Title {
	case "", PrefixNone, PrefixTitle, PrefixPath:
	default:
		return fmt.Errorf("%w: prefix %q of passages; there are none, title and path", ErrInvalidSetting, string(o.Title))
	}
	return nil
}

// UsesHeadings reports whether headings of documents make a difference.
func (o SplitOptions) UsesHeadings() bool { return o.Headings || o.Title == PrefixPath }

// IsZero reports whether all options are left open.
func (o SplitOptions) IsZero() bool { return o == SplitOptions{} }

// Equal reports whether two options, with their defaults, mean the same.
func (o SplitOptions) Equal(p SplitOptions) bool { return o.normal() == p.normal() }

// String describes the options: "1200 columns, 150 repeated, at headings".
func (o SplitOptions) String() string {
	o = o.normal()
	unit := o.Unit
	if unit == "" {
		unit = Columns
	}
	parts := []string{fmt.Sprintf("%d %s", o.Size, unit), fmt.Sprintf("%d repeated", o.Overlap)}
	if o.Headings {
		parts = append(parts, "from heading to heading")
	}
	switch o.Title {
	case PrefixNone:
		parts = append(parts, "without title")
	case PrefixPath:
		parts = append(parts, "with title and headings")
	}
	if o.Late {
		parts = append(parts, "encoded within the document")
	}
	return strings.Join(parts, ", ")
}

// identity is what of the options content hashes hold: for those that were
// there from the beginning what it was then.
func (o SplitOptions) identity() string {
	id := fmt.Sprintf("%d/%d", o.Size, o.Overlap)
	if o = (SplitOptions{Unit: o.Unit, Headings: o.Headings, Title: o.Title, Late: o.Late}); !o.IsZero() {
		id += fmt.Sprintf("/%s/%t/%s/%t", o.Unit, o.Headings, o.Title, o.Late)
	}
	return id
}
