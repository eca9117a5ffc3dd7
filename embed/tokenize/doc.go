// Package tokenize is BERT's WordPiece tokenizer, id for id what Hugging Face's
// tokenizers give, with offsets in runes of the original text.
package tokenize
