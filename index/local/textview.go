package local

import (
	"errors"
	"fmt"
	"math"

	"github.com/blevesearch/bleve/v2/index/scorch"

	"semdex/index"
	"semdex/index/local/postings"
)

// textView is a consistent state of the text leg: bleve's segments, and the
// tails with what bleve lacks.
type textView struct {
	bleve *scorch.IndexSnapshot
	// saved is the sequence up to which passages are bleve's. While a tail is
	// being given to bleve, some of its passages are in both; they are the
	// tail's.
	saved uint64
	tails []tailView
}

// read calls f with a consistent state of the leg.
func (t *textLeg) read(f func(*textView) error) (err error) {
	v := t.recent() // first: what leaves a tail after this is in bleve before
	r, err := t.index.Reader()
	if err != nil {
		return fmt.Errorf("read text leg: %w", err)
	}
	snapshot, ok := r.(*scorch.IndexSnapshot)
	if !ok {
		return errors.Join(fmt.Errorf("read text leg: unexpected reader %T", r), r.Close())
	}
	v.bleve = snapshot
	defer func() {
		err = errors.Join(err, snapshot.Close())
	}()
	return f(v)
}

// recent views the tails.
func (t *textLeg) recent() *textView {
	t.tailMu.RLock()
	defer t.tailMu.RUnlock()
	v := &textView{saved: t.saved, tails: make([]tailView, 0, len(t.tails))}
	for _, tail := range t.tails {
		if len(tail.keys) > 0 {
			v.tails = append(v.tails, tail.tailView)
		}
	}
	return v
}

// textPiece is passages of the leg that are numbered together: a segment's or a
// tail's.
type textPiece struct {
	keys  []textKey
	limit uint64 // passages of later frames are another piece's

	content *postings.Segment // nil for a tail
	dead    bitset            // of the segment
	counts  *deadCounts       // of the segment; may be nil
	tail    tailView
}

// pieces lists the segments and the tails of a view.
func (t *textLeg) pieces(v *textView) ([]textPiece, error) {
	t.forget(v.bleve)
	segments := v.bleve.Segments()
	out := make([]textPiece, 0, len(segments)+len(v.tails))
	for _, seg := range segments {
		keys, err := t.segmentKeys(seg)
		if err != nil {
			return nil, err
		}
		if keys.least > v.saved { // a part of a tail
			continue
		}
		out = append(out, textPiece{keys: keys.list, limit: v.saved, content: keys.content, dead: keys.dead, counts: keys.counts})
	}
	for _, tail := range v.tails {
		out = append(out, textPiece{keys: tail.keys, limit: math.MaxUint64, tail: tail})
	}
	return out, nil
}

// textList is the passages of a piece that have a term.
type textList struct {
	n      int                // of those that are not dead
	packed postings.List      // of a segment, with the dead ones
	recent []postings.Posting // of a tail
	dead   bitset             // of the segment
}

func (p *textPiece) list(term string) (textList, error) {
	if p.content == nil {
		list := p.tail.list(term)
		return textList{n: len(list), recent: list}, nil
	}
	packed, err := p.content.List(term)
	if err != nil {
		return textList{}, corruptText(err)
	}
	out := textList{n: packed.Len(), packed: packed, dead: p.dead}
	if p.dead == nil {
		return out, nil
	}
	out.n, err = p.counts.live(term, packed, p.dead)
	return out, err
}

func corruptText(err error) error { return fmt.Errorf("%w: text leg: %w", index.ErrCorrupt, err) }

// each calls f with the postings of passages that are not dead.
func (l *textList) each(f func(postings.Posting)) error {
	for _, p := range l.recent {
		f(p)
	}
	var room [postings.BlockSize]postings.Posting
	for b := range l.packed.Blocks() {
		block, err := l.packed.Block(b, room[:])
		if err != nil {
			return corruptText(err)
		}
		for _, p := range block {
			if !l.dead.has(p.Passage) {
				f(p)
			}
		}
	}
	return nil
}

// gone says that a passage is dead.
func (p *textPiece) gone(n uint32) bool {
	return p.dead.has(n) || p.tail.dead != nil && p.tail.dead.Contains(n)
}

// countPassages is how many passages of some pieces have a term.
func countPassages(pieces []textPiece, term string) (uint64, error) {
	var n uint64
	for i := range pieces {
		l, err := pieces[i].list(term)
		if err != nil {
			return 0, err
		}
		n += uint64(l.n)
	}
	return n, nil
}

// each calls f with the key of every passage in the leg.
func (t *textLeg) each(v *textView, f func(textKey)) error {
	pieces, err := t.pieces(v)
	if err != nil {
		return err
	}
	for _, p := range pieces {
		for i, k := range p.keys {
			if k.sequence <= p.limit && !p.gone(uint32(i)) {
				f(k)
			}
		}
	}
	return nil
}
