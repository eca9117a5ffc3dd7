package tokenize

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// sideFiles are the files beside the vocabulary, which transformers writes.
type sideFiles struct {
	config   tokenizerConfig
	specials specialTokens
	added    map[string]int32 // added_tokens.json
}

// tokenizerConfig is what matters of tokenizer_config.json.
type tokenizerConfig struct {
	Class        string              `json:"tokenizer_class"`
	MaxLength    float64             `json:"model_max_length"`
	Lowercase    *bool               `json:"do_lower_case"`
	ChineseChars *bool               `json:"tokenize_chinese_chars"`
	StripAccents nullable            `json:"strip_accents"`
	Added        map[int32]jsonToken `json:"added_tokens_decoder"`
	specialTokens
}

// specialTokens stand in tokenizer_config.json and special_tokens_map.json.
type specialTokens struct {
	Unknown    jsonToken   `json:"unk_token"`
	Separator  jsonToken   `json:"sep_token"`
	Class      jsonToken   `json:"cls_token"`
	Pad        jsonToken   `json:"pad_token"`
	Mask       jsonToken   `json:"mask_token"`
	Additional []jsonToken `json:"additional_special_tokens"`
}

// nullable tells null, which is a setting, from absence.
type nullable struct {
	stated bool
	value  *bool
}

func (n *nullable) UnmarshalJSON(data []byte) error {
	n.stated = true
	return json.Unmarshal(data, &n.value)
}

// jsonToken is a token with its flags, or only its text.
type jsonToken struct {
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LeftStrip  bool   `json:"lstrip"`
	RightStrip bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

func (k *jsonToken) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte{'"'}) {
		return json.Unmarshal(data, &k.Content)
	}
	type plain jsonToken
	return json.Unmarshal(data, (*plain)(k))
}

func (k jsonToken) added(id int32) AddedToken {
	return AddedToken{
		Content: k.Content, ID: id, Special: k.Special, SingleWord: k.SingleWord,
		LeftStrip: k.LeftStrip, RightStrip: k.RightStrip, Normalized: k.Normalized,
	}
}

func readSideFiles(fsys fs.FS) (*sideFiles, error) {
	s := &sideFiles{}
	for _, f := range []struct {
		name string
		into any
	}{{configFile, &s.config}, {specialsFile, &s.specials}, {addedFile, &s.added}} {
		data, err := fs.ReadFile(fsys, f.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("load tokenizer: %w", err)
		}
		if err := json.Unmarshal(data, f.into); err != nil {
			return nil, fmt.Errorf("load %s: %w", f.name, err)
		}
	}
	return s, nil
}

// wordPieceClasses are the classes of transformers, less "Fast", that read a
// vocab.txt the way BERT does.
var wordPieceClasses = []string{
	"", "BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer",
	"ConvBertTokenizer", "SqueezeBertTokenizer", "RetriBertTokenizer", "LayoutLMTokenizer",
	"DPRQuestionEncoderTokenizer", "DPRContextEncoderTokenizer", "DPRReaderTokenizer",
	genericClass, "PreTrainedTokenizer",
}

// genericClass takes tokenizer.json as it is.
const genericClass = "PreTrainedTokenizer"

func (s *sideFiles) checkClass() error {
	if !slices.Contains(wordPieceClasses, s.class()) {
		return fmt.Errorf("%w: tokenizer_class %q with a %s and no %s", ErrUnsupported, s.config.Class, vocabFile, tokenizerFile)
	}
	return nil
}

func (s *sideFiles) class() string { return strings.TrimSuffix(s.config.Class, "Fast") }

// baseConfig is the configuration of a vocab.txt: BERT's, with the folder's
// names for the special tokens.
func (s *sideFiles) baseConfig() Config {
	c := DefaultConfig(true)
	for _, from := range []specialTokens{s.config.specialTokens, s.specials} {
		for _, k := range []struct {
			name  *string
			token jsonToken
		}{{&c.Unknown, from.Unknown}, {&c.Separator, from.Separator}, {&c.Class, from.Class}} {
			if k.token.Content != "" {
				*k.name = k.token.Content
			}
		}
	}
	return c
}

// absurd is beyond every true model_max_length; transformers writes 1e30 for
// none.
const absurd = 1e9

// apply completes a configuration with what the side files state.
func (s *sideFiles) apply(c *Config) {
	k := &s.config
	if k.MaxLength > 0 && k.MaxLength < absurd {
		c.MaxLength = int(k.MaxLength)
	}
	if s.class() != genericClass {
		if k.Lowercase != nil {
			c.Lowercase = *k.Lowercase
		}
		if k.ChineseChars != nil {
			c.ChineseChars = *k.ChineseChars
		}
		if k.StripAccents.stated {
			c.StripAccents = k.StripAccents.value
		}
	}
	c.Pad, c.Mask = "[PAD]", "[MASK]"
	for _, from := range []specialTokens{k.specialTokens, s.specials} {
		if from.Pad.Content != "" {
			c.Pad = from.Pad.Content
		}
		if from.Mask.Content != "" {
			c.Mask = from.Mask.Content
		}
	}
	s.applyAdded(c)
}

// applyAdded lists the added tokens of the side files that c does not know
// yet: those with an id first, in order of id.
func (s *sideFiles) applyAdded(c *Config) {
	special := map[string]AddedToken{}
	for _, from := range []specialTokens{s.config.specialTokens, s.specials} {
		for _, k := range append([]jsonToken{from.Unknown, from.Separator, from.Class, from.Pad, from.Mask}, from.Additional...) {
			a := k.added(0)
			a.Special = true
			special[k.Content] = a
		}
	}
	var found []AddedToken
	for id, k := range s.config.Added {
		found = append(found, k.added(id))
	}
	for content, id := range s.added {
		a, ok := special[content]
		if !ok {
			a = AddedToken{Content: content, Normalized: true}
		}
		a.ID = id
		found = append(found, a)
	}
	slices.SortStableFunc(found, func(x, y AddedToken) int { return int(x.ID) - int(y.ID) })
	for _, from := range []specialTokens{s.config.specialTokens, s.specials} {
		for _, k := range from.Additional {
			found = append(found, special[k.Content])
		}
	}

	listed := map[string]bool{"": true}
	for _, a := range c.Added {
		listed[a.Content] = true
	}
	for _, a := range found {
		if !listed[a.Content] {
			listed[a.Content] = true
			c.Added = append(c.Added, a)
		}
	}
}
