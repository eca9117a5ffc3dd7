package index

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ParseFilter reads the form that Filter.String writes:
//
//	lang = "ko" and year >= 2020 and not (tag in ("a", "b") or exists(draft))
//
// "not" binds tighter than "and", "and" tighter than "or"; "!=" is short for
// not "=". Values are strings in double or single quotes (or bare, if they are
// one word), numbers, true, false, dates and RFC 3339 times. Field names are
// bare words or stand in backticks. "true" and "false" are conditions that
// accept everything and nothing. Errors are ErrInvalidFilter and name the
// position in runes, from 1.
func ParseFilter(s string) (Filter, error) {
	if at := invalidUTF8(s); at >= 0 {
		return nil, fmt.Errorf("%w: invalid UTF-8 at byte %d", ErrInvalidFilter, at)
	}
	p := &filterParser{text: s}
	if err := p.next(); err != nil {
		return nil, err
	}
	f, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.token.kind != tokenEnd {
		return nil, p.unexpected(`"and", "or" or the end`)
	}
	return f, nil
}

type tokenKind uint8

const (
	tokenEnd    tokenKind = iota
	tokenWord             // a bare word: field, keyword, number, time
	tokenField            // in backticks
	tokenString           // in quotes
	tokenSign             // ( ) , = != < <= > >=
)

type filterToken struct {
	kind tokenKind
	text string // unquoted
	at   int    // byte offset
}

type filterParser struct {
	text  string
	pos   int // of what follows token
	token filterToken
	terms int
}

func (p *filterParser) errorAt(at int, format string, args ...any) error {
	position := utf8.RuneCountInString(p.text[:at]) + 1
	return fmt.Errorf("%w: at %d: "+format, append([]any{ErrInvalidFilter, position}, args...)...)
}

func (p *filterParser) unexpected(wanted string) error {
	if p.token.kind == tokenEnd {
		return p.errorAt(p.token.at, "it ends where %s should follow", wanted)
	}
	return p.errorAt(p.token.at, "%.40q where %s should stand", p.token.text, wanted)
}

// next reads one token.
func (p *filterParser) next() error {
	p.pos += len(p.text[p.pos:]) - len(strings.TrimLeftFunc(p.text[p.pos:], unicode.IsSpace))
	p.token = filterToken{at: p.pos}
	rest := p.text[p.pos:]
	if rest == "" {
		return nil
	}
	switch c := rest[0]; c {
	case '`':
		end := strings.IndexByte(rest[1:], '`')
		if end < 0 {
			return p.errorAt(p.pos, "the backtick is not closed")
		}
		p.take(tokenField, rest[1:1+end], end+2)
		return nil
	case '"', '\'':
		return p.quoted(rest, c)
	case '(', ')', ',', '=', '<', '>', '!':
		n := 1
		if strings.HasPrefix(rest[1:], "=") && strings.ContainsRune("<>!=", rune(c)) {
			n = 2
		}
		p.take(tokenSign, rest[:n], n)
		return nil
	}
	n := strings.IndexFunc(rest, func(r rune) bool { return !isWordRune(r) && r != ':' && r != '+' })
	if n < 0 {
		n = len(rest)
	}
	if n == 0 {
		r, _ := utf8.DecodeRuneInString(rest)
		return p.errorAt(p.pos, "%q has no meaning here", r)
	}
	p.take(tokenWord, rest[:n], n)
	return nil
}

func (p *filterParser) take(kind tokenKind, text string, n int) {
	p.token.kind, p.token.text = kind, text
	p.pos += n
}

// quoted reads a string with Go's escapes.
func (p *filterParser) quoted(rest string, quote byte) error {
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case quote:
			s, err := unquote(rest[1:i], quote)
			if err != nil {
				return p.errorAt(p.pos, "the string %.40s has an unknown escape", rest[:i+1])
			}
			p.take(tokenString, s, i+1)
			return nil
		}
	}
	return p.errorAt(p.pos, "the string is not closed")
}

func unquote(s string, quote byte) (string, error) {
	var b strings.Builder
	for s != "" {
		r, multibyte, tail, err := strconv.UnquoteChar(s, quote)
		if err != nil {
			return "", err
		}
		if r < utf8.RuneSelf || multibyte {
			b.WriteRune(r)
		} else {
			b.WriteByte(byte(r))
		}
		s = tail
	}
	return b.String(), nil
}

// isKeyword reports whether the token is the bare word, in any case.
func (p *filterParser) isKeyword(word string) bool {
	return p.token.kind == tokenWord && strings.EqualFold(p.token.text, word)
}

func (p *filterParser) isSign(sign string) bool {
	return p.token.kind == tokenSign && p.token.text == sign
}

func (p *filterParser) or(depth int) (Filter, error) {
	parts, err := p.list("or", depth, p.and)
	if len(parts) == 1 {
		return parts[0], err
	}
	return Or(parts), err
}

func (p *filterParser) and(depth int) (Filter, error) {
	parts, err := p.list("and", depth, p.not)
	if len(parts) == 1 {
		return parts[0], err
	}
	return And(parts), err
}

