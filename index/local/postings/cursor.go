package postings

import (
	"cmp"
	"slices"
)

// Cursor goes forward through a list.
type Cursor struct {
	list List
	next int       // block
	rest []Posting // of the block before
	room [BlockSize]Posting
}

// NewCursor returns a cursor before the first passage of a list.
func NewCursor(l List) *Cursor { return &Cursor{list: l} }

// Rest are the postings from where the cursor is to the end of the block, valid until
// it moves. There are none before the first Seek and behind the last passage.
func (c *Cursor) Rest() []Posting { return c.rest }

// Pass goes past some of Rest.
func (c *Cursor) Pass(n int) { c.rest = c.rest[n:] }

// Seek goes forward to the first passage that is this one or comes behind it.
func (c *Cursor) Seek(passage uint32) error {
	for len(c.rest) == 0 || c.rest[len(c.rest)-1].Passage < passage {
		c.rest = nil
		if c.next == c.list.Blocks() {
			return nil
		}
		if c.next+1 < c.list.Blocks() && c.list.Last(c.next) < passage {
			c.next = c.skip(passage)
		}
		block, err := c.list.Block(c.next, c.room[:])
		if err != nil {
			return err
		}
		c.rest = block
		c.next++
	}
	if c.rest[0].Passage < passage {
		n, _ := slices.BinarySearchFunc(c.rest, passage, func(p Posting, passage uint32) int {
			return cmp.Compare(p.Passage, passage)
		})
		c.rest = c.rest[n:]
	}
	return nil
}

// skip is the first block behind the next that ends at a passage or behind it, or the
// last of all; the next ends before.
func (c *Cursor) skip(passage uint32) int {
	low, step := c.next, 1
	for low+step < c.list.Blocks() && c.list.Last(low+step) < passage {
		low, step = low+step, 2*step
	}
	high := min(low+step, c.list.Blocks()-1)
	for low+1 < high {
		if middle := (low + high) / 2; c.list.Last(middle) < passage {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}
