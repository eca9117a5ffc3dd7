package qa

import (
	"fmt"

	"semdex/embed/tokenize"
)

// specials is the number of tokens around question and passage:
// [CLS] question [SEP] passage [SEP].
const specials = 3

// Splitter cuts passages into windows that a model can read with a question.
type Splitter struct {
	Config Config
	tok    *tokenize.Tokenizer
}

// NewSplitter prepares windows for a tokenizer. Errors wrap ErrConfig.
func NewSplitter(tok *tokenize.Tokenizer, c Config) (*Splitter, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if tok.ClassID() < 0 || tok.SeparatorID() < 0 {
		return nil, fmt.Errorf("%w: the tokenizer has no [CLS] or no [SEP]", ErrConfig)
	}
	return &Splitter{Config: c, tok: tok}, nil
}

// Passage is a tokenised passage.
type Passage struct {
	IDs     []int32
	Offsets []tokenize.Offset // of the tokens, in runes of the text
	inWord  []bool            // the token continues the word of the one before
}

// Passage tokenises a passage of any length.
func (s *Splitter) Passage(text string) *Passage {
	e := s.tok.Encode(text, tokenize.Options{NoSpecials: true})
	p := &Passage{IDs: e.IDs, Offsets: e.Offsets, inWord: make([]bool, len(e.IDs))}
	for i, id := range e.IDs {
		t := s.tok.Token(id)
		p.inWord[i] = i > 0 && len(t) > 2 && t[:2] == "##"
	}
	return p
}

// Question tokenises a question and cuts it to the length allowed.
func (s *Splitter) Question(text string) []int32 {
	return s.tok.Encode(text, tokenize.Options{NoSpecials: true, MaxTokens: s.Config.Question}).IDs
}

// Tokens gives the tokens that stand for runes [start, end) of the text, as
// [from, to); ok is false if none does: the range is white space or has been
// normalised away.
func (p *Passage) Tokens(start, end int) (from, to int, ok bool) {
	for from < len(p.Offsets) && int(p.Offsets[from].End) <= start {
		from++
	}
	for to = from; to < len(p.Offsets) && int(p.Offsets[to].Start) < end; to++ {
	}
	return from, to, to > from
}

// Window is the tokens [From, To) of a passage. An answer belongs to the window
// in which it has more context: Start bounds where the answers begin that the
// window is asked for, as [Start[0], Start[1]).
type Window struct {
	From, To int
	Start    [2]int
}

// Room is the number of a passage's tokens that a window holds beside a
// question.
func (s *Splitter) Room(question []int32) int {
	return s.Config.Window - len(question) - specials
}

// Windows cover a passage of n tokens. Each begins Stride tokens before the end
// of the one before. A passage without tokens has none.
func (s *Splitter) Windows(question []int32, n int) []Window {
	room := s.Room(question)
	stride := min(s.Config.Stride, room/2)
	var out []Window
	for from := 0; n > 0; from += room - stride {
		out = append(out, Window{From: from, To: min(from+room, n)})
		if from+room >= n {
			break
		}
	}
	for i := range out {
		w := &out[i]
		w.Start[1] = w.To
		if i+1 < len(out) {
			w.Start[1] = s.border(out[i+1].From, w.To)
		}
		if i > 0 {
			w.Start[0] = out[i-1].Start[1]
		}
	}
	return out
}

// border parts the tokens [lo, hi) that two windows share: those before it are
// starts of the first window, where the longest answer still fits behind them;
// the middle is best.
func (s *Splitter) border(lo, hi int) int {
	return max(lo, min((lo+hi)/2, hi-s.Config.MaxAnswer))
}

// Append adds the input for a window to ids.
func (s *Splitter) Append(ids, question []int32, p *Passage, w Window) []int32 {
	ids = append(ids, s.tok.ClassID())
	ids = append(ids, question...)
	ids = append(ids, s.tok.SeparatorID())
	ids = append(ids, p.IDs[w.From:w.To]...)
	return append(ids, s.tok.SeparatorID())
}

// Before is the position in an input at which the passage begins.
func Before(question []int32) int { return len(question) + 2 }

// AppendTypes adds the token types of an input of n tokens: 0 for the question
// with its [SEP], 1 for the passage with its own.
func AppendTypes(types, question []int32, n int) []int32 {
	for i := range n {
		var t int32
		if i >= Before(question) {
			t = 1
		}
		types = append(types, t)
	}
	return types
}
