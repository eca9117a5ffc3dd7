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
	// MaxWordRunes is the longest word that is looked up, in characters; a
	// longer one is Unknown. 0 stands for 100.
	MaxWordRunes int
	// MaxLength is the tokenizer's model_max_length in tokens, specials
	// included; 0 if there is none. It is information: Encode cuts where
	// Options says.
	MaxLength int

	// The special tokens. Unknown must be in the vocabulary, Class and
	// Separator in the vocabulary or in Added; empty, they are left out of
	// the input. Mask and Pad may be missing.
	Unknown, Separator, Class, Pad, Mask string

	// Added are the tokens found in the text as a whole, before it is split
	// into words. New adds the special tokens above where they are not listed.
	Added []AddedToken
}

// AddedToken is a token that is matched in the text as a whole.
type AddedToken struct {
	Content string
	// ID is that of the vocabulary, if the vocabulary has Content. Otherwise 0
	// asks New for the next free id.
	ID int32
	// Special tokens are left out by Decode on request.
	Special bool
	// SingleWord matches only where no letter or digit stands beside it.
	SingleWord bool
	// LeftStrip and RightStrip take the white space beside the match into it.
	LeftStrip, RightStrip bool
	// Normalized matches in the normalized text instead of the original.
	Normalized bool
}

// DefaultConfig is the configuration of bert-base-uncased or, with lowercase
// false, of bert-base-cased and its multilingual sibling.
func DefaultConfig(lowercase bool) Config {
	return Config{
		Lowercase: lowercase, CleanText: true, ChineseChars: true, MaxWordRunes: defaultWordRunes,
		Unknown: "[UNK]", Separator: "[SEP]", Class: "[CLS]", Pad: "[PAD]", Mask: "[MASK]",
	}
}

const defaultWordRunes = 100

// strips says whether accents are stripped.
func (c *Config) strips() bool {
	if c.StripAccents != nil {
		return *c.StripAccents
	}
	return c.Lowercase
}

// clone copies what Config points to.
func (c Config) clone() Config {
	c.Added = append([]AddedToken(nil), c.Added...)
	if c.StripAccents != nil {
		strip := *c.StripAccents
		c.StripAccents = &strip
	}
	return c
}
