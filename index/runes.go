package index

import "unicode/utf8"

// runeStep is how many runes lie between two marks of a runeText.
const runeStep = 256

// runeText finds stretches of a text by rune offsets. It remembers where some
// runes begin, as far as it had to look, so that many stretches of a long text
// cost one pass over it.
type runeText struct {
	text  string
	marks []int // the byte at which rune i * runeStep begins
}

func newRuneText(text string) *runeText { return &runeText{text: text, marks: []int{0}} }

// slice is the text's runes from start up to end. Offsets behind the text mean
// its end.
func (r *runeText) slice(start, end int) string {
	from := r.offset(start)
	return r.text[from:max(from, r.offset(end))]
}

// offset is the byte at which rune n begins.
func (r *runeText) offset(n int) int {
	for len(r.marks) <= n/runeStep && r.marks[len(r.marks)-1] < len(r.text) {
		r.marks = append(r.marks, r.forward(r.marks[len(r.marks)-1], runeStep))
	}
	mark := min(n/runeStep, len(r.marks)-1)
	return r.forward(r.marks[mark], n-mark*runeStep)
}

// forward is the byte n runes behind another.
func (r *runeText) forward(at, n int) int {
	for ; n > 0 && at < len(r.text); n-- {
		if r.text[at] < utf8.RuneSelf {
			at++
			continue
		}
		_, size := utf8.DecodeRuneInString(r.text[at:])
		at += size
	}
	return at
}
