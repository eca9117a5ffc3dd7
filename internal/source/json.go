package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

func readJSONL(in *input, r *reading) error {
	for {
		line, err := in.readLine()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if !r.object(line, in) {
			return nil
		}
	}
}

// object decodes and hands on one object that starts in line in.line.
func (r *reading) object(raw []byte, in *input) bool {
	rec, err := decodeObject(raw)
	if err != nil {
		return r.bad(in.line, err)
	}
	d, err := in.opt.Fields.document(rec, fmt.Sprintf("%s:%d", in.name, in.line))
	if err != nil {
		return r.bad(in.line, err)
	}
	return r.doc(in.line, d)
}

func decodeObject(raw []byte) (map[string]any, error) {
	if !utf8.Valid(raw) {
		return nil, errNotUTF8
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, notJSON(err, raw)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("not JSON: something follows the object")
	}
	rec, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s, want an object", kindOf(v))
	}
	return rec, nil
}

func notJSON(err error, raw []byte) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("not JSON: it ends too early")
	}
	return fmt.Errorf("not JSON: %s, near %q", strings.TrimPrefix(err.Error(), "json: "), excerpt(raw))
}

func excerpt(raw []byte) string {
	const most = 40
	s := strings.ToValidUTF8(string(raw[:min(len(raw), 4*most)]), "?")
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return s
}

// readJSON reads an array of objects, or objects one after another, without
// holding more than one of them.
func readJSON(in *input, r *reading) error {
	lines := &lineIndex{r: in.Reader}
	dec := json.NewDecoder(lines)
	array, err := startsArray(in)
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return err
	}
	if array {
		_, _ = dec.Token() // the bracket that startsArray saw
	}
	for !array || dec.More() {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if err == io.EOF && !array {
			return nil
		}
		if err != nil {
			return r.broken(lines, err)
		}
		in.line = lines.at(dec.InputOffset() - int64(len(raw)))
		if !r.object(raw, in) {
			return nil
		}
	}
	if _, err := dec.Token(); err != nil { // the closing bracket
		return r.broken(lines, err)
	}
	return nil
}

// broken reports JSON whose syntax is so broken that nothing after it can be
// found, unless reading itself failed.
func (r *reading) broken(lines *lineIndex, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		msg, offset := "it ends too early", lines.offset
		if syntax != nil {
			msg, offset = syntax.Error(), syntax.Offset
		}
		r.bad(lines.at(offset), fmt.Errorf("not JSON: %s; the rest of the file cannot be read", msg))
		return nil
	}
	return err
}

// startsArray looks past white space at the first character.
func startsArray(in *input) (bool, error) {
	for n := 1; ; n++ {
		head, err := in.Peek(n)
		if len(head) < n {
			if err == nil {
				err = io.EOF
			}
			return false, err
		}
		switch head[n-1] {
		case ' ', '\t', '\r', '\n':
		default:
			return head[n-1] == '[', nil
		}
	}
}

// lineIndex remembers where the lines begin that a decoder has read ahead.
type lineIndex struct {
	r      io.Reader
	offset int64
	breaks []int64 // offsets of line ends not yet passed
	passed int
}

func (l *lineIndex) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	for i, c := range p[:n] {
		if c == '\n' {
			l.breaks = append(l.breaks, l.offset+int64(i))
		}
	}
	l.offset += int64(n)
	return n, err
}

// at returns the line, from 1, of an offset; offsets must not decrease.
func (l *lineIndex) at(offset int64) int {
	i := 0
	for i < len(l.breaks) && l.breaks[i] < offset {
		i++
	}
	l.passed += i
	l.breaks = l.breaks[i:]
	return l.passed + 1
}
