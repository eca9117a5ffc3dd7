package tokenize

// Tokenizer splits text into WordPieces. It is immutable and safe for
// concurrent use.
type Tokenizer struct{}

// Encoding is one tokenised input: parallel slices, one entry per token.
type Encoding struct {
	IDs     []int32
	Types   []int32 // 0 for the first text, 1 for the second
	Offsets []Offset
	// Sequence is 0 or 1 for tokens of the first or second text, -1 for
	// special tokens, whose offsets are empty.
	Sequence []int8
	// Truncated says that tokens of the input are missing here.
	Truncated bool
}

// Offset is a half-open range of runes of the original text.
type Offset struct{ Start, End int32 }

// Truncation says what to cut when an input is longer than MaxTokens.
type Truncation int

// The truncation strategies of Hugging Face.
const (
	LongestFirst Truncation = iota
	OnlyFirst
	OnlySecond
)

// Options of one call of Encode, EncodePair or Windows.
type Options struct {
	MaxTokens  int // specials included; 0: no limit
	Truncation Truncation
	NoSpecials bool // leave [CLS] and [SEP] out
	Left       bool // cut from the left
}
