package embed

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"semdex/embed/tokenize"
)

// input is one row of a batch: the tokens of a text, or of a chunk of one,
// without the special and prompt tokens around them.
type input struct {
	text   int // index in the call's texts
	ids    []int32
	prompt bool // the prompt's tokens go before ids; otherwise they are in them
}

// grain is how many texts a worker tokenises at a time.
const grain = 32

// inputs tokenises texts, whose first has the number first, in parallel, cuts
// them as the plan says and notes truncation and chunks in r.
func (p *plan) inputs(ctx context.Context, texts []string, first int, r *Result) ([]input, error) {
	parts := make([][]input, (len(texts)+grain-1)/grain)
	var next atomic.Int64
	work := func(ctx context.Context) error {
		for {
			g := int(next.Add(1)) - 1
			if g >= len(parts) {
				return nil
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			from, to := g*grain, min((g+1)*grain, len(texts))
			var err error
			if parts[g], err = p.tokenise(texts[from:to], first+from, r); err != nil {
				return err
			}
		}
	}
	if err := fanOut(ctx, min(p.m.options.Workers, len(parts)), work); err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
}

// fanOut runs work n times at once and gives the first error.
func fanOut(ctx context.Context, n int, work func(ctx context.Context) error) error {
	if n <= 1 {
		return work(ctx)
	}
	group, ctx := errgroup.WithContext(ctx)
	for range n {
		group.Go(func() error { return work(ctx) })
	}
	return group.Wait()
}

// tokenise makes the inputs of a few texts. Their tokens lie in one arena.
func (p *plan) tokenise(texts []string, first int, r *Result) ([]input, error) {
	var arena []int32
	type span struct{ from, to int }
	spans := make([]span, len(texts))
	for i, text := range texts {
		from := len(arena)
		var cut bool
		arena, cut = p.appendIDs(arena, text)
		if cut && p.long == LongRefuse {
			return nil, fmt.Errorf("%w: text %d has more than the %d tokens allowed", ErrTooLong, first+i, p.limit)
		}
		r.Truncated[first+i] = cut
		spans[i] = span{from, len(arena)}
	}
	out := make([]input, 0, len(texts))
	for i, s := range spans {
		ids := arena[s.from:s.to:s.to]
		content, prompt := p.afterPrompt(ids)
		if p.long == LongSplit && p.limit > 0 {
			for _, chunk := range split(content, p.room(prompt), p.m.continuation) {
				out = append(out, input{first + i, chunk, prompt})
				r.Chunks[first+i]++
			}
			continue
		}
		out = append(out, input{first + i, content, prompt})
		r.Chunks[first+i] = 1
	}
	return out, nil
}

// room is the number of tokens of ids that an input can hold.
func (p *plan) room(prompt bool) int {
	room := p.limit - len(p.m.before) - len(p.m.after)
	if prompt {
		room -= len(p.promptID)
	}
	return room
}

// appendIDs appends the tokens of prompt and text, cut to the limit unless they
// are to be split, and says whether it has cut.
func (p *plan) appendIDs(dst []int32, text string) (ids []int32, cut bool) {
	text = p.prompt + text
	tok := p.m.model.Tokenizer
	if p.limit == 0 || p.long == LongSplit {
		return tok.AppendIDs(dst, text), false
	}
	room := p.room(false)
	// A token has more than a byte on average. A long text is read only as far
	// as it is needed, where that can be known.
	if !p.left && len(text) > 16*room {
		e := tok.Encode(text, tokenize.Options{MaxTokens: room, NoSpecials: true})
		return append(dst, e.IDs...), e.Truncated
	}
	from := len(dst)
	dst = tok.AppendIDs(dst, text)
	over := len(dst) - from - room
	if over <= 0 {
		return dst, false
	}
	if p.left {
		_, prompt := p.afterPrompt(dst[from:])
		keep := from // the prompt stays
		if prompt {
			keep += len(p.promptID)
		}
		copy(dst[keep:], dst[keep+over:])
	}
	return dst[:from+room], true
}

// afterPrompt takes the prompt's tokens off ids. A prompt that runs into the
// first word of the text has no tokens of its own and stays in them.
func (p *plan) afterPrompt(ids []int32) (content []int32, prompt bool) {
	n := len(p.promptID)
	if n == 0 || len(ids) < n || !slices.Equal(ids[:n], p.promptID) {
		return ids, false
	}
	return ids[n:], true
}

// split cuts ids into as few chunks of at most room tokens as possible, of about
// the same length. A chunk that would begin inside a word begins with the word
// instead, if the word is not too long.
func split(ids []int32, room int, continuation func() []bool) [][]int32 {
	if len(ids) <= room {
		return [][]int32{ids}
	}
	inWord := continuation()
	var out [][]int32
	for len(ids) > 0 {
		left := (len(ids) + room - 1) / room // chunks still to come
		end := (len(ids) + left - 1) / left
		out = append(out, ids[:wordStart(ids, end, inWord)])
		ids = ids[len(out[len(out)-1]):]
	}
	return out
}

// longestWord is how many tokens a border moves to the left to spare a word.
const longestWord = 16

// wordStart moves end to the left until a word begins there.
func wordStart(ids []int32, end int, inWord []bool) int {
	for at := end; at > max(0, end-longestWord) && at < len(ids); at-- {
		if !inWord[ids[at]] {
			return at
		}
	}
	return end
}

// continuations says by id which tokens continue a word.
func continuations(t *tokenize.Tokenizer) []bool {
	all := make([]bool, t.Len())
	for id := range all {
		all[id] = strings.HasPrefix(t.Token(int32(id)), "##")
	}
	return all
}
