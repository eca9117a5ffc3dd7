package wire

import "encoding/json"

// TEIEmbed is the body of TEI's POST /embed.
type TEIEmbed struct {
	Inputs              json.RawMessage `json:"inputs"`
	Truncate            *bool           `json:"truncate"`
	TruncationDirection *string         `json:"truncation_direction"`
	PromptName          *string         `json:"prompt_name"`
	Normalize           *bool           `json:"normalize"`
	Dimensions          *int            `json:"dimensions"`
}

// TEIError is the body of TEI's failures.
type TEIError struct {
	Error     string       `json:"error"`
	ErrorType TEIErrorType `json:"error_type"`
}

// TEIErrorType classes a failure.
type TEIErrorType string

// The classes of TEI's failures, as its clients meet them on the wire.
const (
	TEIUnhealthy  TEIErrorType = "Unhealthy"
	TEIBackend    TEIErrorType = "Backend"
	TEIOverloaded TEIErrorType = "Overloaded"
	TEIValidation TEIErrorType = "Validation"
	TEITokenizer  TEIErrorType = "Tokenizer"
	TEIEmpty      TEIErrorType = "Empty"
)
