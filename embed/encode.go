package embed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"semdex/embed/queue"
)

// LongPolicy says what becomes of a text of more tokens than the limit.
type LongPolicy int

// The policies.
const (
	// LongTruncate cuts the text and reports it in Result.Truncated.
	LongTruncate LongPolicy = iota
	// LongSplit cuts the text into chunks of about the same length, each with
	// the prompt before it and none beginning inside a word if that can be had.
	// The vector is the mean of the chunks' vectors (before normalisation),
	// weighted by their tokens. Result.Chunks tells their number.
	LongSplit
	// LongRefuse answers with ErrTooLong.
	LongRefuse
)

// EncodeOptions of one call. The zero value puts the model's default prompt
// before the texts, truncates long ones at the end and gives normalised vectors
// of all dimensions.
type EncodeOptions struct {
	// PromptName chooses one of the model's prompts; "" is its default prompt,
	// if it has one.
	PromptName string
	// Prompt is put before every text instead of one of the model's prompts.
	Prompt string
	// NoPrompt puts nothing before the texts.
	NoPrompt bool

	// Raw leaves out the normalisation, also that of the model's folder.
	Raw bool
	// Dims keeps the first dimensions alone, before normalisation: for models
	// that were trained for it. 0 is Model.Dims.
	Dims int

	// MaxTokens is the longest input, special tokens and prompt included; 0 is
	// Model.MaxTokens. It can go up to the model's positions.
	MaxTokens int
	// Long says what becomes of longer texts.
	Long LongPolicy
	// Left truncates at the beginning of the text; the prompt stays.
	Left bool

	// Class is the call's place in the model's queue, if it has one. An
	// Interactive call is refused with ErrOverloaded when the queue is full; a
	// Bulk one waits.
	Class queue.Class
}

// Result holds one entry per text in each list.
type Result struct {
	// Vectors are [texts, dims]. A text without a single token (an empty one in
	// a static model) has the zero vector, whose similarity to everything is 0.
	Vectors [][]float32
	// Tokens are the tokens that were encoded, special ones and prompts
	// included.
	Tokens []int
	// Truncated says that the end of a text (its beginning under Left) had no
	// part in its vector.
	Truncated []bool
	// Chunks are the parts that a text was encoded in: 1 but under LongSplit.
	Chunks []int

	// Waited is how long the call's batches stood in the model's queue, all
	// together; 0 without one.
	Waited time.Duration
}

// Encode gives the vectors of texts, in their order. Invalid UTF-8 counts as
// U+FFFD. Many texts are worked off in parts: what memory a call takes beside its
// result depends on the largest text, not on their number.
//
// Errors wrap ErrTooLong, ErrUnknownPrompt, ErrDims, ErrMaxTokens, ErrNotFinite,
// ErrOverloaded or ErrClosed, or are ctx's.
func (m *Model) Encode(ctx context.Context, texts []string, o EncodeOptions) (Result, error) {
	done, err := m.use()
	if err != nil {
		return Result{}, err
	}
	defer done()
	p, err := m.plan(o)
	if err != nil {
		return Result{}, err
	}
	r := newResult(len(texts), p.dims)
	for from := 0; from < len(texts); {
		to := window(texts, from)
		err := p.encode(ctx, texts[from:to], from, &r)
		if errors.Is(err, ErrNotFinite) { // the model is at fault, not the call
			err = fmt.Errorf("model %s: %w", m.Name(), err)
		}
		if err != nil {
			return Result{}, err
		}
		from = to
	}
	return r, ctx.Err()
}

func newResult(n, dims int) Result {
	return Result{
		Vectors:   newVectors(n, dims),
		Tokens:    make([]int, n),
		Truncated: make([]bool, n),
		Chunks:    make([]int, n),
	}
}

func newVectors(n, dims int) [][]float32 {
	vectors, all := make([][]float32, n), make([]float32, n*dims)
	for i := range vectors {
		vectors[i] = all[i*dims : (i+1)*dims : (i+1)*dims]
	}
	return vectors
}

// The most texts and bytes that are tokenised before their vectors are
// computed.
const (
	windowTexts = 8192
	windowBytes = 32 << 20
)

// window is the end of the texts from from on that are worked off together: at
// least one.
func window(texts []string, from int) int {
	size := 0
	for i := from; i < len(texts); i++ {
		size += len(texts[i])
		if i > from && (size > windowBytes || i-from == windowTexts) {
			return i
		}
	}
	return len(texts)
}

// plan is what a call's options come to.
type plan struct {
	m        *Model
	dims     int
	raw      bool
	prompt   string
	promptID []int32 // the prompt's tokens
	limit    int     // tokens of an input, special ones included; 0: none
	long     LongPolicy
	left     bool
	class    queue.Class
}

func (m *Model) plan(o EncodeOptions) (*plan, error) {
	p := &plan{m: m, raw: o.Raw, long: o.Long, left: o.Left, dims: o.Dims, class: o.Class}
	if p.dims == 0 {
		p.dims = m.Dims()
	}
	if full := m.encoder.Dims(); p.dims < 0 || p.dims > full {
		return nil, fmt.Errorf("%w: %d asked for, %s gives 1 to %d", ErrDims, o.Dims, m.Name(), full)
	}
	if p.long < LongTruncate || p.long > LongRefuse {
		return nil, fmt.Errorf("unknown policy %d for long texts", p.long)
	}
	var err error
	if p.prompt, err = m.prompt(o); err != nil {
		return nil, err
	}
	if p.prompt != "" {
		p.promptID = m.model.Tokenizer.AppendIDs(nil, p.prompt)
	}
	p.limit, err = m.limit(o.MaxTokens, len(p.promptID))
	return p, err
}

func (m *Model) prompt(o EncodeOptions) (string, error) {
	switch {
	case o.NoPrompt && (o.Prompt != "" || o.PromptName != ""):
		return "", fmt.Errorf("%w: a prompt and NoPrompt are both set", ErrUnknownPrompt)
	case o.NoPrompt:
		return "", nil
	case o.Prompt != "":
		return o.Prompt, nil
	}
	name := o.PromptName
	if name == "" {
		name = m.model.DefaultPrompt
	}
	if name == "" {
		return "", nil
	}
	text, ok := m.model.Prompts[name]
	if !ok {
		known := "it has none"
		if len(m.model.Prompts) > 0 {
			known = "it has " + strings.Join(slices.Sorted(maps.Keys(m.model.Prompts)), ", ")
		}
		return "", fmt.Errorf("%w %q in %s: %s", ErrUnknownPrompt, name, m.Name(), known)
	}
	return text, nil
}

// limit checks the limit asked for against the model.
func (m *Model) limit(asked, prompt int) (int, error) {
	limit := asked
	if limit == 0 {
		limit = m.MaxTokens()
	}
	if positions := m.model.Config.MaxPositions; m.model.Static == nil && limit > positions {
		return 0, fmt.Errorf("%w: %d asked for, %s has %d positions", ErrMaxTokens, asked, m.Name(), positions)
	}
	taken := len(m.before) + prompt + len(m.after)
	if limit < 0 || limit > 0 && limit <= taken {
		return 0, fmt.Errorf("%w: %d tokens leave no room for a text beside %d special and prompt tokens", ErrMaxTokens, limit, taken)
	}
	return limit, nil
}
