package local

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"semdex/index"
	"semdex/index/local/analysis"
)

// maxCorrections bounds the unknown words of a text that are looked at.
const maxCorrections = 16

// Correct implements index.Collection. A word takes at most about 1,300 look-ups
// in each segment's dictionary.
func (c *Collection) Correct(ctx context.Context, text string) (corrected string, changes map[string]string, err error) {
	if err := c.enter(ctx); err != nil {
		return "", nil, err
	}
	defer c.leave()
	defer func() { // as in searchText
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: text leg: %v", index.ErrCorrupt, r)
		}
	}()
	err = c.text.read(func(v *textView) error {
		pieces, err := c.text.pieces(v)
		if err != nil {
			return err
		}
		s := speller{analyzer: c.text.analyzer, pieces: pieces, counts: make(map[string]uint64), known: c.expand(text)}
		corrected, changes, err = s.correct(ctx, text)
		return err
	})
	return corrected, changes, err
}

// speller corrects words against the dictionaries of a text leg.
type speller struct {
	analyzer *analysis.Analyzer
	pieces   []textPiece
	counts   map[string]uint64 // passages by term
	known    []index.Expansion // stretches that are left as they are
}

func (s *speller) correct(ctx context.Context, text string) (string, map[string]string, error) {
	var out strings.Builder
	var changes map[string]string
	runes, done, unknown := []rune(text), 0, 0
	for _, t := range s.analyzer.LatinWords(text) {
		if slices.ContainsFunc(s.known, func(e index.Expansion) bool { return e.Start <= t.Start && t.End <= e.End }) {
			continue
		}
		n, err := s.passages(t.Term)
		if err != nil {
			return "", nil, err
		}
		if n > 0 || unknown == maxCorrections {
			continue
		}
		unknown++
		if err := ctx.Err(); err != nil {
			return "", nil, err
		}
		better, err := s.best(t.Term)
		if err != nil {
			return "", nil, err
		}
		if better == "" {
			continue
		}
		if changes == nil {
			changes = make(map[string]string)
		}
		changes[string(runes[t.Start:t.End])] = better
		out.WriteString(string(runes[done:t.Start]))
		out.WriteString(better)
		done = t.End
	}
	out.WriteString(string(runes[done:]))
	return out.String(), changes, nil
}

// best is the word of one edit that is in the most passages; "" if none is in
// any. Of several, which mostly share a stem, it is the longest: the text leg
// does not know whether palac or palace was written, and the longer one is
// hardly ever cut short.
func (s *speller) best(word string) (best string, err error) {
	var most uint64
	analysis.Edits(word, func(edited string) {
		n, failed := s.passages(edited)
		if failed != nil {
			err = failed
		}
		if n > most || n == most && n > 0 && (len(edited) > len(best) || len(edited) == len(best) && edited < best) {
			best, most = edited, n
		}
	})
	return best, err
}

// passages counts those that have a word.
func (s *speller) passages(word string) (uint64, error) {
	term := s.analyzer.WordTerm(word)
	if n, known := s.counts[term]; known {
		return n, nil
	}
	n, err := countPassages(s.pieces, term)
	if err != nil {
		return 0, err
	}
	s.counts[term] = n
	return n, nil
}
