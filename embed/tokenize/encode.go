package tokenize

// Encoding is one tokenised input: parallel slices, one entry per token.
type Encoding struct {
	IDs   []int32
	Types []int32 // 0 for the first text, 1 for the second
	// Offsets are runes of the text that the token comes from, so that
	// []rune(text)[Start:End] is its source. A byte that is not UTF-8 counts as
	// one rune, as it does in a range loop.
	Offsets []Offset
	// Sequence is 0 or 1 for tokens of the first or second text, -1 for
	// special tokens around them, whose offsets are empty.
	Sequence []int8
	// Truncated says that tokens of the input are missing here.
	Truncated bool
}

// Offset is a half-open range of runes of the original text.
type Offset struct{ Start, End int32 }

// Truncation says what to cut when an input is longer than MaxTokens.
type Truncation int

// The truncation strategies of Hugging Face. Where the text to be cut is too
// short for that, which is an error there, the other is cut as well.
const (
	LongestFirst Truncation = iota
	OnlyFirst
	OnlySecond
)

// Options of one call of Encode, EncodePair, Split or Windows.
type Options struct {
	// MaxTokens is the longest result, specials included; 0: no limit. It never
	// cuts the special tokens themselves.
	MaxTokens  int
	Truncation Truncation
	NoSpecials bool // leave [CLS] and [SEP] out
	Left       bool // cut from the left
}

// part is a text's tokens, or a stretch of them.
type part struct {
	ids     []int32
	offsets []Offset
}

func (p part) slice(start, end int) part {
	return part{p.ids[start:end], p.offsets[start:end]}
}

// keep cuts p to n tokens.
func (p part) keep(n int, left bool) part {
	if n >= len(p.ids) {
		return p
	}
	if left {
		return p.slice(len(p.ids)-n, len(p.ids))
	}
	return p.slice(0, n)
}

// Encode tokenises one text.
func (t *Tokenizer) Encode(text string, o Options) Encoding {
	s := t.borrow(true)
	defer t.giveBack(s)
	room := t.room(o, 1)
	if o.MaxTokens > 0 && !o.Left {
		s.limit = room + 1
	}
	t.run(s, text)
	all := part{s.ids, s.offsets}
	kept := all.keep(room, o.Left)
	return t.assemble(o, kept, nil, len(kept.ids) < len(all.ids))
}

// EncodePair tokenises two texts as one input.
func (t *Tokenizer) EncodePair(a, b string, o Options) Encoding {
	s := t.borrow(true)
	defer t.giveBack(s)
	first, second := t.pair(s, a, b)
	na, nb := share(len(first.ids), len(second.ids), t.room(o, 2), o.Truncation)
	cut := na < len(first.ids) || nb < len(second.ids)
	second = second.keep(nb, o.Left)
	return t.assemble(o, first.keep(na, o.Left), &second, cut)
}

// pair tokenises both texts into s.
func (t *Tokenizer) pair(s *scratch, a, b string) (first, second part) {
	t.run(s, a)
	n := len(s.ids)
	t.run(s, b)
	all := part{s.ids, s.offsets}
	return all.slice(0, n), all.slice(n, len(s.ids))
}

// unlimited is more tokens than any text has.
const unlimited = int(^uint(0) >> 1)

// room is the number of tokens that fit beside the special ones.
func (t *Tokenizer) room(o Options, texts int) int {
	if o.MaxTokens <= 0 {
		return unlimited
	}
	return max(0, o.MaxTokens-t.specials(o, texts))
}

// specials is the number of special tokens around one or two texts.
func (t *Tokenizer) specials(o Options, texts int) int {
	if o.NoSpecials {
		return 0
	}
	n := 0
	if t.class >= 0 {
		n++
	}
	if t.separator >= 0 {
		n += texts
	}
	return n
}

// share gives the lengths to which texts of a and b tokens are cut.
func share(a, b, room int, how Truncation) (int, int) {
	if a <= room-b { // a+b may overflow what room may be
		return a, b
	}
	switch how {
	case OnlyFirst:
		b = min(b, room)
		return room - b, b
	case OnlySecond:
		a = min(a, room)
		return a, room - a
	}
	short := min(a, b)
	long := max(short, room-short)
	if short > room-short {
		short, long = room/2, room/2+room%2
	}
	if a > b {
		return long, short
	}
	return short, long
}

// assemble puts the special tokens around one or two texts.
func (t *Tokenizer) assemble(o Options, a part, b *part, truncated bool) Encoding {
	n, texts := len(a.ids), 1
	if b != nil {
		n, texts = n+len(b.ids), 2
	}
	n += t.specials(o, texts)
	e := Encoding{
		IDs:       make([]int32, 0, n),
		Types:     make([]int32, 0, n),
		Offsets:   make([]Offset, 0, n),
		Sequence:  make([]int8, 0, n),
		Truncated: truncated,
	}
	if !o.NoSpecials {
		e.special(t.class, 0)
	}
	e.text(a, 0)
	if !o.NoSpecials {
		e.special(t.separator, 0)
	}
	if b != nil {
		e.text(*b, 1)
		if !o.NoSpecials {
			e.special(t.separator, 1)
		}
	}
	return e
}

func (e *Encoding) special(id, kind int32) {
	if id < 0 {
		return
	}
	e.IDs = append(e.IDs, id)
	e.Types = append(e.Types, kind)
	e.Offsets = append(e.Offsets, Offset{})
	e.Sequence = append(e.Sequence, -1)
}

func (e *Encoding) text(p part, sequence int8) {
	e.IDs = append(e.IDs, p.ids...)
	e.Offsets = append(e.Offsets, p.offsets...)
	for range p.ids {
		e.Types = append(e.Types, int32(sequence))
		e.Sequence = append(e.Sequence, sequence)
	}
}
