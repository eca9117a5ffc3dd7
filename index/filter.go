package index

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Filter is a condition on a document's metadata: a tree of And, Or, Not,
// Compare, In and Exists. Engines walk the tree with a type switch over these
// six types and evaluate it on their own structures; Accepts is the reference
// that they must agree with.
//
// A comparison with a field that the document lacks is false, so its negation
// is true: `not year = 2020` accepts documents without a year.
type Filter interface {
	// Accepts reports whether a document with this metadata passes. Values
	// are normalised (NormalizeMetadata): string, []string, float64, bool,
	// time.Time. The filter must have passed Check.
	Accepts(metadata map[string]any) bool
	// Check reports ErrUnknownField, ErrFieldType or ErrInvalidFilter against
	// a schema. Resolve also turns strings into times where the schema wants
	// them; engines get filters that were resolved.
	Check(fields map[string]FieldKind) error
	// String gives the form that ParseFilter reads.
	String() string
}

// And accepts what all of its parts accept; an empty And accepts everything.
type And []Filter

// Or accepts what any of its parts accepts; an empty Or accepts nothing.
type Or []Filter

// Not accepts what its part does not.
type Not struct{ Filter Filter }

// Compare holds a field against one value: string, float64, bool or time.Time.
// A keyword field that holds a list passes Eq if any element is equal. Lt, Lte,
// Gt and Gte order numbers and times; keywords and bools know only Eq.
type Compare struct {
	Field string
	Op    Op
	Value any
}

// In accepts a field that equals any of the values, which are of one type as
// in Compare. An empty In accepts nothing.
type In struct {
	Field  string
	Values []any
}

// Exists accepts documents that have the field.
type Exists struct{ Field string }

// Op is a comparison.
type Op string

// The comparisons. There is no "not equal": that is Not of Eq.
const (
	Eq  Op = "eq"
	Lt  Op = "lt"
	Lte Op = "lte"
	Gt  Op = "gt"
	Gte Op = "gte"
)

// Limits of a filter: how deep it nests, and how many conditions and values it
// has altogether.
const (
	MaxFilterDepth = 32
	MaxFilterTerms = 1 << 16
)

// Accepts implements Filter.
func (a And) Accepts(metadata map[string]any) bool {
	for _, f := range a {
		if !f.Accepts(metadata) {
			return false
		}
	}
	return true
}

// Accepts implements Filter.
func (o Or) Accepts(metadata map[string]any) bool {
	for _, f := range o {
		if f.Accepts(metadata) {
			return true
		}
	}
	return false
}

// Accepts implements Filter.
func (n Not) Accepts(metadata map[string]any) bool { return !n.Filter.Accepts(metadata) }

// Accepts implements Filter.
func (c Compare) Accepts(metadata map[string]any) bool {
	v, ok := metadata[c.Field]
	if !ok {
		return false
	}
	if c.Op == Eq {
		return equalValue(v, c.Value)
	}
	order, ok := compareValues(v, c.Value)
	if !ok {
		return false
	}
	switch c.Op {
	case Lt:
		return order < 0
	case Lte:
		return order <= 0
	case Gt:
		return order > 0
	case Gte:
		return order >= 0
	}
	return false
}

// Accepts implements Filter.
func (in In) Accepts(metadata map[string]any) bool {
	v, ok := metadata[in.Field]
	return ok && slices.ContainsFunc(in.Values, func(w any) bool { return equalValue(v, w) })
}

// Accepts implements Filter.
func (e Exists) Accepts(metadata map[string]any) bool {
	_, ok := metadata[e.Field]
	return ok
}

// equalValue compares a document's value with a filter's.
func equalValue(have, want any) bool {
	switch have := have.(type) {
	case []string:
		s, ok := want.(string)
		return ok && slices.Contains(have, s)
	case time.Time:
		t, ok := want.(time.Time)
		return ok && have.Equal(t)
	case string, float64, bool:
		return have == want
	}
	return false
}

// compareValues orders two numbers or two times.
func compareValues(have, want any) (order int, ok bool) {
	switch have := have.(type) {
	case float64:
		if w, ok := want.(float64); ok {
			switch {
			case have < w:
				return -1, true
			case have > w:
				return 1, true
			}
			return 0, true
		}
	case time.Time:
		if w, ok := want.(time.Time); ok {
			return have.Compare(w), true
		}
	}
	return 0, false
}

// Check implements Filter.
func (a And) Check(fields map[string]FieldKind) error { return checkFilter(a, fields) }

// Check implements Filter.
func (o Or) Check(fields map[string]FieldKind) error { return checkFilter(o, fields) }

// Check implements Filter.
func (n Not) Check(fields map[string]FieldKind) error { return checkFilter(n, fields) }

// Check implements Filter.
func (c Compare) Check(fields map[string]FieldKind) error { return checkFilter(c, fields) }

