package wire

import (
	"encoding/json"
	"fmt"
)

// Rerank is the body of TEI's POST /rerank, which has texts, and of Cohere's and
// Jina's, which have documents.
type Rerank struct {
	Query string `json:"query"`

	Texts               json.RawMessage `json:"texts"`
	Truncate            *bool           `json:"truncate"`
	TruncationDirection *string         `json:"truncation_direction"`
	RawScores           bool            `json:"raw_scores"`
	ReturnText          bool            `json:"return_text"`

	Documents       json.RawMessage `json:"documents"`
	Model           string          `json:"model"`
	TopN            *int            `json:"top_n"`
	ReturnDocuments bool            `json:"return_documents"`
}

// ParseTexts reads a list of texts, or of objects with a text. The error is an
// *InputError whose path starts with field.
func ParseTexts(field string, raw json.RawMessage) ([]string, error) {
	var elements []json.RawMessage
	if kind(raw) != "a list" {
		return nil, &InputError{Path: field, Got: kind(raw), Want: "a list of texts"}
	}
	if err := json.Unmarshal(raw, &elements); err != nil {
		return nil, err
	}
	texts := make([]string, len(elements))
	for i, e := range elements {
		path := fmt.Sprintf("%s[%d]", field, i)
		if kind(e) == "an object" {
			var document struct {
				Text json.RawMessage `json:"text"`
			}
			if err := json.Unmarshal(e, &document); err != nil {
				return nil, err
			}
			e, path = document.Text, path+".text"
		}
		if kind(e) != "a text" {
			return nil, &InputError{Path: path, Got: kind(e), Want: "a text"}
		}
		var err error
		if texts[i], err = parseText(e); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// TEIRank is an element of TEI's answer to Rerank, best first.
type TEIRank struct {
	Index int     `json:"index"`
	Text  *string `json:"text,omitempty"`
	Score float32 `json:"score"`
}

// CohereRanks is the answer to Rerank of Cohere and Jina, with the fields of
// both.
type CohereRanks struct {
	ID      string       `json:"id"`
	Model   string       `json:"model"`
	Results []CohereRank `json:"results"`
	Meta    CohereMeta   `json:"meta"`
	Usage   CohereUsage  `json:"usage"`
}

// CohereRank is one document, best first.
type CohereRank struct {
	Index     int             `json:"index"`
	Document  *CohereDocument `json:"document,omitempty"`
	Relevance float32         `json:"relevance_score"`
}

// CohereDocument is a document that was asked back.
type CohereDocument struct {
	Text string `json:"text"`
}

// CohereMeta is what Cohere's clients read beside the results.
type CohereMeta struct {
	APIVersion  CohereVersion `json:"api_version"`
	BilledUnits CohereUnits   `json:"billed_units"`
}

// CohereVersion names the interface.
type CohereVersion struct {
	Version string `json:"version"`
}

// CohereUnits counts searches.
type CohereUnits struct {
	SearchUnits int `json:"search_units"`
}

// CohereUsage counts tokens, as Jina does.
type CohereUsage struct {
	PromptTokens int `json:"prompt_tokens"`
	TotalTokens  int `json:"total_tokens"`
}

// CohereError is the body of Cohere's failures.
type CohereError struct {
	Message string `json:"message"`
	ID      string `json:"id,omitempty"`
}

// TEIPredict is the body of TEI's POST /predict.
type TEIPredict struct {
	Inputs              json.RawMessage `json:"inputs"`
	Truncate            *bool           `json:"truncate"`
	TruncationDirection *string         `json:"truncation_direction"`
	RawScores           bool            `json:"raw_scores"`
}

// TEILabel is a label with its score.
type TEILabel struct {
	Score float32 `json:"score"`
	Label string  `json:"label"`
}

const wantPredict = "a text, [text], a pair [text, text], or a list of such lists"

// ParsePredict reads the inputs of TEIPredict: "text" and ["text"] are one text,
// ["a", "b"] is a pair, and a list of such lists a batch. The error is an
// *InputError whose path starts with field.
func ParsePredict(field string, raw json.RawMessage) (inputs [][]string, batch bool, err error) {
	if kind(raw) == "a text" {
		text, err := parseText(raw)
		return [][]string{{text}}, false, err
	}
	if kind(raw) != "a list" {
		return nil, false, &InputError{Path: field, Got: kind(raw), Want: wantPredict}
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return nil, false, err
	}
	if len(elements) > 0 && kind(elements[0]) == "a text" {
		one, err := parseSequence(field, elements)
		return [][]string{one}, false, err
	}
	for i, e := range elements {
		path := fmt.Sprintf("%s[%d]", field, i)
		var parts []json.RawMessage
		if kind(e) != "a list" {
			return nil, true, &InputError{Path: path, Got: kind(e), Want: "[text] or [text, text]"}
		}
		if err := json.Unmarshal(e, &parts); err != nil {
			return nil, true, err
		}
		one, err := parseSequence(path, parts)
		if err != nil {
			return nil, true, err
		}
		inputs = append(inputs, one)
	}
	return inputs, true, nil
}

// parseSequence reads one text or two.
func parseSequence(path string, parts []json.RawMessage) ([]string, error) {
	if len(parts) < 1 || len(parts) > 2 {
		return nil, &InputError{Path: path, Got: fmt.Sprintf("a list of %d: a batch is a list of such lists", len(parts)), Want: "[text] or [text, text]"}
	}
	out := make([]string, len(parts))
	for i, p := range parts {
		if kind(p) != "a text" {
			return nil, &InputError{Path: fmt.Sprintf("%s[%d]", path, i), Got: kind(p), Want: "a text"}
		}
		var err error
		if out[i], err = parseText(p); err != nil {
			return nil, err
		}
	}
	return out, nil
}
