package index

import "context"

// Engine stores collections. Implementations are safe for concurrent use and
// pass the suite of package indextest.
type Engine interface {
	// Create makes an empty collection; ErrCollectionExists if there is one,
	// ErrInvalidName if CheckName refuses the name.
	Create(ctx context.Context, name string, s Settings) (Collection, error)
	// Open returns an existing collection, by its name or an alias;
	// ErrCollectionNotFound if there is none. Service calls it for every request, so it must be cheap. A
	// Collection outlives neither Drop (ErrCollectionNotFound) nor Close.
	Open(ctx context.Context, name string) (Collection, error)
	// Drop deletes a collection and everything in it; ErrAliased if it has
	// aliases.
	Drop(ctx context.Context, name string) error
	// List describes all collections, ordered by name.
	List(ctx context.Context) ([]Info, error)
	Aliases
	Replacer
	// Close flushes and releases everything. Calls after it give ErrClosed.
	Close() error
}

// Collection is one set of documents with two ways into it: vectors and words.
// Package index fuses the two legs, so every engine ranks alike.
type Collection interface {
	// Info is called for every filtered query, so it must be cheap.
	Info(ctx context.Context) (Info, error)

	// Upsert stores the records, replacing documents of the same id with all
	// their passages; of two with one id in a call the last wins. When it
	// returns nil they are durable and visible to every later call. On error
	// none of the records is acknowledged. CheckRecord says what is refused
	// (ErrInvalidDocument, ErrInvalidVector). Metadata is stored as
	// NormalizeMetadata gives it (ErrFieldType if it contradicts the kind of
	// its field), and the fields it brings are added to Settings.Fields.
	Upsert(ctx context.Context, records []Record) error
	// Delete removes documents by id and reports how many existed.
	Delete(ctx context.Context, ids []string) (int, error)
	// DeleteWhere removes the documents that the filter accepts. Filters given
	// to a Collection are resolved; what Filter.Check reports is returned.
	DeleteWhere(ctx context.Context, f Filter) (int, error)

	// Get returns a document; ErrDocumentNotFound if there is none.
	Get(ctx context.Context, id string) (Document, error)
	// Contents returns Record.Content for those ids that exist.
	Contents(ctx context.Context, ids []string) (map[string][16]byte, error)
	// Count reports how many documents and passages the filter accepts; a nil
	// filter accepts all.
	Count(ctx context.Context, f Filter) (documents, passages int, err error)

	// Dense returns the k passages with the largest dot product with vector
	// among those that have a vector and whose document the filter accepts.
	Dense(ctx context.Context, vector []float32, k int, f Filter) (Leg, error)
	// Keyword returns the k passages with the highest BM25 score for a text and
	// what counts as parts of it (Thesaurus); a document's title counts as part of
	// each of its passages. Text without words gives an empty leg.
	Keyword(ctx context.Context, words Words, k int, f Filter) (Leg, error)

	Wordings
	Tallies
	Profiles
	Corrector
	Tunable
	Thesaurus
	Changes
	Loads

	// Fetch returns the passages' documents and offsets, in the order asked.
	// Passages deleted meanwhile come back with Found false.
	Fetch(ctx context.Context, refs []Ref) ([]Stored, error)

	// Matches returns where what the keyword leg would match stands in a
	// passage's text: rune offsets, ordered, not overlapping.
	Matches(words Words, passage string) []Span

	// Export gives begin the collection as it is at one moment (without Bytes),
	// then each of its documents of that moment with all passages, in any
	// order, while writes go on. Vectors are left out unless asked for. An
	// error of begin or each ends it and is returned.
	Export(ctx context.Context, vectors bool, begin func(Info) error, each func(Record) error) error

	// Check verifies the collection's storage and reports what is wrong.
	Check(ctx context.Context) (Report, error)
}

// Leg is one leg's ranked answer, best first, ties broken by Ref.Less.
type Leg struct {
	Candidates []Candidate
	// Full is what the keyword leg gives a passage of average length that has each
	// of the words once, whether there is one or not; 0 if the engine does not know.
	// It depends on neither k nor the filter.
	Full float64
	// More says that passages beyond the k returned may match.
	More bool
	// Plan names how the leg searched ("exact", "graph", "bm25").
	Plan string
	// Examined counts the passages that were scored.
	Examined int
	// Verified counts the passages that were read for the sake of a Wording, or of
	// synonyms of several words.
	// Bounded says that those beyond MaxVerified were not; there may be more
	// then, which no deeper search finds.
	Verified int
	Bounded  bool
}

// Candidate is a passage with one leg's raw score: a cosine or a BM25 score.
type Candidate struct {
	Ref   Ref
	Score float64
}

// Stored is a passage as the engine holds it.
type Stored struct {
	Found    bool
	Document Document
	Start    int
	End      int
}

// Span is a half-open range of runes.
type Span struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// Report is the outcome of Check: counts of every leg and problems in words.
// A sound collection has no problems.
type Report struct {
	Collection string   `json:"collection"`
	Documents  int      `json:"documents"`
	Passages   int      `json:"passages"`
	Vectors    int      `json:"vectors"`   // passages that have one
	TextDocs   int      `json:"text_docs"` // passages in the text leg
	Sequence   uint64   `json:"sequence"`
	Problems   []string `json:"problems,omitempty"`
}
