package index

import (
	"context"
	"crypto/sha256"
	"strings"
)

// digest identifies a passage's text, but for white space around it.
type digest [sha256.Size]byte

// distinct keeps, of passages with the same text, the one that ranks best. It
// reads every candidate that it has not seen, so a page costs about as much as
// showing all candidates would.
func (s *searcher) distinct(ctx context.Context, ranking []fused) ([]fused, error) {
	if err := s.digest(ctx, ranking); err != nil {
		return nil, err
	}
	seen := make(map[digest]bool, len(ranking))
	out := ranking[:0:0]
	for _, f := range ranking {
		d, known := s.digests[f.ref]
		if known && seen[d] {
			continue
		}
		seen[d] = known
		out = append(out, f)
	}
	s.stats.Duplicates = len(ranking) - len(out)
	return out, nil
}

// digest reads the passages that have no digest yet. Those that vanished
// meanwhile stay without one.
func (s *searcher) digest(ctx context.Context, ranking []fused) error {
	if s.digests == nil {
		s.digests = make(map[Ref]digest)
	}
	var refs []Ref
	for _, f := range ranking {
		if _, known := s.digests[f.ref]; !known {
			refs = append(refs, f.ref)
		}
	}
	for len(refs) > 0 {
		batch := refs[:min(Window, len(refs))]
		refs = refs[len(batch):]
		stored, err := s.c.Fetch(ctx, batch)
		if err != nil {
			return err
		}
		texts := make(map[string]*runeText)
		for i, p := range stored {
			if !p.Found {
				continue
			}
			text := texts[p.Document.ID]
			if text == nil || text.text != p.Document.Text {
				text = newRuneText(p.Document.Text)
				texts[p.Document.ID] = text
			}
			s.digests[batch[i]] = sha256.Sum256([]byte(strings.TrimSpace(text.slice(p.Start, p.End))))
		}
	}
	return nil
}
