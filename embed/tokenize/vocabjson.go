package tokenize

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parseVocab turns an object of tokens and ids into a list; ids may be missing
// among them. The text is known to be valid JSON: with a hundred thousand
// tokens, going through a map by reflection would take most of a start.
func parseVocab(text string) (*Vocab, error) {
	if !strings.HasPrefix(text, "{") {
		return nil, errors.New("model.vocab is not an object of tokens and ids")
	}
	p := vocabParser{rest: text[1:]}
	tokens := make([]string, 0, strings.Count(text, ":"))
	limit := int64(cap(tokens)) + maxGap
	for p.more() {
		token, id, err := p.entry()
		switch {
		case err != nil:
			return nil, fmt.Errorf("model.vocab: %w", err)
		case id < 0 || id >= limit:
			return nil, fmt.Errorf("model.vocab: token %q has id %d", token, id)
		case len(token) > maxTokenBytes || !utf8.ValidString(token):
			return nil, fmt.Errorf("model.vocab: id %d is no token", id)
		}
		for int64(len(tokens)) <= id {
			tokens = append(tokens, "")
		}
		// The empty token is what a blank line of a vocab.txt became.
		if other := tokens[id]; other != "" {
			return nil, fmt.Errorf("model.vocab: tokens %q and %q share id %d", other, token, id)
		}
		tokens[id] = token
	}
	return newVocab(tokens)
}

// vocabParser reads the members of one object.
type vocabParser struct{ rest string }

func (p *vocabParser) more() bool {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n,")
	return p.rest != "" && p.rest[0] == '"'
}

// entry reads a token, a colon and an id.
func (p *vocabParser) entry() (token string, id int64, err error) {
	end := 1
	for p.rest[end] != '"' {
		if p.rest[end] == '\\' {
			end++
		}
		end++
	}
	token, p.rest = p.rest[1:end], p.rest[end+1:]
	if strings.Contains(token, `\`) {
		if err := json.Unmarshal([]byte(`"`+token+`"`), &token); err != nil {
			return "", 0, err
		}
	}
	p.rest = strings.TrimLeft(p.rest, " \t\r\n:")
	end = strings.IndexAny(p.rest, " \t\r\n,}")
	if id, err = strconv.ParseInt(p.rest[:end], 10, 64); err != nil {
		return "", 0, fmt.Errorf("id of token %q: %w", token, err)
	}
	p.rest = p.rest[end:]
	return token, id, nil
}
