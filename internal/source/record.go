package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Document is one text with what belongs to it. Metadata values are string,
// []string, float64, bool and time.Time.
type Document struct {
	ID       string
	Title    string
	Text     string
	Metadata map[string]any
	// Headings are those of a format that marks them, not nil; nil for others.
	Headings []Heading
}

// Heading is where a heading stands in a text: runes, half open, and its level,
// 1 to 6.
type Heading struct{ Start, End, Level int }

// Kind names what a metadata field holds.
type Kind string

// The kinds of metadata fields.
const (
	Keyword Kind = "keyword"
	Number  Kind = "number"
	Bool    Kind = "bool"
	Time    Kind = "time"
)

// Fields maps a record's fields to a document's. Empty names mean the usual
// ones: id, _id, doc_id, ... for the id; title; text, contents, body, ... for
// the text. A name with dots reaches into nested objects.
type Fields struct {
	ID    string
	Title string
	Text  []string // several are joined by blank lines
	Meta  []MetaField
	// NoMeta leaves all metadata out; otherwise an empty Meta takes every
	// other field that holds a scalar or a list of strings.
	NoMeta bool
}

// MetaField is a metadata field to take. An empty Kind keeps the value's own.
type MetaField struct {
	Name string
	Kind Kind
}

// ParseMeta reads fields in the form users write: "lang", "year:number".
// The single word "none" takes no metadata.
func (f *Fields) ParseMeta(items []string) error {
	if len(items) == 1 && items[0] == "none" {
		f.NoMeta = true
		return nil
	}
	for _, item := range items {
		name, kind, _ := strings.Cut(item, ":")
		field := MetaField{Name: name, Kind: Kind(kind)}
		switch field.Kind {
		case "", Keyword, Number, Bool, Time:
		default:
			return fmt.Errorf("metadata field %q: unknown kind %q: know keyword, number, bool, time", name, kind)
		}
		if name == "" {
			return fmt.Errorf("metadata field %q has no name", item)
		}
		f.Meta = append(f.Meta, field)
	}
	return nil
}

// The usual names, in order of preference.
var (
	idNames    = []string{"id", "_id", "doc_id", "docid", "document_id", "uid", "uuid"}
	titleNames = []string{"title", "headline", "subject"}
	textNames  = []string{"text", "contents", "content", "body", "passage", "context"}
	metaNames  = []string{"metadata", "meta"} // objects whose fields are metadata
)

// document maps one decoded object. fallbackID is used when it carries none.
func (f *Fields) document(rec map[string]any, fallbackID string) (Document, error) {
	var d Document
	used := map[string]bool{}
	id, err := f.identity(rec, fallbackID, used)
	if err != nil {
		return d, err
	}
	d.ID = id
	if d.Title, err = f.title(rec, used); err != nil {
		return d, err
	}
	if d.Text, err = f.text(rec, used); err != nil {
		return d, err
	}
	d.Metadata, err = f.metadata(rec, used)
	return d, err
}

func (f *Fields) identity(rec map[string]any, fallback string, used map[string]bool) (string, error) {
	name, v, ok := pick(rec, f.ID, idNames)
	if !ok || v == nil {
		if f.ID != "" {
			return "", fmt.Errorf("no field %q for the id; %s", f.ID, fieldsOf(rec))
		}
		return fallback, nil
	}
	used[name] = true
	switch v := v.(type) {
	case string:
		if v != "" {
			return v, nil
		}
		return "", fmt.Errorf("field %q: the id is empty", name)
	case json.Number:
		return v.String(), nil
	}
	return "", fmt.Errorf("field %q: the id is %s, want a string or a number", name, kindOf(v))
}

func (f *Fields) title(rec map[string]any, used map[string]bool) (string, error) {
	name, v, ok := pick(rec, f.Title, titleNames)
	if !ok || v == nil {
		return "", nil
	}
	used[name] = true
	s, isString := v.(string)
	if !isString {
		return "", fmt.Errorf("field %q: the title is %s, want a string", name, kindOf(v))
	}
	return s, nil
}

func (f *Fields) text(rec map[string]any, used map[string]bool) (string, error) {
	names := f.Text
	if len(names) == 0 {
		name, _, ok := pick(rec, "", textNames)
		if !ok {
			return "", fmt.Errorf("no field for the text; %s; name it with --text", fieldsOf(rec))
		}
		names = []string{name}
	}
	var parts []string
	for _, name := range names {
		v, ok := lookup(rec, name)
		if !ok {
			return "", fmt.Errorf("no field %q for the text; %s", name, fieldsOf(rec))
		}
		used[name] = true
		switch v := v.(type) {
		case nil:
		case string:
			if v != "" {
				parts = append(parts, v)
			}
		default:
			return "", fmt.Errorf("field %q: the text is %s, want a string", name, kindOf(v))
		}
	}
	return strings.Join(parts, "\n\n"), nil
}

