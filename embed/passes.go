package embed

import (
	"slices"
	"sort"

	"semdex/embed/tokenize"
)

// pass is one input of the model: a stretch of a text's tokens, and the parts of
// spans that are pooled from it.
type pass struct {
	prefix []int32
	from   int // of the text's tokens: the first of ids
	ids    []int32
	parts  []spanPart
}

// spanPart is the tokens of a span, all of them unless it is longer than a pass.
type spanPart struct {
	span     int // number in the call
	from, to int // tokens of the text
}

// tokens is the length of the input.
func (s *pass) tokens(p *plan) int {
	return len(p.m.before) + len(s.prefix) + len(s.ids) + len(p.m.after)
}

// The share of a pass that a prefix may take, and the share that what stands
// before and behind a span has at least, if there is so much text.
const (
	prefixShare  = 4
	contextShare = 8
)

// cut plans the passes of a text, whose first span has the number first. A pass
// begins some tokens before the first span that has none yet and takes in all
// spans that are whole in it and not too near to its end.
func (p *plan) cut(t *SpanText, first int) []pass {
	e := p.m.model.Tokenizer.Encode(t.Text, tokenize.Options{NoSpecials: true})
	prefixes := p.prefixes(t)
	room := func(span int) int { return p.limit - len(p.m.before) - len(p.m.after) - len(prefixes(span)) }
	parts := spanParts(e.Offsets, t.Spans, room)
	n, inWord := len(e.IDs), p.m.continuation()
	var out []pass
	for len(parts) > 0 {
		head := parts[0]
		size := room(head.span)
		context := size / contextShare
		start := max(0, head.to-size, head.from-context)
		end := min(n, start+size)
		if end == n {
			start, context = min(head.from, max(0, n-size)), 0
		}
		for at := start; at < head.from && at < start+longestWord; at++ {
			if !inWord[e.IDs[at]] {
				start = at
				break
			}
		}
		taken := 1
		for taken < len(parts) && parts[taken].to <= end-context {
			taken++
		}
		s := pass{prefix: prefixes(head.span), from: start, ids: e.IDs[start:end]}
		for _, part := range parts[:taken] {
			s.parts = append(s.parts, spanPart{first + part.span, part.from, part.to})
		}
		out, parts = append(out, s), parts[taken:]
	}
	return out
}

// prefixes gives the tokens before a span: the prompt and its prefix.
func (p *plan) prefixes(t *SpanText) func(span int) []int32 {
	known := make(map[string][]int32)
	most := (p.limit - len(p.m.before) - len(p.m.after)) / prefixShare
	return func(span int) []int32 {
		text := ""
		if t.Prefixes != nil {
			text = t.Prefixes[span]
		}
		ids, ok := known[text]
		if !ok {
			ids = p.m.model.Tokenizer.AppendIDs(nil, p.prompt+text)
			ids = ids[:min(len(ids), max(most, len(p.promptID)))]
			known[text] = ids
		}
		return ids
	}
}

// spanParts finds the tokens of spans. A token belongs to every span that it
// shares a rune with; spans without any have no part.
func spanParts(offsets []tokenize.Offset, spans []Span, room func(span int) int) []spanPart {
	var out []spanPart
	for i, s := range spans {
		from := sort.Search(len(offsets), func(t int) bool { return int(offsets[t].End) > s.Start })
		to := from
		for to < len(offsets) && int(offsets[to].Start) < s.End {
			to++
		}
		most := room(i)
		for from < to {
			left := (to - from + most - 1) / most
			end := from + (to-from+left-1)/left
			out = append(out, spanPart{i, from, end})
			from = end
		}
	}
	slices.SortStableFunc(out, func(a, b spanPart) int { return a.from - b.from })
	return out
}
