package tokenize

// Config is everything but the vocabulary that decides how text is split.
type Config struct {
	// Lowercase lowers the text, as uncased models want it.
	Lowercase bool
	// StripAccents decomposes the text (NFD) and drops non-spacing marks;
	// nil follows Lowercase. Decomposition splits Hangul syllables into jamo,
	// so a Korean vocabulary of syllables needs false.
	StripAccents *bool
	// CleanText drops control characters and turns white space into blanks.
	CleanText bool
	// ChineseChars isolates every CJK ideograph as a word of its own.
	ChineseChars bool
	// MaxWordRunes is the longest word that is looked up; a longer one is
	// Unknown. 0 stands for 100.
	MaxWordRunes int
	// MaxLength is the tokenizer's model_max_length in tokens, specials
	// included; 0 if there is none.
	MaxLength int

	// The special tokens; each must be in the vocabulary or in Added. Mask and
	// Pad may be absent from both.
	Unknown, Separator, Class, Pad, Mask string

	// Added are the tokens found in the raw text before anything else is done
	// with it. New adds the special tokens above if they are not listed.
	Added []AddedToken
}

// AddedToken is a token that is matched in the text as a whole.
type AddedToken struct {
	Content string
	ID      int32
	// Special tokens are left out by Decode on request.
	Special bool
	// SingleWord matches only where no letter or digit stands beside it.
	SingleWord bool
	// LeftStrip and RightStrip take the white space beside the match into it.
	LeftStrip, RightStrip bool
	// Normalized matches in the normalized text instead of the raw one.
	Normalized bool
}

// DefaultConfig is the configuration of bert-base-uncased or, with lowercase
// false, of bert-base-multilingual-cased.
func DefaultConfig(lowercase bool) Config {
	return Config{
		Lowercase: lowercase, CleanText: true, ChineseChars: true, MaxWordRunes: 100,
		Unknown: "[UNK]", Separator: "[SEP]", Class: "[CLS]", Pad: "[PAD]", Mask: "[MASK]",
	}
}
