package index

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// MaxFilterJSON bounds the bytes of a filter in JSON.
const MaxFilterJSON = 4 << 20

// ParseFilterJSON reads a filter from JSON. A condition is an object in one of
// these shapes:
//
//	{"and": [condition, ...]}    {"or": [condition, ...]}    {"not": condition}
//	{"field": "lang", "eq": "ko"}                 or "ne"
//	{"field": "year", "gte": 2020, "lt": 2024}    any of lt, lte, gt, gte
//	{"field": "tag", "in": ["a", "b"]}
//	{"field": "draft", "exists": true}            or false
//
// Several comparisons in one object must all hold. Values are strings, numbers
// and bools; times are strings in RFC 3339 or plain dates. "ne" is not "eq": it
// accepts documents without the field. JSON null is no filter (nil). Errors are
// ErrInvalidFilter and name the place, as in "and[1].not".
func ParseFilterJSON(data []byte) (Filter, error) {
	if len(data) > MaxFilterJSON {
		return nil, fmt.Errorf("%w: %d bytes of JSON, at most %d are allowed", ErrInvalidFilter, len(data), MaxFilterJSON)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	var v any
	err := d.Decode(&v)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = fmt.Errorf("something follows the filter at byte %d", d.InputOffset())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: not valid JSON: %w", ErrInvalidFilter, err)
	}
	if v == nil {
		return nil, nil
	}
	return (&jsonFilter{}).condition(v, "", 0)
}

// jsonFilter turns decoded JSON into a filter.
type jsonFilter struct{ terms int }

func jsonError(path, format string, args ...any) error {
	if path == "" {
		path = "the filter"
	}
	return fmt.Errorf("%w: %s: "+format, append([]any{ErrInvalidFilter, path}, args...)...)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (j *jsonFilter) condition(v any, path string, depth int) (Filter, error) {
	if depth > MaxFilterDepth {
		return nil, jsonError(path, "nested deeper than %d", MaxFilterDepth)
	}
	if j.terms++; j.terms > MaxFilterTerms {
		return nil, jsonError(path, "more than %d conditions and values", MaxFilterTerms)
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, jsonError(path, "it must be an object such as %s", `{"field": "lang", "eq": "ko"}`)
	}
	if _, ok := object["field"]; ok {
		return j.comparisons(object, path)
	}
	keys := slices.Sorted(maps.Keys(object))
	if len(keys) != 1 {
		return nil, jsonError(path, `it must have "field" or exactly one of "and", "or", "not"; it has %q`, keys)
	}
	path = join(path, keys[0])
	switch part := object[keys[0]]; keys[0] {
	case "and":
		parts, err := j.list(part, path, depth)
		return And(parts), err
	case "or":
		parts, err := j.list(part, path, depth)
		return Or(parts), err
	case "not":
		f, err := j.condition(part, path, depth+1)
		return Not{f}, err
	}
	return nil, jsonError(path, `unknown; there are "and", "or", "not" and "field"`)
}

func (j *jsonFilter) list(v any, path string, depth int) ([]Filter, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, jsonError(path, "it must be a list of conditions")
	}
	parts := make([]Filter, len(list))
	for i, e := range list {
		var err error
		if parts[i], err = j.condition(e, fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// comparisons reads an object with "field".
func (j *jsonFilter) comparisons(object map[string]any, path string) (Filter, error) {
	field, ok := object["field"].(string)
	if !ok {
		return nil, jsonError(join(path, "field"), "it must be a string")
	}
	if CheckFieldName(field) != nil {
		return nil, jsonError(join(path, "field"), "%q cannot be a field's name", field)
	}
	var parts []Filter
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if key == "field" {
			continue
		}
		f, err := j.comparison(field, key, object[key])
		if err != nil {
			return nil, jsonError(join(path, key), "field %q: %w", field, err)
		}
		parts = append(parts, f)
	}
	switch len(parts) {
	case 0:
		return nil, jsonError(path, "field %q has no comparison; there are eq, ne, in, lt, lte, gt, gte, exists", field)
	case 1:
		return parts[0], nil
	}
	return And(parts), nil
}

func (j *jsonFilter) comparison(field, key string, v any) (Filter, error) {
	switch key {
	case "eq", "ne":
		v, err := scalar(v)
		if key == "ne" {
			return Not{Compare{field, Eq, v}}, err
		}
		return Compare{field, Eq, v}, err
	case "lt", "lte", "gt", "gte":
		v, err := scalar(v)
		if err == nil {
			v, err = ordered(v)
		}
		return Compare{field, Op(key), v}, err
	case "in":
		return j.in(field, v)
	case "exists":
		want, ok := v.(bool)
		if !ok {
			return nil, errors.New("it must be true or false")
		}
		if !want {
			return Not{Exists{field}}, nil
		}
		return Exists{field}, nil
	}
	return nil, errors.New("unknown; there are eq, ne, in, lt, lte, gt, gte, exists")
}

func (j *jsonFilter) in(field string, v any) (Filter, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, errors.New("it must be a list of values")
	}
	if j.terms += len(list); j.terms > MaxFilterTerms {
		return nil, fmt.Errorf("more than %d conditions and values", MaxFilterTerms)
	}
	for i, e := range list {
		if _, err := scalar(e); err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
	}
	return In{field, list}, nil
}

func scalar(v any) (any, error) {
	switch v := v.(type) {
	case string, float64, bool:
		return v, nil
	case nil:
		return nil, errors.New(`null is not a value; use "exists": false`)
	}
	return nil, errors.New("it must be a string, a number, true or false")
}

// MarshalJSON writes the form that ParseFilterJSON reads.
func (a And) MarshalJSON() ([]byte, error) { return marshalList("and", a) }

// MarshalJSON writes the form that ParseFilterJSON reads.
func (o Or) MarshalJSON() ([]byte, error) { return marshalList("or", o) }

// MarshalJSON writes the form that ParseFilterJSON reads.
func (n Not) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]Filter{"not": n.Filter}) }

// MarshalJSON writes the form that ParseFilterJSON reads.
func (c Compare) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"field": c.Field, string(c.Op): jsonValue(c.Value)})
}

// MarshalJSON writes the form that ParseFilterJSON reads.
func (in In) MarshalJSON() ([]byte, error) {
	values := make([]any, len(in.Values))
	for i, v := range in.Values {
		values[i] = jsonValue(v)
	}
	return json.Marshal(map[string]any{"field": in.Field, "in": values})
}

// MarshalJSON writes the form that ParseFilterJSON reads.
func (e Exists) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"field": e.Field, "exists": true})
}

func marshalList(word string, parts []Filter) ([]byte, error) {
	if parts == nil {
		parts = []Filter{}
	}
	return json.Marshal(map[string][]Filter{word: parts})
}

func jsonValue(v any) any {
	if t, ok := v.(time.Time); ok {
		return t.UTC().Format(time.RFC3339Nano)
	}
	return v
}