func (p *filterParser) list(word string, depth int, part func(int) (Filter, error)) ([]Filter, error) {
	var parts []Filter
	for {
		f, err := part(depth)
		if err != nil {
			return nil, err
		}
		parts = append(parts, f)
		if !p.isKeyword(word) {
			return parts, nil
		}
		if err := p.next(); err != nil {
			return nil, err
		}
	}
}

// not reads a condition that no "and" or "or" can divide.
func (p *filterParser) not(depth int) (Filter, error) {
	if depth > MaxFilterDepth {
		return nil, p.errorAt(p.token.at, "nested deeper than %d", MaxFilterDepth)
	}
	if err := p.count(1); err != nil {
		return nil, err
	}
	switch {
	case p.isKeyword("not"):
		if err := p.next(); err != nil {
			return nil, err
		}
		f, err := p.not(depth + 1)
		return Not{f}, err
	case p.isSign("("):
		if err := p.next(); err != nil {
			return nil, err
		}
		f, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		return f, p.expect(")")
	case p.isKeyword("true"):
		return And{}, p.next()
	case p.isKeyword("false"):
		return Or{}, p.next()
	case p.isKeyword("exists"):
		return p.exists()
	}
	return p.comparison()
}

func (p *filterParser) count(n int) error {
	if p.terms += n; p.terms > MaxFilterTerms {
		return p.errorAt(p.token.at, "more than %d conditions and values", MaxFilterTerms)
	}
	return nil
}

func (p *filterParser) expect(sign string) error {
	if !p.isSign(sign) {
		return p.unexpected(strconv.Quote(sign))
	}
	return p.next()
}

func (p *filterParser) exists() (Filter, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	field, err := p.field()
	if err != nil {
		return nil, err
	}
	return Exists{field}, p.expect(")")
}

func (p *filterParser) field() (string, error) {
	name := p.token.text
	switch {
	case p.token.kind == tokenField:
	case p.token.kind == tokenWord && isWord(name) && !isReserved(name):
	default:
		return "", p.unexpected("a field's name")
	}
	if err := CheckFieldName(name); err != nil {
		return "", p.errorAt(p.token.at, "%q cannot be a field's name", name)
	}
	return name, p.next()
}

func (p *filterParser) comparison() (Filter, error) {
	field, err := p.field()
	if err != nil {
		return nil, err
	}
	if p.isKeyword("in") {
		return p.in(field)
	}
	op := p.token
	if op.kind != tokenSign {
		return nil, p.unexpected("a comparison (= != < <= > >= in)")
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	at := p.token.at
	value, err := p.value()
	if err != nil {
		return nil, err
	}
	switch op.text {
	case "=", "==":
		return Compare{field, Eq, value}, nil
	case "!=":
		return Not{Compare{field, Eq, value}}, nil
	case "<", "<=", ">", ">=":
		if value, err = ordered(value); err != nil {
			return nil, p.errorAt(at, "field %q: %w", field, err)
		}
		return Compare{field, symbolOp(op.text), value}, nil
	}
	return nil, p.errorAt(op.at, "%q is not a comparison", op.text)
}

func symbolOp(symbol string) Op {
	for _, op := range []Op{Eq, Lt, Lte, Gt, Gte} {
		if op.symbol() == symbol {
			return op
		}
	}
	return Op(symbol)
}

// ordered checks that a value has an order; a string must be a time.
func ordered(value any) (any, error) {
	switch v := value.(type) {
	case string:
		t, err := ParseTime(v)
		if err != nil {
			return nil, fmt.Errorf("%.60q is neither a number nor a time such as 2006-01-02T15:04:05Z or 2006-01-02", v)
		}
		return t, nil
	case bool:
		return nil, fmt.Errorf("true and false have no order")
	}
	return value, nil
}

func (p *filterParser) in(field string) (Filter, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	values := []any{}
	for !p.isSign(")") {
		if len(values) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		values = append(values, v)
		if err := p.count(1); err != nil {
			return nil, err
		}
	}
	return In{field, values}, p.next()
}

// value reads a string, number, bool or time.
func (p *filterParser) value() (any, error) {
	t := p.token
	if t.kind == tokenString {
		return t.text, p.next()
	}
	if t.kind != tokenWord {
		return nil, p.unexpected("a value")
	}
	v, err := bareValue(t.text)
	if err != nil {
		return nil, p.errorAt(t.at, "%w", err)
	}
	return v, p.next()
}

func bareValue(word string) (any, error) {
	switch {
	case word == "true" || word == "false":
		return word == "true", nil
	case isWord(word):
		if isReserved(word) {
			return nil, fmt.Errorf("%q needs quotes to be a value", word)
		}
		return word, nil
	}
	if f, err := strconv.ParseFloat(word, 64); err == nil && !strings.ContainsAny(word, "xX_iI") {
		return f, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if _, err := time.Parse(layout, word); err == nil {
			return ParseTime(word)
		}
	}
	return nil, fmt.Errorf("%.40q is neither a number nor a time; write text in quotes", word)
}