// Check implements Filter.
func (in In) Check(fields map[string]FieldKind) error { return checkFilter(in, fields) }

// Check implements Filter.
func (e Exists) Check(fields map[string]FieldKind) error { return checkFilter(e, fields) }

func checkFilter(f Filter, fields map[string]FieldKind) error {
	_, err := (&resolver{fields: fields}).filter(f, 0)
	return err
}

// Resolve checks a filter against a schema and returns it ready for an engine:
// a string that is compared with a time field has become that time. A nil
// filter stays nil. Errors: ErrUnknownField, ErrFieldType, ErrInvalidFilter.
func Resolve(f Filter, fields map[string]FieldKind) (Filter, error) {
	if f == nil {
		return nil, nil
	}
	return (&resolver{fields: fields, convert: true}).filter(f, 0)
}

type resolver struct {
	fields  map[string]FieldKind
	convert bool // turn strings into times
	terms   int
}

func (r *resolver) filter(f Filter, depth int) (Filter, error) {
	if depth > MaxFilterDepth {
		return nil, fmt.Errorf("%w: nested deeper than %d", ErrInvalidFilter, MaxFilterDepth)
	}
	if err := r.count(1); err != nil {
		return nil, err
	}
	switch f := f.(type) {
	case And:
		parts, err := r.parts(f, depth)
		return And(parts), err
	case Or:
		parts, err := r.parts(f, depth)
		return Or(parts), err
	case Not:
		part, err := r.filter(f.Filter, depth+1)
		return Not{part}, err
	case Compare:
		return r.compare(f)
	case In:
		return r.in(f)
	case Exists:
		_, err := r.kind(f.Field)
		return f, err
	case nil:
		return nil, fmt.Errorf("%w: empty condition", ErrInvalidFilter)
	}
	return nil, fmt.Errorf("%w: unknown condition %T", ErrInvalidFilter, f)
}

func (r *resolver) count(n int) error {
	if r.terms += n; r.terms > MaxFilterTerms {
		return fmt.Errorf("%w: more than %d conditions and values", ErrInvalidFilter, MaxFilterTerms)
	}
	return nil
}

func (r *resolver) parts(parts []Filter, depth int) ([]Filter, error) {
	out := make([]Filter, len(parts))
	for i, p := range parts {
		var err error
		if out[i], err = r.filter(p, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r *resolver) kind(field string) (FieldKind, error) {
	kind, ok := r.fields[field]
	if ok {
		return kind, nil
	}
	if len(r.fields) == 0 {
		return "", fmt.Errorf("%w %q: the documents have no metadata", ErrUnknownField, field)
	}
	names := slices.Sorted(maps.Keys(r.fields))
	if len(names) > 12 {
		names = append(names[:12], "...")
	}
	return "", fmt.Errorf("%w %q; there are: %s", ErrUnknownField, field, strings.Join(names, ", "))
}

func (r *resolver) compare(c Compare) (Filter, error) {
	kind, err := r.kind(c.Field)
	if err != nil {
		return nil, err
	}
	switch c.Op {
	case Eq:
	case Lt, Lte, Gt, Gte:
		if kind != Number && kind != Time {
			return nil, fmt.Errorf("%w %q: a %s has no order, only equality", ErrFieldType, c.Field, kind)
		}
	default:
		return nil, fmt.Errorf("%w: unknown comparison %q of field %q", ErrInvalidFilter, c.Op, c.Field)
	}
	c.Value, err = r.value(c.Field, kind, c.Value)
	return c, err
}

func (r *resolver) in(in In) (Filter, error) {
	kind, err := r.kind(in.Field)
	if err != nil {
		return nil, err
	}
	if err := r.count(len(in.Values)); err != nil {
		return nil, err
	}
	values := make([]any, len(in.Values))
	for i, v := range in.Values {
		if values[i], err = r.value(in.Field, kind, v); err != nil {
			return nil, err
		}
	}
	return In{in.Field, values}, nil
}

func (r *resolver) value(field string, kind FieldKind, v any) (any, error) {
	have, err := kindOf(v)
	if err != nil {
		return nil, fmt.Errorf("%w: field %q: %w", ErrInvalidFilter, field, err)
	}
	if _, list := v.([]string); list {
		return nil, fmt.Errorf("%w: field %q: a list is not one value; use In", ErrInvalidFilter, field)
	}
	if have == kind {
		return v, nil
	}
	if s, ok := v.(string); ok && kind == Time && r.convert {
		t, err := ParseTime(s)
		if err != nil {
			return nil, fmt.Errorf("%w %q: %w", ErrFieldType, field, err)
		}
		return t, nil
	}
	return nil, fmt.Errorf("%w %q: it is a %s, the filter gives a %s", ErrFieldType, field, kind, have)
}
