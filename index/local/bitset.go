package local

import "github.com/RoaringBitmap/roaring/v2"

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
