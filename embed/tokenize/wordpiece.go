package tokenize

import (
	"strings"
	"unicode/utf8"
	"unsafe"
)

// scratch is the working memory of one call.
type scratch struct {
	ids     []int32
	offsets []Offset // parallel to ids, if track
	track   bool     // offsets are wanted
	limit   int      // stop once there are so many tokens; 0: never
	runes   int32    // runes of the text that have been read

	norm   []byte  // normalized text
	origin []int32 // of each byte in norm, if track

	parts  []rune // one decomposition
	held   []held
	places []int32
	base   int32
}

// keepBytes is the largest scratch that goes back into the pool.
const keepBytes = 1 << 20

func (t *Tokenizer) borrow(track bool) *scratch {
	s := t.pool.Get().(*scratch)
	s.ids, s.offsets = s.ids[:0], s.offsets[:0]
	s.track, s.limit, s.runes = track, 0, 0
	return s
}

func (t *Tokenizer) giveBack(s *scratch) {
	if cap(s.norm)+4*cap(s.ids) <= keepBytes {
		t.pool.Put(s)
	}
}

func (s *scratch) full() bool { return s.limit > 0 && len(s.ids) >= s.limit }

func (s *scratch) appendRune(r rune, at int32) {
	n := len(s.norm)
	s.norm = utf8.AppendRune(s.norm, r)
	if s.track {
		for ; n < len(s.norm); n++ {
			s.origin = append(s.origin, at)
		}
	}
}

func (s *scratch) appendBytes(c string, at int32) {
	s.norm = append(s.norm, c...)
	if s.track {
		for range len(c) {
			s.origin = append(s.origin, at)
		}
	}
}

// appendAdded emits an added token.
func (s *scratch) appendAdded(id int32, o Offset) {
	s.ids = append(s.ids, id)
	if s.track {
		s.offsets = append(s.offsets, o)
	}
}

// run tokenises text behind what is in s: added tokens first, then what stands
// between them.
func (t *Tokenizer) run(s *scratch, text string) {
	s.runes = 0
	for at := 0; at < len(text) && !s.full(); {
		m, ok := t.raw.next(text, at)
		if !ok {
			t.segment(s, text[at:])
			return
		}
		t.segment(s, text[at:m.start])
		start := s.runes
		if s.track {
			s.runes += int32(utf8.RuneCountInString(text[m.start:m.end]))
		}
		if s.full() {
			return
		}
		s.appendAdded(m.token.ID, Offset{start, s.runes})
		at = m.end
	}
}

// chunkBytes is how much text is normalized at a time, so that the normalized
// text stays in the cache and a limit stops the work early.
const chunkBytes = 4 << 10

// segment tokenises text that has no added tokens in its original form.
func (t *Tokenizer) segment(s *scratch, text string) {
	if !t.normalized.empty() {
		t.normalizedSegment(s, text)
		return
	}
	for len(text) > 0 && !s.full() {
		n := cut(text)
		s.norm, s.origin = s.norm[:0], s.origin[:0]
		t.rules.normalize(s, text[:n])
		t.words(s, 0, len(s.norm))
		text = text[n:]
	}
}

// cut finds the end of the first chunk: white space, at which text may be
// parted without changing its tokens.
func cut(text string) int {
	if len(text) <= chunkBytes {
		return len(text)
	}
	n := strings.IndexAny(text[chunkBytes:], " \n\t\r")
	if n < 0 {
		return len(text)
	}
	return chunkBytes + n
}

// normalizedSegment looks for added tokens in the normalized text, too.
func (t *Tokenizer) normalizedSegment(s *scratch, text string) {
	s.norm, s.origin = s.norm[:0], s.origin[:0]
	t.rules.normalize(s, text)
	view := unsafe.String(unsafe.SliceData(s.norm), len(s.norm)) // norm stays as it is below
	for at := 0; at < len(view) && !s.full(); {
		m, ok := t.normalized.next(view, at)
		if !ok {
			t.words(s, at, len(view))
			return
		}
		t.words(s, at, m.start)
		if s.full() {
			return
		}
		s.appendAdded(m.token.ID, s.offset(m.start, m.end))
		at = m.end
	}
}

// offset maps a range of normalized bytes to runes of the text.
func (s *scratch) offset(start, end int) Offset {
	if !s.track {
		return Offset{}
	}
	return Offset{s.origin[start], s.origin[end-1] + 1}
}

// words splits s.norm[start:end] at white space and punctuation.
func (t *Tokenizer) words(s *scratch, start, end int) {
	text := s.norm[:end]
	for i := start; i < end; {
		size, k := 1, class(0)
		if c := text[i]; c < utf8.RuneSelf {
			k = classes.blocks[0][c]
		} else {
			var r rune
			r, size = utf8.DecodeRune(text[i:])
			k = classes.of(r)
		}
		if k&(isSpace|isPunctuation) == 0 {
			i += size
			continue
		}
		t.word(s, start, i)
		if k&isPunctuation != 0 {
			t.word(s, i, i+size)
		}
		i += size
		start = i
		if s.full() {
			return
		}
	}
	t.word(s, start, end)
}

// word spells s.norm[start:end] with the longest pieces from left to right, or
// as the unknown token if that comes to a stop.
func (t *Tokenizer) word(s *scratch, start, end int) {
	if start == end {
		return
	}
	before := len(s.ids)
	limit := t.config.MaxWordRunes
	spelt := end-start <= limit || utf8.RuneCount(s.norm[start:end]) <= limit
	root := startRoot
	for at := start; spelt && at < end; root = continueRoot {
		id, n := t.vocab.trie.longest(root, s.norm[at:end])
		if n == 0 {
			spelt = false
			break
		}
		s.ids = append(s.ids, id)
		if s.track {
			s.offsets = append(s.offsets, s.offset(at, at+n))
		}
		at += n
	}
	if spelt {
		return
	}
	s.ids = append(s.ids[:before], t.unknown)
	if s.track {
		s.offsets = append(s.offsets[:before], s.offset(start, end))
	}
}

// AppendIDs appends the ids of text, without special tokens around it, to dst.
// It is the fast path: no offsets, and no memory but dst's.
func (t *Tokenizer) AppendIDs(dst []int32, text string) []int32 {
	s := t.borrow(false)
	own := s.ids
	s.ids = dst
	t.run(s, text)
	dst, s.ids = s.ids, own
	t.giveBack(s)
	return dst
}
