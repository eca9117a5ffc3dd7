package tokenize

import (
	"errors"
	"fmt"
	"io/fs"
)

// ErrUnsupported says that a folder's tokenizer is not BERT's WordPiece.
var ErrUnsupported = errors.New("unsupported tokenizer")

// The files of a tokenizer in a model folder.
const (
	tokenizerFile = "tokenizer.json"
	vocabFile     = "vocab.txt"
	configFile    = "tokenizer_config.json"
	specialsFile  = "special_tokens_map.json"
	addedFile     = "added_tokens.json"
)

// Load reads the tokenizer of a model folder: tokenizer.json, or else
// vocab.txt. tokenizer_config.json, special_tokens_map.json and
// added_tokens.json are read beside both; what they state about normalization
// wins over tokenizer.json, as it does in transformers. Where nothing is
// stated beside a vocab.txt, text is lowered, as in transformers.
//
// Errors wrap fs.ErrNotExist if there is no tokenizer, and ErrUnsupported,
// with the part at fault, if it is another kind than BERT's WordPiece.
func Load(fsys fs.FS) (*Tokenizer, error) {
	side, err := readSideFiles(fsys)
	if err != nil {
		return nil, err
	}
	v, c, name, err := readVocabulary(fsys, side)
	if err != nil {
		return nil, err
	}
	side.apply(&c)
	t, err := New(v, c)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	return t, nil
}

// readVocabulary reads what there is of tokenizer.json and vocab.txt, and says
// which it was.
func readVocabulary(fsys fs.FS, side *sideFiles) (v *Vocab, c Config, name string, err error) {
	data, err := fs.ReadFile(fsys, tokenizerFile)
	if err == nil {
		if v, c, err = parseTokenizerJSON(data); err != nil {
			err = fmt.Errorf("load %s: %w", tokenizerFile, err)
		}
		return v, c, tokenizerFile, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, c, "", fmt.Errorf("load tokenizer: %w", err)
	}
	f, err := fsys.Open(vocabFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, c, "", missing(fsys)
	} else if err != nil {
		return nil, c, "", fmt.Errorf("load tokenizer: %w", err)
	}
	defer f.Close()
	if err := side.checkClass(); err != nil {
		return nil, c, "", fmt.Errorf("load %s: %w", configFile, err)
	}
	if v, err = ReadVocab(f); err != nil {
		return nil, c, "", fmt.Errorf("load %s: %w", vocabFile, err)
	}
	return v, side.baseConfig(), vocabFile, nil
}

// missing says what was looked for, and what was found instead.
func missing(fsys fs.FS) error {
	for _, name := range []string{
		"sentencepiece.bpe.model", "spiece.model", "tokenizer.model", "merges.txt", "vocab.json",
	} {
		if _, err := fs.Stat(fsys, name); err == nil {
			return fmt.Errorf("load tokenizer: %w: found %s, want %s or %s with WordPieces",
				ErrUnsupported, name, tokenizerFile, vocabFile)
		}
	}
	return fmt.Errorf("load tokenizer: neither %s nor %s: %w", tokenizerFile, vocabFile, fs.ErrNotExist)
}
