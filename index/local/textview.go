package local

import (
	"errors"
	"fmt"
	"math"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	segment "github.com/blevesearch/scorch_segment_api/v2"
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
		if n := len(tail.keys); n > 0 {
			v.tails = append(v.tails, tailView{t, tail, tail.keys[:n:n], tail.dead})
		}
	}
	return v
}

// textPiece is passages of the leg that are numbered together: a segment's or a
// tail's.
type textPiece struct {
	keys  []textKey
	limit uint64 // passages of later frames are another piece's

	segment *scorch.SegmentSnapshot // nil for a tail
	dict    segment.TermDictionary
	dead    bitset // of the segment
	kept    *keptLists
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
		dict, err := seg.Segment().Dictionary(termsField)
		if err != nil {
			return nil, fmt.Errorf("read text leg: %w", err)
		}
		out = append(out, textPiece{keys: keys.list, limit: v.saved, segment: seg, dict: dict, dead: keys.dead, kept: t.kept})
	}
	for _, tail := range v.tails {
		out = append(out, textPiece{keys: tail.keys, limit: math.MaxUint64, tail: tail})
	}
	return out, nil
}

// textList is the passages of a piece that have a term.
type textList struct {
	n        int
	postings segment.PostingsList // of a segment
	recent   []tailPosting        // of a tail, or kept of a segment, with those in dead
	dead     bitset
}

func (p *textPiece) list(term string) (textList, error) {
	if p.segment == nil {
		list := p.tail.list(term)
		return textList{n: len(list), recent: list}, nil
	}
	if l, ok, err := p.keptList(term); ok || err != nil {
		return l, err
	}
	list, err := p.dict.PostingsList([]byte(term), p.segment.Deleted(), nil)
	if err != nil {
		return textList{}, fmt.Errorf("read text leg: %w", err)
	}
	return textList{n: int(list.Count()), postings: list}, nil
}

// addTo adds the passages to a set.
func (l *textList) addTo(set *roaring.Bitmap) error {
	for _, p := range l.recent {
		if !l.dead.has(p.passage) {
			set.Add(p.passage)
		}
	}
	if l.postings == nil {
		return nil
	}
	for it := l.postings.Iterator(false, false, false, nil); ; {
		posting, err := it.Next()
		if err != nil {
			return fmt.Errorf("read text leg: %w", err)
		}
		if posting == nil {
			return nil
		}
		set.Add(uint32(posting.Number()))
	}
}

// count is how many passages of some pieces have a term.
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
		dead := p.tail.dead
		if p.segment != nil {
			dead = p.segment.Deleted()
		}
		for i, k := range p.keys {
			if k.sequence <= p.limit && (dead == nil || !dead.Contains(uint32(i))) {
				f(k)
			}
		}
	}
	return nil
}
