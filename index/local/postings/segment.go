package postings

import (
	"bytes"
	"encoding/binary"
	"sort"
)

// Segment reads a segment where it lies. It is safe for concurrent use, as long as
// its bytes are there.
type Segment struct {
	data                []byte
	passages            int
	terms               int
	postings            int
	words, groups, keys []byte
}

// Open opens a segment. It does not read all of it: see Check.
func Open(data []byte) (*Segment, error) {
	if len(data) < len(magic)+footerSize || string(data[:len(magic)]) != magic {
		return nil, ErrCorrupt
	}
	footer := data[len(data)-footerSize:]
	var n [6]uint64
	for i := range n {
		n[i] = binary.LittleEndian.Uint64(footer[8*i:])
	}
	end := uint64(len(data) - footerSize)
	passages, terms, words, groups, keys := n[0], n[1], n[3], n[4], n[5]
	if words < uint64(len(magic)) || words > groups || groups > keys || keys > end ||
		passages > (end-keys)/keySize || keys+passages*keySize != end || passages >= 1<<32 ||
		terms > end || groups+(terms+groupSize-1)/groupSize*groupEntry != keys {
		return nil, ErrCorrupt
	}
	return &Segment{
		data: data, passages: int(passages), terms: int(terms), postings: int(n[2]),
		words: data[words:groups], groups: data[groups:keys], keys: data[keys:end],
	}, nil
}

// Passages is the number of passages.
func (s *Segment) Passages() int { return s.passages }

// Terms is the number of terms.
func (s *Segment) Terms() int { return s.terms }

// Postings is the number of postings of all terms.
func (s *Segment) Postings() int { return s.postings }

// Size is the number of bytes.
func (s *Segment) Size() int { return len(s.data) }

// Bytes is the segment as it is written.
func (s *Segment) Bytes() []byte { return s.data }

// Key is the key of a passage.
func (s *Segment) Key(n int) Key {
	b := s.keys[n*keySize : (n+1)*keySize]
	return Key{
		Sequence: binary.LittleEndian.Uint64(b),
		Ordinal:  binary.LittleEndian.Uint32(b[8:]),
		Length:   binary.LittleEndian.Uint32(b[12:]),
	}
}

// Number is the number of the passage with a key.
func (s *Segment) Number(k Key) (n int, ok bool) {
	return sort.Find(s.passages, func(i int) int { return k.Compare(s.Key(i)) })
}

// List returns the passages that have a term; it is empty if there are none.
func (s *Segment) List(term string) (List, error) {
	group, err := s.group(term)
	if err != nil || group < 0 {
		return List{}, err
	}
	c, err := s.cursor(group)
	if err != nil {
		return List{}, err
	}
	for range groupSize {
		ok, err := c.next()
		if err != nil || !ok || string(c.term) > term {
			return List{}, err
		}
		if string(c.term) == term {
			return c.list()
		}
	}
	return List{}, nil
}

// group returns the group that a term is in if there is one, or -1.
func (s *Segment) group(term string) (int, error) {
	var failed error
	n := sort.Search(len(s.groups)/groupEntry, func(i int) bool {
		first, err := s.firstTerm(i)
		if err != nil {
			failed = err
		}
		return string(first) > term
	})
	return n - 1, failed
}

func (s *Segment) firstTerm(group int) ([]byte, error) {
	at := binary.LittleEndian.Uint64(s.groups[group*groupEntry:])
	if at >= uint64(len(s.words)) {
		return nil, ErrCorrupt
	}
	r := reader{s.words[at:]}
	n, ok := r.number()
	if !ok || n > uint64(len(r.data)) {
		return nil, ErrCorrupt
	}
	return r.data[:n], nil
}

// termCursor goes through the terms from the first of a group.
type termCursor struct {
	of   *Segment
	rest reader
	n    int // of the term that comes next

	term  []byte // valid until next
	count int
	begin uint64
	size  uint64
}

func (s *Segment) cursor(group int) (*termCursor, error) {
	c := &termCursor{of: s, n: group * groupSize}
	if s.terms == 0 {
		return c, nil
	}
	at := binary.LittleEndian.Uint64(s.groups[group*groupEntry:])
	if at >= uint64(len(s.words)) {
		return nil, ErrCorrupt
	}
	c.rest = reader{s.words[at:]}
	c.begin = binary.LittleEndian.Uint64(s.groups[group*groupEntry+8:])
	return c, nil
}

// next goes to the next term; ok is false behind the last.
func (c *termCursor) next() (ok bool, err error) {
	if c.n == c.of.terms {
		return false, nil
	}
	var prefix uint64
	good := true
	if c.n%groupSize > 0 {
		prefix, good = c.rest.number()
	}
	if !good || prefix > uint64(len(c.term)) {
		return false, ErrCorrupt
	}
	rest, ok1 := c.rest.bytes()
	count, ok2 := c.rest.number()
	size, ok3 := c.rest.number()
	if !ok1 || !ok2 || !ok3 || count == 0 || count > uint64(c.of.passages) {
		return false, ErrCorrupt
	}
	c.term = append(c.term[:prefix], rest...)
	c.begin += c.size
	c.count, c.size = int(count), size
	c.n++
	return true, nil
}

// list is the list of the term.
func (c *termCursor) list() (List, error) {
	if end := uint64(len(c.of.data)); c.begin > end || c.size > end-c.begin {
		return List{}, ErrCorrupt
	}
	return newList(c.of.data[c.begin:c.begin+c.size], c.count, c.of.passages)
}

// Check reads all terms and lists and compares them with each other. Checksums are
// the reader's of the file.
func (s *Segment) Check() error {
	for i := 1; i < s.passages; i++ {
		if s.Key(i-1).Compare(s.Key(i)) >= 0 {
			return ErrCorrupt
		}
	}
	c, err := s.cursor(0)
	if err != nil {
		return err
	}
	var last []byte
	var list []Posting
	total := 0
	for first := true; ; first = false {
		ok, err := c.next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if !first && bytes.Compare(last, c.term) >= 0 {
			return ErrCorrupt
		}
		last = append(last[:0], c.term...)
		l, err := c.list()
		if err != nil {
			return err
		}
		if list, err = l.Append(list[:0]); err != nil {
			return err
		}
		if err := s.checkBounds(l, list); err != nil {
			return err
		}
		total += len(list)
	}
	if total != s.postings {
		return ErrCorrupt
	}
	return nil
}

// checkBounds compares the bounds of a list's blocks with its postings.
func (s *Segment) checkBounds(l List, list []Posting) error {
	for b := 0; l.Blocks() > 1 && b < l.Blocks(); b++ {
		block := list[b*BlockSize : min((b+1)*BlockSize, len(list))]
		var want Bound
		for _, p := range block {
			want.add(p.Frequency, s.Key(int(p.Passage)).Length)
		}
		if l.Bound(b) != want {
			return ErrCorrupt
		}
	}
	return nil
}

// reader takes numbers from bytes.
type reader struct{ data []byte }

func (r *reader) number() (uint64, bool) {
	n, size := binary.Uvarint(r.data)
	if size <= 0 {
		return 0, false
	}
	r.data = r.data[size:]
	return n, true
}

// bytes takes a number of bytes that stands before them.
func (r *reader) bytes() ([]byte, bool) {
	n, ok := r.number()
	if !ok || n > uint64(len(r.data)) {
		return nil, false
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b, true
}
