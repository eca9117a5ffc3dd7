// Package wordpiece makes vocabularies for BERT's tokenizer from text, and
// measures how well one fits a text.
//
// Count reads a corpus into word counts, Train turns them into a vocabulary,
// Missing lists the words that an existing vocabulary should know, and Measure
// says into how many pieces a tokenizer breaks a text.
//
// # How a vocabulary is trained
//
// Every word begins as its characters, all but the first marked as
// continuations. The pair of neighbouring pieces that occurs most often over all
// words becomes a piece of its own, wherever it occurs, until the vocabulary is
// full: byte pair encoding (Sennrich et al. 2016, section 3.2) with WordPiece's
// marks, which is what Hugging Face's trainer for WordPiece does too. The older
// criterion, count(ab) / (count(a) count(b)) (Schuster and Nakajima 2012), prefers
// rare pairs of rare pieces and spends a small vocabulary on them; frequency gives
// fewer pieces per word, which is what a small encoder pays for.
//
// Counts are whole numbers and ties are broken by text, so one corpus gives one
// vocabulary, whatever the number of workers and the order of files.
package wordpiece