func (f *Fields) metadata(rec map[string]any, used map[string]bool) (map[string]any, error) {
	meta := map[string]any{}
	switch {
	case f.NoMeta:
	case len(f.Meta) > 0:
		for _, field := range f.Meta {
			v, ok := lookup(rec, field.Name)
			if !ok {
				v, ok = lookup(rec, "metadata."+field.Name)
			}
			if !ok || v == nil {
				continue
			}
			value, err := convert(v, field.Kind)
			if err != nil {
				return nil, fmt.Errorf("field %q: %w", field.Name, err)
			}
			meta[field.Name] = value
		}
	default:
		if err := collect(meta, "", rec, used); err != nil {
			return nil, err
		}
	}
	if len(meta) == 0 {
		return nil, nil
	}
	return meta, nil
}

// collect takes every value that metadata can hold; nested objects give dotted
// names, but those of a "metadata" object give plain ones.
func collect(meta map[string]any, prefix string, rec map[string]any, used map[string]bool) error {
	for _, name := range slices.Sorted(maps.Keys(rec)) {
		if used[prefix+name] {
			continue
		}
		if object, ok := rec[name].(map[string]any); ok {
			inner := prefix + name + "."
			if prefix == "" && slices.Contains(metaNames, name) {
				inner = ""
			}
			if err := collect(meta, inner, object, used); err != nil {
				return err
			}
			continue
		}
		value, err := convert(rec[name], "")
		switch {
		case errors.Is(err, errKind): // vectors and the like are not metadata
		case err != nil:
			return fmt.Errorf("field %q: %w", prefix+name, err)
		case value != nil:
			meta[prefix+name] = value
		}
	}
	return nil
}

var errKind = errors.New("metadata holds strings, numbers, bools and lists of strings only")

// convert turns a decoded JSON value into one of the index's kinds.
func convert(v any, kind Kind) (any, error) {
	switch kind {
	case Keyword:
		switch v := v.(type) {
		case json.Number:
			return v.String(), nil
		case bool:
			return strconv.FormatBool(v), nil
		}
	case Number:
		if s, ok := v.(string); ok {
			v = json.Number(strings.TrimSpace(s))
		}
		n, ok := v.(json.Number)
		if !ok {
			return nil, fmt.Errorf("is %s, want a number", kindOf(v))
		}
		x, err := n.Float64()
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", n.String())
		}
		return x, nil
	case Bool:
		return convertBool(v)
	case Time:
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("is %s, want a time as text", kindOf(v))
		}
		return parseTime(s)
	}
	return plain(v)
}

func convertBool(v any) (any, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case string:
		if b, err := strconv.ParseBool(strings.TrimSpace(strings.ToLower(v))); err == nil {
			return b, nil
		}
		return nil, fmt.Errorf("%q is neither true nor false", v)
	}
	return nil, fmt.Errorf("is %s, want true or false", kindOf(v))
}

func plain(v any) (any, error) {
	switch v := v.(type) {
	case nil, string, bool:
		return v, nil
	case json.Number:
		x, err := v.Float64()
		if err != nil || !exact(v, x) {
			return nil, fmt.Errorf("the number %s is too large to be kept exactly; --meta NAME:keyword keeps it as a word", v)
		}
		return x, nil
	case []any:
		list := make([]string, len(v))
		for i, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, errKind
			}
			list[i] = s
		}
		if len(list) == 0 {
			return nil, nil
		}
		return list, nil
	}
	return nil, errKind
}

// exact reports whether an integer is kept as it is by a float64.
func exact(n json.Number, x float64) bool {
	return strings.ContainsAny(n.String(), ".eE") || math.Abs(x) <= 1<<53
}

var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04", time.DateOnly}

func parseTime(s string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, strings.TrimSpace(s)); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 2026-03-01 or 2026-03-01T12:00:00Z", s)
}

// pick finds a field by its given name, or by the first usual one present.
func pick(rec map[string]any, name string, usual []string) (string, any, bool) {
	if name != "" {
		v, ok := lookup(rec, name)
		return name, v, ok
	}
	for _, name := range usual {
		if v, ok := rec[name]; ok {
			return name, v, true
		}
	}
	return "", nil, false
}

func lookup(rec map[string]any, name string) (any, bool) {
	if v, ok := rec[name]; ok {
		return v, true
	}
	head, rest, dotted := strings.Cut(name, ".")
	if inner, ok := rec[head].(map[string]any); dotted && ok {
		return lookup(inner, rest)
	}
	return nil, false
}

func fieldsOf(rec map[string]any) string {
	names := slices.Sorted(maps.Keys(rec))
	if len(names) == 0 {
		return "the record is empty"
	}
	const most = 12
	if len(names) > most {
		names = append(names[:most], "...")
	}
	return "it has " + strings.Join(names, ", ")
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a bool"
	case json.Number:
		return "a number"
	case string:
		return "a string"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("a %T", v)
}
