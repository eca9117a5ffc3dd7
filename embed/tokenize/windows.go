package tokenize

// Split cuts one long text into inputs of at most o.MaxTokens tokens that
// cover it, in the order of the text; each begins with the last stride tokens
// of the one before. A text that fits gives one input, MaxTokens 0 always does.
// A stride that leaves no room for new tokens is lowered to half an input.
// With o.Left the inputs are filled from the end of the text.
func (t *Tokenizer) Split(text string, o Options, stride int) []Encoding {
	s := t.borrow(true)
	defer t.giveBack(s)
	t.run(s, text)
	all := part{s.ids, s.offsets}
	room := max(1, t.room(o, 1))
	ranges := windows(len(all.ids), room, stride, o.Left)
	out := make([]Encoding, len(ranges))
	for i, r := range ranges {
		out[i] = t.assemble(o, all.slice(r.start, r.end), nil, len(ranges) > 1)
	}
	return out
}

// Windows cuts b into parts and gives the inputs (a, part) of at most
// o.MaxTokens tokens that cover b, in the order of b; each part begins with the
// last stride tokens of the one before. An a that leaves b no more than stride
// tokens is cut to half of the input.
func (t *Tokenizer) Windows(a, b string, o Options, stride int) []Encoding {
	s := t.borrow(true)
	defer t.giveBack(s)
	first, second := t.pair(s, a, b)
	budget := max(2, t.room(o, 2))
	question := first
	if budget-len(first.ids) <= max(0, stride) && len(second.ids) > budget-len(first.ids) {
		question = first.keep(budget/2, o.Left)
	}
	ranges := windows(len(second.ids), budget-len(question.ids), stride, o.Left)
	cut := len(ranges) > 1 || len(question.ids) < len(first.ids)
	out := make([]Encoding, len(ranges))
	for i, r := range ranges {
		passage := second.slice(r.start, r.end)
		out[i] = t.assemble(o, question, &passage, cut)
	}
	return out
}

type stretch struct{ start, end int }

// windows covers n tokens with stretches of room that overlap by stride.
func windows(n, room, stride int, left bool) []stretch {
	if n <= room {
		return []stretch{{0, n}}
	}
	if stride < 0 {
		stride = 0
	}
	if stride >= room {
		stride = room / 2
	}
	step := room - stride
	count := (n-room+step-1)/step + 1
	out := make([]stretch, count)
	for i := range out {
		start := i * step
		out[i] = stretch{start, min(start+room, n)}
	}
	if !left {
		return out
	}
	for i := range out {
		out[i] = stretch{n - out[i].end, n - out[i].start}
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}
