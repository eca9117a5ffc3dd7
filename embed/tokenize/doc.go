// Package tokenize is BERT's WordPiece tokenizer, id for id what Hugging Face's
// tokenizers give, with offsets in runes of the original text.
//
// Load reads the tokenizer of a model folder, Save writes one:
//
//	t, err := tokenize.Load(os.DirFS("model"))
//	e := t.Encode("한국어 문장", tokenize.Options{MaxTokens: 128})
//
// Encode, EncodePair, Split and Windows make inputs for an encoder, special
// tokens and offsets included; AppendIDs gives bare ids as fast as it can.
//
// A text goes through five steps: added tokens are taken out of it; the rest is
// normalized (controls dropped, ideographs set apart, accents stripped, letters
// lowered, as Config says); added tokens that match normalized text are taken
// out; what is left is split at white space and punctuation; each word is
// spelt with the longest pieces of the vocabulary from left to right, or
// becomes the unknown token.
package tokenize
