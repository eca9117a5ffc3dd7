package vector

import "math/bits"

// Accept is a set of rows, given by their owners: row i is in it if bit
// Owner[i] of Bits is set. Owners beyond the end of Bits are not in it.
type Accept struct {
	Bits []uint64
	// Owner has an element for every row; nil means that rows own themselves.
	Owner []uint32
	// First and Size give the rows of an owner: Size(o) rows from First[o] on.
	// They are not used when Owner is nil.
	First []uint32
	Size  func(owner uint32) int
	// Count is about how many rows are accepted.
	Count int
}

// Has reports whether a row is accepted; nil accepts all.
func (a *Accept) Has(row uint32) bool {
	if a == nil {
		return true
	}
	if a.Owner != nil {
		row = a.Owner[row]
	}
	word := int(row >> 6)
	return word < len(a.Bits) && a.Bits[word]>>(row&63)&1 != 0
}

// appendRows appends the accepted rows from lo to before hi, ascending if First
// is.
func (a *Accept) appendRows(dst []uint32, lo, hi uint32) []uint32 {
	if a.Count > int(hi-lo) {
		for row := lo; row < hi; row++ {
			if a.Has(row) {
				dst = append(dst, row)
			}
		}
		return dst
	}
	for w, word := range a.Bits {
		for ; word != 0; word &= word - 1 {
			owner := uint32(w<<6 + bits.TrailingZeros64(word))
			first, size := owner, 1
			if a.Owner != nil {
				if int(owner) >= len(a.First) {
					return dst
				}
				first, size = a.First[owner], a.Size(owner)
			}
			for row := first; row < first+uint32(size); row++ {
				if row >= lo && row < hi {
					dst = append(dst, row)
				}
			}
		}
	}
	return dst
}

// AcceptRows returns the set of the rows listed.
func AcceptRows(rows []uint32) *Accept {
	a := &Accept{Count: len(rows)}
	for _, row := range rows {
		for int(row>>6) >= len(a.Bits) {
			a.Bits = append(a.Bits, 0)
		}
		a.Bits[row>>6] |= 1 << (row & 63)
	}
	return a
}
