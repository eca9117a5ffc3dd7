package index

import (
	"strconv"
	"time"
)

// Document is what a user stores: a text under a stable id. Everything the
// index returns points back into Text by rune offsets.
type Document struct {
	ID       string         `json:"id"`
	Title    string         `json:"title,omitempty"`
	Text     string         `json:"text"`
	Metadata map[string]any `json:"metadata,omitempty"`
	// Headings are where the text's headings stand, in order. Collections that
	// do not use them do not keep them; for those that do, nil means that they
	// are to be found in the text (see TextHeadings), and an empty list that
	// there are none.
	Headings []Heading `json:"headings,omitzero"`
}

// Passage is a stretch of a document's text, the unit that is embedded,
// matched and ranked. Start and End count runes of Document.Text, half open.
type Passage struct {
	Start int
	End   int
	// Vector has unit length and Settings.Dims values; nil if the model finds
	// nothing in the passage, which then only words lead to.
	Vector []float32
}

// Ref names a passage within its collection: its document and its position
// among that document's passages, from 0.
type Ref struct {
	Document string
	Ordinal  int
}

// String returns the public passage id, "document#ordinal".
func (r Ref) String() string { return r.Document + "#" + strconv.Itoa(r.Ordinal) }

// Less orders references by document id, then position: the order that breaks
// ties between equal scores everywhere.
func (r Ref) Less(o Ref) bool {
	if r.Document != o.Document {
		return r.Document < o.Document
	}
	return r.Ordinal < o.Ordinal
}

// Record is a document together with everything an engine stores for it.
type Record struct {
	Document
	Passages []Passage
	// Content identifies what was indexed (document, splitting, model). A
	// record whose Content an engine already holds need not be sent again.
	Content [16]byte
}

// FieldKind is the type of a metadata field.
type FieldKind string

// The kinds of metadata fields. A keyword field may hold one string or a list
// of strings; the others hold one value.
const (
	Keyword FieldKind = "keyword"
	Number  FieldKind = "number"
	Bool    FieldKind = "bool"
	Time    FieldKind = "time"
)

// Settings are fixed when a collection is created, but for Fields, which grows
// as documents bring new metadata, and Vectors (Tunable).
type Settings struct {
	Model    string               `json:"model"` // fingerprint of the encoder whose vectors are stored
	Dims     int                  `json:"dims"`
	Analyzer string               `json:"analyzer,omitempty"` // versioned name of the text analyzer
	Split    SplitOptions         `json:"split"`
	Vectors  Vectors              `json:"vectors,omitempty"` // how they are searched; VectorsAuto
	Fields   map[string]FieldKind `json:"fields,omitempty"`
}

// Info describes a collection.
type Info struct {
	Name      string       `json:"name"`
	Settings  Settings     `json:"settings"`
	Documents int          `json:"documents"`
	Passages  int          `json:"passages"`
	Bytes     int64        `json:"bytes"`              // on disk
	Reembed   *Reembedding `json:"reembed,omitempty"`  // on its way to another model
	Synonyms  int          `json:"synonyms,omitempty"` // rules of ParseSynonyms
	Created   time.Time    `json:"created"`
	// Sequence grows with every change of the documents: of two answers with the
	// same Created and Sequence, none came between. It says nothing across
	// collections.
	Sequence uint64 `json:"sequence"`
	// Configured grows with every change of what can be set, such as synonyms,
	// while the collection is open.
	Configured uint64 `json:"-"`
}
