package index

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Limits of a collection's synonyms.
const (
	MaxSynonymBytes = 1 << 20 // the whole text
	MaxSynonymEntry = 256     // bytes of a word or phrase
	MaxSynonymLine  = 32      // entries of a line, and synonyms of one stretch of a query
	MaxExpansions   = 64      // stretches of a query
)

// SynonymWeight is what a synonym counts for beside the words of a query.
const SynonymWeight = 0.5

// SynonymRule says that texts which hold one of To answer a query for one of
// From, too. Entries are words or phrases.
type SynonymRule struct {
	From []string
	To   []string
	Line int // of the text, from 1
}

// ParseSynonyms reads synonyms, one rule a line:
//
//	car, auto, automobile   each counts as the others
//	tv, telly => television one way: a query for tv finds television, too
//	# a comment
//
// Space around entries does not matter. ErrInvalidSynonyms names the line: fewer
// than two entries, a side of an arrow without any, two arrows, the same entry
// twice, one without letters and digits, or more than the limits.
func ParseSynonyms(text string) ([]SynonymRule, error) {
	if len(text) > MaxSynonymBytes {
		return nil, fmt.Errorf("%w: they have %d bytes, at most %d are allowed", ErrInvalidSynonyms, len(text), MaxSynonymBytes)
	}
	var rules []SynonymRule
	text = strings.TrimPrefix(text, "\ufeff")
	for n := 1; text != ""; n++ {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		rule, err := parseSynonymRule(line)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrInvalidSynonyms, n, err)
		}
		rule.Line = n
		rules = append(rules, rule)
	}
	return rules, nil
}

func parseSynonymRule(line string) (rule SynonymRule, err error) {
	if at := invalidUTF8(line); at >= 0 {
		return rule, fmt.Errorf("invalid UTF-8 at byte %d", at)
	}
	from, to, arrow := strings.Cut(line, "=>")
	if strings.Contains(to, "=>") {
		return rule, fmt.Errorf("there are two arrows (=>)")
	}
	if rule.From, err = synonymEntries(from); err != nil {
		return rule, err
	}
	if !arrow {
		if len(rule.From) < 2 {
			return rule, fmt.Errorf("%q is alone; synonyms are separated by commas, or by => if they hold one way", rule.From[0])
		}
		rule.To = rule.From
		return rule, nil
	}
	if rule.To, err = synonymEntries(to); err != nil {
		return rule, err
	}
	for _, e := range rule.To {
		if slices.ContainsFunc(rule.From, func(o string) bool { return strings.EqualFold(e, o) }) {
			return rule, fmt.Errorf("%q is on both sides of the arrow", e)
		}
	}
	return rule, nil
}

func synonymEntries(list string) ([]string, error) {
	entries := strings.Split(list, ",")
	if len(entries) > MaxSynonymLine {
		return nil, fmt.Errorf("%d entries, at most %d are allowed", len(entries), MaxSynonymLine)
	}
	for i, e := range entries {
		e = strings.Join(strings.Fields(e), " ")
		switch {
		case e == "":
			return nil, fmt.Errorf("entry %d is empty", i+1)
		case !hasWord(e):
			return nil, fmt.Errorf("%q has no letters and digits", e)
		case len(e) > MaxSynonymEntry:
			return nil, fmt.Errorf("%.40q... has %d bytes, at most %d are allowed", e, len(e), MaxSynonymEntry)
		case slices.ContainsFunc(entries[:i], func(o string) bool { return strings.EqualFold(e, o) }):
			return nil, fmt.Errorf("%q is there twice", e)
		}
		entries[i] = e
	}
	return entries, nil
}

// Words is what the keyword leg looks for: the words of a text, and what counts
// as some of them.
type Words struct {
	Text string
	Also []Expansion
}

// Expansion is a stretch of a text that stands among a collection's synonyms, in
// runes, and what else counts as it.
type Expansion struct {
	Span
	Synonyms []string
}

// Thesaurus is the part of a Collection that knows synonyms. They say what a
// query finds, not what is stored, so that they can be changed at any time.
//
// In the keyword leg a passage that holds a synonym scores as if it held the
// query's own words, at SynonymWeight. With S the score of the stretch's own
// terms in the passage, S' that of a synonym's, and M and M' the most that they
// could score, the passage's score grows by
//
//	max(0, SynonymWeight * min(1, M / M') * S' - S)
//
// for the synonym where that is the most: of a word and its synonyms the best
// counts, once, and a rare synonym does not outweigh the word. Terms of the
// stretch that the query does not look for (stop words) have no S, and M is not
// considered then. A synonym of several words counts where they stand one behind
// the other in the passage or in the title, as a phrase of Wording; of those, the
// MaxVerified most promising passages of a query are looked at.
//
// Correct leaves the words of entries as they are.
type Thesaurus interface {
	// SetSynonyms replaces the collection's synonyms by those of a text
	// (ParseSynonyms); an empty text is none. When it returns nil they are
	// durable. ErrInvalidSynonyms.
	SetSynonyms(ctx context.Context, text string) error
	// Synonyms returns the text.
	Synonyms(ctx context.Context) (string, error)
	// Expand finds the entries that stand in a text, as the keyword leg takes
	// words: of those at a place the longest, from left to right.
	Expand(ctx context.Context, text string) ([]Expansion, error)
}

// SetSynonyms replaces a collection's synonyms and returns how many rules they
// are; see Thesaurus.
func (s *Service) SetSynonyms(ctx context.Context, collection, text string) (rules int, err error) {
	parsed, err := ParseSynonyms(text)
	if err != nil {
		return 0, err
	}
	s.reembeds.writes.RLock()
	defer s.reembeds.writes.RUnlock()
	c, err := s.open(ctx, collection)
	if err != nil {
		return 0, err
	}
	return len(parsed), c.SetSynonyms(ctx, text)
}

// Synonyms returns the text of a collection's synonyms.
func (s *Service) Synonyms(ctx context.Context, collection string) (string, error) {
	c, err := s.open(ctx, collection)
	if err != nil {
		return "", err
	}
	return c.Synonyms(ctx)
}

// expand finds the synonyms that the query's words have.
func (s *searcher) expand(ctx context.Context) error {
	s.words = Words{Text: s.q.Text}
	if s.q.NoSynonyms || s.q.Like != "" || s.q.Text == "" {
		return nil
	}
	var err error
	if s.words.Also, err = s.c.Expand(ctx, s.q.Text); err != nil || len(s.words.Also) == 0 {
		return err
	}
	text := newRuneText(s.q.Text)
	s.stats.Synonyms = make(map[string][]string, len(s.words.Also))
	for _, e := range s.words.Also {
		s.stats.Synonyms[text.slice(e.Start, e.End)] = e.Synonyms
	}
	return nil
}
