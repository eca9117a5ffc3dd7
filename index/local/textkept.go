package local

import (
	"container/list"
	"fmt"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	segment "github.com/blevesearch/scorch_segment_api/v2"
)

// The bounds of keptLists, in passages of eight bytes each.
const (
	keptLeast = 256     // of a list: shorter ones are read from the segment in no time
	keptMost  = 8 << 20 // of all lists of a collection
)

// keptLists has the passages of frequent terms as they stand in bleve's segments,
// unpacked: most of the work of a search is to unpack them. Those that were not
// asked for the longest go first. It is safe for concurrent use.
type keptLists struct {
	most int

	mu    sync.Mutex
	lists map[keptKey]*list.Element // of *keptList
	order *list.List                // what was asked for last is in front
	size  int                       // passages
}

type keptKey struct {
	segment uint64
	term    string
}

type keptList struct {
	key      keptKey
	passages []tailPosting // the dead ones, too
}

func newKeptLists(most int) *keptLists {
	return &keptLists{most: most, lists: make(map[keptKey]*list.Element), order: list.New()}
}

func (k *keptLists) get(key keptKey) ([]tailPosting, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, ok := k.lists[key]
	if !ok {
		return nil, false
	}
	k.order.MoveToFront(e)
	return e.Value.(*keptList).passages, true
}

func (k *keptLists) put(key keptKey, passages []tailPosting) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.lists[key]; ok || len(passages) > k.most {
		return
	}
	k.lists[key] = k.order.PushFront(&keptList{key, passages})
	for k.size += len(passages); k.size > k.most; {
		k.remove(k.order.Back())
	}
}

// retain drops the lists of other segments.
func (k *keptLists) retain(segments map[uint64]segmentKeys) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, e := range k.lists {
		if _, ok := segments[key.segment]; !ok {
			k.remove(e)
		}
	}
}

func (k *keptLists) remove(e *list.Element) {
	l := k.order.Remove(e).(*keptList)
	delete(k.lists, l.key)
	k.size -= len(l.passages)
}

// keptList returns the passages of a frequent term of a segment; ok is false for
// other terms.
func (p *textPiece) keptList(term string) (out textList, ok bool, err error) {
	key := keptKey{p.segment.Id(), term}
	passages, ok := p.kept.get(key)
	if !ok {
		all, err := p.dict.PostingsList([]byte(term), nil, nil)
		if err != nil {
			return textList{}, false, fmt.Errorf("read text leg: %w", err)
		}
		if all.Count() < keptLeast {
			return textList{}, false, nil
		}
		if passages, err = unpack(all, len(p.keys)); err != nil {
			return textList{}, false, err
		}
		p.kept.put(key, passages)
	}
	return textList{n: p.dead.countLive(passages), recent: passages, dead: p.dead}, true, nil
}

func unpack(l segment.PostingsList, passages int) ([]tailPosting, error) {
	out := make([]tailPosting, 0, l.Count())
	for it := l.Iterator(true, false, false, nil); ; {
		p, err := it.Next()
		if err != nil {
			return nil, fmt.Errorf("read text leg: %w", err)
		}
		if p == nil {
			return out, nil
		}
		if p.Number() >= uint64(passages) {
			return nil, errBeyond
		}
		out = append(out, tailPosting{uint32(p.Number()), uint32(p.Frequency())})
	}
}

// bitset is a set of small numbers; nil has none.
type bitset []uint64

func newBitset(of *roaring.Bitmap, size int) bitset {
	if of == nil || of.IsEmpty() {
		return nil
	}
	set := make(bitset, (size+63)/64)
	for it := of.Iterator(); it.HasNext(); {
		if n := it.Next(); int(n) < size {
			set[n/64] |= 1 << (n % 64)
		}
	}
	return set
}

func (s bitset) has(n uint32) bool { return s != nil && s[n/64]>>(n%64)&1 == 1 }

// countLive counts the passages that are not in the set.
func (s bitset) countLive(passages []tailPosting) int {
	if s == nil {
		return len(passages)
	}
	n := 0
	for _, p := range passages {
		if !s.has(p.passage) {
			n++
		}
	}
	return n
}
