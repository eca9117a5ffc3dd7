package index

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxWordings bounds the phrases and exclusions of one query.
const MaxWordings = 32

// MaxVerified bounds the passages that one leg of one query reads to see which
// phrases they hold. A leg that reaches it stops there and says so
// (Leg.Bounded); everything it returns still fulfils the conditions.
const MaxVerified = 10000

// Wording are conditions on the words of a passage, of which its document's
// title is a part. Phrases are compared word by word, as the engine's analyzer
// takes words; one without words is no condition.
type Wording struct {
	Phrases  []string // all of them stand in the passage or in the title
	Excluded []string // none of them does
}

// IsZero reports whether there are no conditions.
func (w Wording) IsZero() bool { return len(w.Phrases) == 0 && len(w.Excluded) == 0 }

// Wordings is the part of a Collection that reads passages word by word.
type Wordings interface {
	// KeywordWording is Keyword among the passages that fulfil w, which has
	// phrases; those score 0 that have none of the words.
	KeywordWording(ctx context.Context, words Words, w Wording, k int, f Filter) (Leg, error)
	// Allows reports for each passage whether it fulfils w; passages that do
	// not exist do not.
	Allows(ctx context.Context, refs []Ref, w Wording) ([]bool, error)
	// Vectors returns passages' vectors, nil for those that have none or do
	// not exist.
	Vectors(ctx context.Context, refs []Ref) ([][]float32, error)
}

// ParseWording takes the operators out of a query's text:
//
//	"two words"   the passage holds these words, one behind the other
//	-word         the passage does not hold the word
//	-"two words"  the passage does not hold the phrase
//
// Quotes open at the beginning of a word only, straight (") or curly, and close
// at the next one; there is no way to write a quote inside of quotes. A hyphen
// is an operator only directly before a word or a quote and behind a space or
// at the start: neither e-mail nor "a - b" nor --flag exclude anything.
//
// Plain is the text to rank by: phrases without their quotes, nothing of what
// is excluded. Errors (ErrInvalidQuery): a quote that is not closed, nothing
// left to search with, more than MaxWordings conditions.
func ParseWording(text string) (plain string, w Wording, err error) {
	p := wordingParser{rest: text}
	for !p.done() {
		if err := p.word(); err != nil {
			return "", Wording{}, err
		}
	}
	if w = p.wording; w.IsZero() {
		return text, w, nil
	}
	if n := len(w.Phrases) + len(w.Excluded); n > MaxWordings {
		return "", Wording{}, fmt.Errorf("%w: the text has %d phrases and exclusions, at most %d are allowed", ErrInvalidQuery, n, MaxWordings)
	}
	plain = strings.TrimSpace(p.plain.String())
	if !hasWord(plain) {
		return "", Wording{}, fmt.Errorf("%w: the text only excludes (-%s); say what to search for as well", ErrInvalidQuery, w.Excluded[0])
	}
	return plain, w, nil
}

// wordingParser goes through a text word by word; words end at white space.
type wordingParser struct {
	rest    string
	runes   int // read so far
	plain   strings.Builder
	wording Wording
}

func (p *wordingParser) done() bool { return p.rest == "" }

// take moves n bytes ahead and returns them.
func (p *wordingParser) take(n int) string {
	s := p.rest[:n]
	p.rest = p.rest[n:]
	p.runes += utf8.RuneCountInString(s)
	return s
}

// word reads white space and the word behind it.
func (p *wordingParser) word() error {
	p.plain.WriteString(p.take(len(p.rest) - len(strings.TrimLeftFunc(p.rest, unicode.IsSpace))))
	word := p.rest[:wordEnd(p.rest)]
	minus := strings.HasPrefix(word, "-")
	if n := quoteAt(strings.TrimPrefix(word, "-")); n > 0 {
		return p.quoted(minus, n)
	}
	p.take(len(word))
	if minus && !strings.HasPrefix(word, "--") && hasWord(word) {
		p.wording.Excluded = append(p.wording.Excluded, word[1:])
		return nil
	}
	p.plain.WriteString(word)
	return nil
}

// quoted reads a phrase, whose opening quote has size bytes.
func (p *wordingParser) quoted(minus bool, size int) error {
	at := p.runes + 1
	if minus {
		p.take(1)
	}
	p.take(size)
	end := strings.IndexFunc(p.rest, isQuote)
	if end < 0 {
		return fmt.Errorf("%w: the quote at character %d is not closed", ErrInvalidQuery, at)
	}
	phrase := p.take(end)
	p.take(quoteAt(p.rest))
	switch {
	case !hasWord(phrase):
		p.plain.WriteString(phrase)
	case minus:
		p.wording.Excluded = append(p.wording.Excluded, phrase)
	default:
		p.plain.WriteString(phrase)
		p.wording.Phrases = append(p.wording.Phrases, phrase)
	}
	return nil
}

func wordEnd(s string) int {
	if n := strings.IndexFunc(s, unicode.IsSpace); n >= 0 {
		return n
	}
	return len(s)
}

// quoteAt is the length of the quote that a text begins with, or 0.
func quoteAt(s string) int {
	if r, size := utf8.DecodeRuneInString(s); isQuote(r) {
		return size
	}
	return 0
}

func isQuote(r rune) bool { return r == '"' || r == '“' || r == '”' }

// hasWord reports whether there is anything in a text that could be searched.
func hasWord(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) })
}
