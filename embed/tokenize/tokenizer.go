package tokenize

import "io/fs"

// Tokenizer splits text into WordPieces. It is immutable and safe for
// concurrent use.
type Tokenizer struct {
	vocab  *Vocab
	config Config
}

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

// Options of one call of Encode, EncodePair, Split or Windows.
type Options struct {
	MaxTokens  int // specials included; 0: no limit
	Truncation Truncation
	NoSpecials bool // leave [CLS] and [SEP] out
	Left       bool // cut from the left
}

// New makes a tokenizer.
func New(v *Vocab, c Config) (*Tokenizer, error) { return &Tokenizer{vocab: v, config: c}, nil }

// Load reads the tokenizer of a model folder: tokenizer.json, or else
// vocab.txt with the files beside it.
func Load(fsys fs.FS) (*Tokenizer, error) { return &Tokenizer{vocab: &Vocab{}}, nil }

// Save writes vocab.txt, tokenizer_config.json, special_tokens_map.json and
// tokenizer.json into dir.
func (t *Tokenizer) Save(dir string) error { return nil }

// Encode tokenises one text.
func (t *Tokenizer) Encode(text string, o Options) Encoding { return Encoding{} }

// EncodePair tokenises two texts as one input.
func (t *Tokenizer) EncodePair(a, b string, o Options) Encoding { return Encoding{} }

// Split cuts one long text into inputs of at most o.MaxTokens tokens, each
// repeating the last stride tokens of the one before.
func (t *Tokenizer) Split(text string, o Options, stride int) []Encoding { return nil }

// Windows cuts b, and only b, into inputs (a, part of b) of at most o.MaxTokens
// tokens, each repeating the last stride tokens of b of the one before.
func (t *Tokenizer) Windows(a, b string, o Options, stride int) []Encoding { return nil }

// AppendIDs appends the ids of text, without special tokens, to dst.
func (t *Tokenizer) AppendIDs(dst []int32, text string) []int32 { return dst }

// Decode joins tokens to text again.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) string { return "" }

// Vocab gives the vocabulary, without added tokens beyond it.
func (t *Tokenizer) Vocab() *Vocab { return t.vocab }

// Config gives the configuration with defaults filled in.
func (t *Tokenizer) Config() Config { return t.config }

// Len is the number of ids, added tokens included: the rows an embedding
// table needs.
func (t *Tokenizer) Len() int { return 0 }

// ID gives the id of a token of the vocabulary or an added one.
func (t *Tokenizer) ID(token string) (int32, bool) { return 0, false }

// Token gives the token of an id, "" for an unknown id.
func (t *Tokenizer) Token(id int32) string { return "" }

// MaxLength is the model_max_length of the folder, 0 if it has none.
func (t *Tokenizer) MaxLength() int { return t.config.MaxLength }

// PadID is the id of the padding token, -1 if there is none.
func (t *Tokenizer) PadID() int32 { return -1 }

// UnknownID is the id of the unknown token.
func (t *Tokenizer) UnknownID() int32 { return -1 }

// ClassID is the id of the token that opens an input.
func (t *Tokenizer) ClassID() int32 { return -1 }

// SeparatorID is the id of the token that closes a text.
func (t *Tokenizer) SeparatorID() int32 { return -1 }

// MaskID is the id of the mask token, -1 if there is none.
func (t *Tokenizer) MaskID() int32 { return -1 }

// IsSpecial says whether an id is a special token.
func (t *Tokenizer) IsSpecial(id int32) bool { return false }

// Fingerprint is a SHA-256 over vocabulary and configuration.
func (t *Tokenizer) Fingerprint() [32]byte { return [32]byte{} }
