package tokenize

import (
	"encoding/json"
	"fmt"
)

// jsonProcessor is the post_processor of tokenizer.json, which puts special
// tokens around texts.
type jsonProcessor struct {
	Type       string          `json:"type"`
	Single     []jsonPiece     `json:"single"`
	Pair       []jsonPiece     `json:"pair"`
	Separator  jsonPieceID     `json:"sep"`
	Class      jsonPieceID     `json:"cls"`
	Processors []jsonProcessor `json:"processors"`
}

// jsonPiece is one place of a template: a special token or a text.
type jsonPiece struct {
	Special  *jsonPlace `json:"SpecialToken"`
	Sequence *jsonPlace `json:"Sequence"`
}

type jsonPlace struct {
	ID   string `json:"id"`
	Type int    `json:"type_id"`
}

// jsonPieceID is a token and its id, as a list of two.
type jsonPieceID string

func (p *jsonPieceID) UnmarshalJSON(data []byte) error {
	var pair [2]json.RawMessage
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	return json.Unmarshal(pair[0], (*string)(p))
}

// read gives the class and separator tokens of BERT's template.
func (p *jsonProcessor) read() (class, separator string, err error) {
	switch p.Type {
	case "BertProcessing":
		return string(p.Class), string(p.Separator), nil
	case "Sequence":
		if len(p.Processors) == 1 {
			return p.Processors[0].read()
		}
	case "TemplateProcessing":
		if class, separator, ok := p.template(); ok {
			return class, separator, nil
		}
		return "", "", fmt.Errorf("%w: post_processor is not the template [CLS] A [SEP] B [SEP]", ErrUnsupported)
	}
	return "", "", fmt.Errorf("%w: post_processor is %q, want TemplateProcessing or BertProcessing", ErrUnsupported, p.Type)
}

// template accepts [CLS] A [SEP] and [CLS] A [SEP] B:1 [SEP]:1 with or without
// either special token.
func (p *jsonProcessor) template() (class, separator string, ok bool) {
	single := p.Single
	if len(single) > 0 && single[0].Special != nil {
		class, single = single[0].Special.ID, single[1:]
	}
	if len(single) > 1 && single[1].Special != nil {
		separator = single[1].Special.ID
	}
	return class, separator, samePlaces(p.Single, bertTemplate(class, separator, "A")) &&
		samePlaces(p.Pair, bertTemplate(class, separator, "A", "B"))
}

// bertTemplate is BERT's template over the named texts.
func bertTemplate(class, separator string, texts ...string) []jsonPiece {
	var out []jsonPiece
	if class != "" {
		out = append(out, jsonPiece{Special: &jsonPlace{class, 0}})
	}
	for i, text := range texts {
		out = append(out, jsonPiece{Sequence: &jsonPlace{text, i}})
		if separator != "" {
			out = append(out, jsonPiece{Special: &jsonPlace{separator, i}})
		}
	}
	return out
}

func samePlaces(a, b []jsonPiece) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !samePlace(a[i].Special, b[i].Special) || !samePlace(a[i].Sequence, b[i].Sequence) {
			return false
		}
	}
	return true
}

func samePlace(a, b *jsonPlace) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
