// Package wire holds the request and answer shapes of other embedding
// services, so that their clients work against this one: Hugging Face's
// text-embeddings-inference (TEI) and OpenAI. It knows nothing of HTTP or of
// this project's encoder: handlers translate.
package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Input is one thing to embed: a text, or the ids of its tokens.
type Input struct {
	Text string
	IDs  []int  // not nil if the client sent ids
	Path string // where it stood in the request: "inputs", "inputs[3]"
}

// InputError says which element of an input is at fault and why.
type InputError struct {
	Path string // "inputs", "inputs[3]", "inputs[3][0]"
	Got  string // what stands there, in words
	Want string
}

func (e *InputError) Error() string {
	if e.Got == missing {
		return fmt.Sprintf("%s is missing: it must be %s", e.Path, e.Want)
	}
	return fmt.Sprintf("%s must be %s, not %s", e.Path, e.Want, e.Got)
}

const (
	missing    = "missing"
	wantInputs = "a text, a list of texts, or token ids"
	wantInput  = "a text or a list of token ids"
	wantID     = "a token id: an integer from 0 to 2147483647"
)

// ParseInputs reads the four forms of an input: "text", ["text", ...],
// [1, 2, ...] (the ids of one text) and [[1, 2], ...]; texts and lists of ids
// may be mixed. The error is an *InputError whose path starts with field.
func ParseInputs(field string, raw json.RawMessage) ([]Input, error) {
	switch kind(raw) {
	case "a text":
		text, err := parseText(raw)
		return []Input{{Text: text, Path: field}}, err
	case "a list":
	default:
		return nil, &InputError{Path: field, Got: kind(raw), Want: wantInputs}
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return nil, err
	}
	if len(elements) > 0 && kind(elements[0]) == "a number" {
		ids, err := parseIDs(field, elements)
		return []Input{{IDs: ids, Path: field}}, err
	}
	inputs := make([]Input, len(elements))
	for i, element := range elements {
		path := fmt.Sprintf("%s[%d]", field, i)
		input, err := parseInput(path, element)
		if err != nil {
			return nil, err
		}
		inputs[i] = input
	}
	return inputs, nil
}

func parseInput(path string, raw json.RawMessage) (Input, error) {
	switch kind(raw) {
	case "a text":
		text, err := parseText(raw)
		return Input{Text: text, Path: path}, err
	case "a list":
		var elements []json.RawMessage
		if err := json.Unmarshal(raw, &elements); err != nil {
			return Input{}, err
		}
		ids, err := parseIDs(path, elements)
		return Input{IDs: ids, Path: path}, err
	}
	return Input{}, &InputError{Path: path, Got: kind(raw), Want: wantInput}
}

func parseText(raw json.RawMessage) (string, error) {
	var text string
	err := json.Unmarshal(raw, &text)
	return text, err
}

func parseIDs(path string, elements []json.RawMessage) ([]int, error) {
	ids := make([]int, len(elements))
	for i, element := range elements {
		id, err := strconv.ParseInt(string(bytes.TrimSpace(element)), 10, 32)
		if err != nil || id < 0 {
			got := kind(element)
			if got == "a number" {
				got = string(element)
			}
			return nil, &InputError{Path: fmt.Sprintf("%s[%d]", path, i), Got: got, Want: wantID}
		}
		ids[i] = int(id)
	}
	return ids, nil
}

// kind names the JSON value that raw holds, in words for a message.
func kind(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return missing
	}
	switch raw[0] {
	case '"':
		return "a text"
	case '[':
		return "a list"
	case '{':
		return "an object"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// AppendVectors appends a JSON list of lists of numbers.
func AppendVectors(dst []byte, vectors [][]float32) []byte {
	if len(vectors) > 0 {
		dst = slices.Grow(dst, 12*len(vectors)*len(vectors[0])) // digits of a usual value
	}
	dst = append(dst, '[')
	for i, v := range vectors {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendVector(dst, v)
	}
	return append(dst, ']')
}

// AppendVector appends a JSON list of numbers, each with the fewest digits
// that give the same float32 back. The values must be finite.
func AppendVector(dst []byte, vector []float32) []byte {
	dst = append(dst, '[')
	for i, x := range vector {
		if i > 0 {
			dst = append(dst, ',')
		}
		format := byte('f')
		if a := math.Abs(float64(x)); a != 0 && (a < 1e-6 || a >= 1e21) {
			format = 'e'
		}
		dst = strconv.AppendFloat(dst, float64(x), format, -1, 32)
	}
	return append(dst, ']')
}

// AppendBase64 appends a JSON string: the vector's values as little-endian
// float32, in standard base64.
func AppendBase64(dst []byte, vector []float32) []byte {
	buf := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(x))
	}
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, buf)
	return append(dst, '"')
}
