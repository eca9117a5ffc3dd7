package wire

import (
	"encoding/json"
	"strconv"
)

// OpenAIEmbeddings is the body of OpenAI's POST /v1/embeddings.
type OpenAIEmbeddings struct {
	Input          json.RawMessage `json:"input"`
	Model          string          `json:"model"`
	EncodingFormat *string         `json:"encoding_format"`
	Dimensions     *int            `json:"dimensions"`
}

// AppendOpenAIEmbeddings appends the answer to OpenAIEmbeddings: one embedding
// object per vector, as base64 or as numbers, and the tokens that were read.
func AppendOpenAIEmbeddings(dst []byte, model string, vectors [][]float32, tokens int, asBase64 bool) []byte {
	dst = append(dst, `{"object":"list","data":[`...)
	for i, v := range vectors {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"object":"embedding","index":`...)
		dst = strconv.AppendInt(dst, int64(i), 10)
		dst = append(dst, `,"embedding":`...)
		if asBase64 {
			dst = AppendBase64(dst, v)
		} else {
			dst = AppendVector(dst, v)
		}
		dst = append(dst, '}')
	}
	name, _ := json.Marshal(model) // a string always marshals
	dst = append(dst, `],"model":`...)
	dst = append(dst, name...)
	dst = append(dst, `,"usage":{"prompt_tokens":`...)
	dst = strconv.AppendInt(dst, int64(tokens), 10)
	dst = append(dst, `,"total_tokens":`...)
	dst = strconv.AppendInt(dst, int64(tokens), 10)
	return append(dst, `}}`...)
}

// OpenAIModel describes a model in the answers of GET /v1/models.
type OpenAIModel struct {
	ID      string `json:"id"`
	Object  string `json:"object"` // "model"
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

// OpenAIModels is the answer of GET /v1/models.
type OpenAIModels struct {
	Object string        `json:"object"` // "list"
	Data   []OpenAIModel `json:"data"`
}

// OpenAIError is the body of OpenAI's failures.
type OpenAIError struct {
	Error OpenAIErrorBody `json:"error"`
}

// OpenAIErrorBody says what failed; Param and Code are null when unknown.
type OpenAIErrorBody struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}
