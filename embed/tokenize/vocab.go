package tokenize

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// continuation begins the tokens that continue a word.
const continuation = "##"

// maxTokenBytes is the longest line that is believed to be a token.
const maxTokenBytes = 1 << 12

// Vocab is an immutable list of tokens; a token's place is its id.
type Vocab struct {
	tokens []string // "" where an id has no token
	trie   *trie
}

// ReadVocab reads a vocab.txt: one token a line, in order of id, lines ending
// in LF or CRLF. A blank line takes an id, since the rows of a model's
// embedding table count it, but it is no token; blank lines at the end are
// ignored. Two blank lines together, a repeated token and invalid UTF-8 are
// errors that name the line.
func ReadVocab(r io.Reader) (*Vocab, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	text := strings.TrimRight(strings.TrimPrefix(string(data), "\uFEFF"), "\r\n")
	if text == "" {
		return newVocab(nil)
	}
	valid := utf8.ValidString(text)
	tokens := make([]string, 0, strings.Count(text, "\n")+1)
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		number := len(tokens) + 1
		switch {
		case len(line) > maxTokenBytes:
			return nil, fmt.Errorf("vocabulary: line %d is longer than %d bytes", number, maxTokenBytes)
		case !valid && !utf8.ValidString(line):
			return nil, fmt.Errorf("vocabulary: line %d is not valid UTF-8", number)
		case line == "" && (number == 1 || tokens[number-2] == ""):
			return nil, fmt.Errorf("vocabulary: line %d is blank", number)
		}
		tokens = append(tokens, line)
	}
	v, err := newVocab(tokens)
	if dup := (*duplicateError)(nil); errors.As(err, &dup) {
		return nil, fmt.Errorf("vocabulary: line %d repeats token %q of line %d", dup.second+1, dup.token, dup.first+1)
	}
	return v, err
}

// NewVocab takes tokens in order of id. Empty tokens, repeated ones, line
// breaks within and invalid UTF-8 are errors.
func NewVocab(tokens []string) (*Vocab, error) {
	for id, token := range tokens {
		switch {
		case token == "":
			return nil, fmt.Errorf("vocabulary: token %d is empty", id)
		case strings.ContainsAny(token, "\r\n"):
			return nil, fmt.Errorf("vocabulary: token %d, %q, has a line break", id, token)
		case !utf8.ValidString(token):
			return nil, fmt.Errorf("vocabulary: token %d, %q, is not valid UTF-8", id, token)
		case len(token) > maxTokenBytes:
			return nil, fmt.Errorf("vocabulary: token %d is longer than %d bytes", id, maxTokenBytes)
		}
	}
	return newVocab(slices.Clone(tokens))
}

// newVocab keeps tokens. It allows ids without one.
func newVocab(tokens []string) (*Vocab, error) {
	if len(tokens) == 0 {
		return nil, errors.New("vocabulary: no tokens")
	}
	t, err := newTrie(tokens)
	if err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	return &Vocab{tokens: tokens, trie: t}, nil
}

// ID gives a token's id, and whether the vocabulary has it.
func (v *Vocab) ID(token string) (int32, bool) {
	if token == "" {
		return none, false
	}
	if rest, ok := strings.CutPrefix(token, continuation); ok {
		return v.trie.exact(continueRoot, rest)
	}
	return v.trie.exact(startRoot, token)
}

// Token gives the token of an id, "" for an id outside the vocabulary.
func (v *Vocab) Token(id int32) string {
	if id < 0 || int(id) >= len(v.tokens) {
		return ""
	}
	return v.tokens[id]
}

// Len is the number of ids, those without a token included.
func (v *Vocab) Len() int { return len(v.tokens) }

// Tokens gives the tokens in order of id, "" for an id without a token, as a
// copy.
func (v *Vocab) Tokens() []string { return append([]string(nil), v.tokens...) }

// WriteTo writes the vocabulary as a vocab.txt.
func (v *Vocab) WriteTo(w io.Writer) (int64, error) {
	out := bufio.NewWriter(w)
	var n int64
	for _, token := range v.tokens {
		k, err := out.WriteString(token)
		n += int64(k)
		if err == nil {
			err = out.WriteByte('\n')
			n++
		}
		if err != nil {
			return n, fmt.Errorf("write vocabulary: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return n, fmt.Errorf("write vocabulary: %w", err)
	}
	return n, nil
}
