package index

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// Limits of a query's facets.
const (
	DefaultFacetLimit = 10
	MaxFacetLimit     = 1000
	MaxFacets         = 16 // fields
)

// FacetScope says which documents facets count.
type FacetScope string

// The scopes. A keyword search whose only condition is a filter counts all
// documents that match. Where nothing says which documents match (vectors are
// near or far), or where that would need every passage to be read (phrases,
// exclusions, least scores, Like), the documents of the best Window candidates
// of each leg are counted, whatever page is asked for.
const (
	FacetMatches FacetScope = "matches"
	FacetWindow  FacetScope = "window"
)

// Facets are how many documents of a search hold which keywords.
type Facets struct {
	Scope     FacetScope       `json:"scope"`
	Documents int              `json:"documents"` // counted
	Fields    map[string]Facet `json:"fields"`
}

// Facet is one field's commonest keywords: by count, then by value. A document
// with several keywords counts for each.
type Facet struct {
	Values   []FacetValue `json:"values"`
	Distinct int          `json:"distinct"` // keywords that occur, shown or not
}

// FacetValue is a keyword and the number of documents that have it.
type FacetValue struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

// Tally counts documents by field and keyword.
type Tally struct {
	Documents int
	Keywords  map[string]map[string]int // keywords that no document has are left out
}

// Tallies is the part of a Collection that counts keywords. Fields are of kind
// Keyword.
type Tallies interface {
	// TallyMatches counts the documents that f accepts and that have a passage
	// that Keyword finds for the words.
	TallyMatches(ctx context.Context, words Words, f Filter, fields []string) (Tally, error)
	// TallyDocuments counts those of the documents that exist.
	TallyDocuments(ctx context.Context, ids []string, fields []string) (Tally, error)
}

// checkFacets reports ErrInvalidQuery.
func (q Query) checkFacets() error {
	switch n := len(q.Facets); {
	case n > MaxFacets:
		return fmt.Errorf("%w: %d facets, at most %d are allowed", ErrInvalidQuery, n, MaxFacets)
	case n == 0 && q.FacetLimit != 0:
		return fmt.Errorf("%w: facet_limit has no meaning without facets", ErrInvalidQuery)
	case q.FacetLimit < 0 || q.FacetLimit > MaxFacetLimit:
		return fmt.Errorf("%w: facet_limit is %d, it must be between 1 and %d", ErrInvalidQuery, q.FacetLimit, MaxFacetLimit)
	}
	for i, field := range q.Facets {
		if slices.Contains(q.Facets[:i], field) {
			return fmt.Errorf("%w: the facet %q is asked for twice", ErrInvalidQuery, field)
		}
	}
	return nil
}

// checkFacetFields reports ErrUnknownField and ErrFieldType.
func checkFacetFields(facets []string, fields map[string]FieldKind) error {
	for _, name := range facets {
		if err := (Exists{name}).Check(fields); err != nil {
			return err
		}
		if kind := fields[name]; kind != Keyword {
			return fmt.Errorf("%w %q: it is a %s, facets count keywords", ErrFieldType, name, kind)
		}
	}
	return nil
}

// facets counts what the query asks for; nil for nothing.
func (s *searcher) facets(ctx context.Context) (*Facets, error) {
	if len(s.q.Facets) == 0 {
		return nil, nil
	}
	out := &Facets{Scope: FacetWindow, Fields: make(map[string]Facet, len(s.q.Facets))}
	var tally Tally
	var err error
	if s.countsMatches() {
		out.Scope = FacetMatches
		tally, err = s.c.TallyMatches(ctx, s.words, s.q.Filter, s.q.Facets)
	} else {
		tally, err = s.c.TallyDocuments(ctx, s.window, s.q.Facets)
	}
	if err != nil {
		return nil, err
	}
	out.Documents = tally.Documents
	limit := s.q.FacetLimit
	if limit == 0 {
		limit = DefaultFacetLimit
	}
	for _, field := range s.q.Facets {
		out.Fields[field] = newFacet(tally.Keywords[field], limit)
	}
	return out, nil
}

// countsMatches reports whether the keyword leg alone says which documents
// match.
func (s *searcher) countsMatches() bool {
	return s.stats.Mode == KeywordOnly && s.q.wording.IsZero() && s.q.Like == "" && s.q.MinScore == nil && s.q.MinKeyword == nil
}

func newFacet(counts map[string]int, limit int) Facet {
	f := Facet{Values: make([]FacetValue, 0, len(counts)), Distinct: len(counts)}
	for value, n := range counts {
		f.Values = append(f.Values, FacetValue{value, n})
	}
	slices.SortFunc(f.Values, func(a, b FacetValue) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	f.Values = slices.Clip(f.Values[:min(limit, len(f.Values))])
	return f
}

// documentsOf are the distinct documents of a ranking.
func documentsOf(ranking []fused) []string {
	ids := make([]string, 0, len(ranking))
	for _, f := range groupByDocument(ranking) {
		ids = append(ids, f.ref.Document)
	}
	return ids
}
