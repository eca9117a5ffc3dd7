package local

import (
	"iter"

	blevedocument "github.com/blevesearch/bleve/v2/document"
	bleveindex "github.com/blevesearch/bleve_index_api"
)

const termsField = "t"

// tailFields turns a tail around: from the passages of each term to the terms of
// each passage, in the form that bleve takes in without analyzing anything.
type tailFields struct {
	names []string
	terms []fieldTerm // of all passages
	ends  []int

	// What one passage's terms look like to bleve is many times larger than they
	// are. It looks at one passage after the other, so all share the room.
	room   []bleveindex.TokenFreq
	byName bleveindex.TokenFrequencies
}

type fieldTerm struct{ name, frequency uint32 }

func newTailFields(t *textTail) *tailFields {
	f := &tailFields{
		names: make([]string, 0, len(t.postings)), terms: make([]fieldTerm, t.size()), ends: t.ends,
		byName: make(bleveindex.TokenFrequencies),
	}
	next := make([]int, len(t.keys)) // place for the next term of a passage
	for i := 1; i < len(next); i++ {
		next[i] = t.ends[i-1]
	}
	for name, list := range t.postings {
		n := uint32(len(f.names))
		f.names = append(f.names, name)
		for _, p := range list {
			f.terms[next[p.passage]] = fieldTerm{n, p.frequency}
			next[p.passage]++
		}
	}
	return f
}

// all returns bleve's documents of the tail's passages that are not skipped.
func (f *tailFields) all(t *textTail) iter.Seq[bleveindex.Document] {
	return func(yield func(bleveindex.Document) bool) {
		begin := 0
		for i, key := range t.keys {
			field := &tailField{f, f.terms[begin:f.ends[i]], int(key.length)}
			begin = f.ends[i]
			if t.skipped != nil && t.skipped.Contains(uint32(i)) {
				continue
			}
			if !yield(blevedocument.NewDocument(key.String()).AddField(field)) {
				return
			}
		}
	}
}

// tailField is the terms of one passage.
type tailField struct {
	of     *tailFields
	terms  []fieldTerm
	length int
}

// AnalyzedTokenFrequencies is valid until it is called for another passage. The
// keys are all that bleve reads of the terms.
func (t *tailField) AnalyzedTokenFrequencies() bleveindex.TokenFrequencies {
	f := t.of
	clear(f.byName)
	if len(t.terms) > cap(f.room) {
		f.room = make([]bleveindex.TokenFreq, len(t.terms))
	}
	room := f.room[:len(t.terms)]
	for i, term := range t.terms {
		room[i].SetFrequency(int(term.frequency))
		f.byName[f.names[term.name]] = &room[i]
	}
	return f.byName
}

// The other methods of bleve's index.Field.

func (t *tailField) Name() string                             { return termsField }
func (t *tailField) Value() []byte                            { return nil }
func (t *tailField) ArrayPositions() []uint64                 { return nil }
func (t *tailField) EncodedFieldType() byte                   { return 't' }
func (t *tailField) Analyze()                                 {}
func (t *tailField) Options() bleveindex.FieldIndexingOptions { return bleveindex.IndexField }
func (t *tailField) AnalyzedLength() int                      { return t.length }
func (t *tailField) NumPlainTextBytes() uint64                { return 0 }
func (t *tailField) Size() int                                { return 8 * len(t.terms) }
