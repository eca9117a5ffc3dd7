package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of metadata. They keep a collection's schema and filter structures in
// bounds, whatever is thrown at it.
const (
	MaxFieldName    = 128   // bytes of a field's name
	MaxFields       = 1024  // fields of a collection
	MaxKeywordBytes = 32768 // bytes of one keyword
	MaxKeywords     = 4096  // keywords in one field of one document
)

// NormalizeMetadata brings a document's metadata into the form that is stored
// and filtered: string, []string, float64, bool, time.Time (UTC, microseconds).
// Null and empty lists count as absent. Kinds come from the schema; a field
// that it does not know takes its kind from the value (string and list of
// strings: Keyword, number: Number, bool: Bool, time.Time: Time; a string is
// never taken for a time unless the schema says so), and those new fields come
// back in learned. The input is not changed; normalising twice is the same as
// once.
//
// Errors: ErrFieldType names the field and both kinds; ErrInvalidDocument is a
// value or a name that no field can have.
func NormalizeMetadata(metadata map[string]any, fields map[string]FieldKind) (normal map[string]any, learned map[string]FieldKind, err error) {
	for _, name := range slices.Sorted(maps.Keys(metadata)) {
		value, err := normalValue(metadata[name])
		if err != nil {
			return nil, nil, fmt.Errorf("%w: field %q: %w", ErrInvalidDocument, name, err)
		}
		if value == nil {
			continue
		}
		kind, known := fields[name]
		if !known {
			if err := CheckFieldName(name); err != nil {
				return nil, nil, err
			}
			if len(fields)+len(learned) >= MaxFields {
				return nil, nil, fmt.Errorf("%w: field %q would be one more than the %d fields that a collection can have", ErrInvalidDocument, name, MaxFields)
			}
			if learned == nil {
				learned = make(map[string]FieldKind)
			}
			kind, _ = kindOf(value)
			learned[name] = kind
		}
		if value, err = toKind(value, kind); err != nil {
			return nil, nil, fmt.Errorf("%w %q: %w", ErrFieldType, name, err)
		}
		if normal == nil {
			normal = make(map[string]any, len(metadata))
		}
		normal[name] = value
	}
	return normal, learned, nil
}

// CheckFieldName reports ErrInvalidDocument for a name that no field can have.
func CheckFieldName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: a metadata field has an empty name", ErrInvalidDocument)
	case len(name) > MaxFieldName:
		return fmt.Errorf("%w: the name of field %.40q... has %d bytes, at most %d are allowed", ErrInvalidDocument, name, len(name), MaxFieldName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || r == '`' }):
		return fmt.Errorf("%w: the name of field %q has control characters, backticks or invalid UTF-8", ErrInvalidDocument, name)
	}
	return nil
}

// ParseTime reads RFC 3339 times and plain dates (midnight UTC), as metadata
// fields of kind Time and filters hold them: in UTC, to the microsecond.
func ParseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return normalTime(t)
		}
	}
	return time.Time{}, fmt.Errorf("%.60q is not a time; write 2006-01-02T15:04:05Z or 2006-01-02", s)
}

func normalTime(t time.Time) (time.Time, error) {
	t = t.UTC().Truncate(time.Microsecond)
	if y := t.Year(); y < 0 || y > 9999 {
		return time.Time{}, fmt.Errorf("the year %d is outside 0 to 9999", y)
	}
	return t, nil
}

// kindOf is the kind of a normalised value.
func kindOf(v any) (FieldKind, error) {
	switch v := v.(type) {
	case string, []string:
		return Keyword, nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", fmt.Errorf("%v is not a finite number", v)
		}
		return Number, nil
	case bool:
		return Bool, nil
	case time.Time:
		return Time, nil
	}
	return "", fmt.Errorf("a value of type %T is not supported", v)
}

// toKind checks a normalised value against its field's kind; only strings
// change, into times.
func toKind(value any, kind FieldKind) (any, error) {
	have, err := kindOf(value)
	if err != nil || have == kind {
		return value, err
	}
	if s, ok := value.(string); ok && kind == Time {
		return ParseTime(s)
	}
	return nil, fmt.Errorf("it is a %s, the document gives a %s", kind, have)
}

// normalValue brings the many Go types of a decoded value to the five that are
// kept, and null to nil.
func normalValue(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return v, checkKeyword(v)
	case bool:
		return v, nil
	case time.Time:
		return normalTime(v)
	case json.Number:
		return normalNumber(v)
	case []string:
		return normalList(v)
	case []any:
		list := make([]string, len(v))
		for i, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, fmt.Errorf("item %d of the list is not a string; lists hold strings only", i)
			}
			list[i] = s
		}
		return normalList(list)
	case map[string]any:
		return nil, errors.New(`objects are not supported; flatten them, for example to "author.name"`)
	}
	return reflectNumber(reflect.ValueOf(v))
}

// maxExact is the size up to which every integer is a float64.
const maxExact = 1 << 53

func reflectNumber(v reflect.Value) (any, error) {
	switch {
	case v.CanFloat():
		_, err := kindOf(v.Float())
		return v.Float(), err
	case v.CanInt():
		if i := v.Int(); i > maxExact || i < -maxExact {
			return nil, inexact(i)
		}
		return float64(v.Int()), nil
	case v.CanUint():
		if v.Uint() > maxExact {
			return nil, inexact(v.Uint())
		}
		return float64(v.Uint()), nil
	}
	return nil, fmt.Errorf("a value of type %s is not supported", v.Type())
}

func normalNumber(n json.Number) (any, error) {
	f, err := n.Float64()
	if err != nil {
		return nil, fmt.Errorf("%.40q is not a number in range", string(n))
	}
	if !strings.ContainsAny(string(n), ".eE") && math.Abs(f) > maxExact {
		return nil, inexact(n)
	}
	return f, nil
}

func inexact(n any) error {
	return fmt.Errorf("the integer %.40v does not fit a float64 exactly; store it as a string", n)
}

func normalList(list []string) (any, error) {
	if len(list) == 0 {
		return nil, nil
	}
	if len(list) > MaxKeywords {
		return nil, fmt.Errorf("the list has %d items, at most %d are allowed", len(list), MaxKeywords)
	}
	for i, s := range list {
		if err := checkKeyword(s); err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
	}
	return slices.Clone(list), nil
}

func checkKeyword(s string) error {
	if len(s) > MaxKeywordBytes {
		return fmt.Errorf("the string has %d bytes, at most %d are allowed; long text belongs into the document's text", len(s), MaxKeywordBytes)
	}
	if at := invalidUTF8(s); at >= 0 {
		return fmt.Errorf("invalid UTF-8 at byte %d", at)
	}
	return nil
}
