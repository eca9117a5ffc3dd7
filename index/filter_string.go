package index

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// String implements Filter.
func (a And) String() string { return joinFilters(a, " and ", "true") }

// String implements Filter.
func (o Or) String() string { return joinFilters(o, " or ", "false") }

// String implements Filter.
func (n Not) String() string { return "not " + operand(n.Filter) }

// String implements Filter.
func (c Compare) String() string {
	return fieldString(c.Field) + " " + c.Op.symbol() + " " + valueString(c.Value)
}

// String implements Filter.
func (in In) String() string {
	values := make([]string, len(in.Values))
	for i, v := range in.Values {
		values[i] = valueString(v)
	}
	return fieldString(in.Field) + " in (" + strings.Join(values, ", ") + ")"
}

// String implements Filter.
func (e Exists) String() string { return "exists(" + fieldString(e.Field) + ")" }

func joinFilters(parts []Filter, word, empty string) string {
	if len(parts) == 0 {
		return empty
	}
	if len(parts) == 1 {
		return parts[0].String()
	}
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = operand(p)
	}
	return strings.Join(out, word)
}

// operand puts a part that has operators of its own into parentheses.
func operand(f Filter) string {
	var parts []Filter
	switch f := f.(type) {
	case nil:
		return "<nil>"
	case And:
		parts = f
	case Or:
		parts = f
	}
	switch len(parts) {
	case 0:
		return f.String()
	case 1:
		return operand(parts[0])
	}
	return "(" + f.String() + ")"
}

func (op Op) symbol() string {
	switch op {
	case Eq:
		return "="
	case Lt:
		return "<"
	case Lte:
		return "<="
	case Gt:
		return ">"
	case Gte:
		return ">="
	}
	return string(op)
}

// fieldString writes a field's name, in backticks unless it is a plain word.
func fieldString(name string) string {
	if isWord(name) && !isReserved(name) {
		return name
	}
	return "`" + name + "`"
}

func valueString(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprint(v)
}

// isWord reports whether s is a name that needs no quotes: letters, digits,
// "_", "." and "-", beginning with a letter or "_".
func isWord(s string) bool {
	for i, r := range s {
		if !isWordRune(r) || i == 0 && !unicode.IsLetter(r) && r != '_' {
			return false
		}
	}
	return s != ""
}

func isWordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || r == '_' || r == '.' || r == '-'
}

func isReserved(word string) bool {
	switch strings.ToLower(word) {
	case "and", "or", "not", "in", "exists", "true", "false":
		return true
	}
	return false
}
