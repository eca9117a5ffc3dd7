package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// Embedder turns texts into vectors. Implementations are safe for concurrent
// use and stop early when the context ends.
type Embedder interface {
	// Encode returns one vector per text. Errors that the caller can mend are
	// ErrTextTooLong, ErrUnknownPrompt and ErrInvalidDims; those that pass are
	// ErrEncoderBusy and ErrEncoderClosed.
	Encode(ctx context.Context, texts []string, o EncodeOptions) (Encoding, error)
	// Model describes the encoder; it is asked once.
	Model() Model
}

// TokenDecoder is what an Embedder implements that can turn token ids back
// into the text they came from. Its error is ErrInvalidTokenID.
type TokenDecoder interface {
	DecodeTokens(ids []int) (string, error)
}

// EncodeOptions say how texts become vectors.
type EncodeOptions struct {
	Truncate  bool   // cut texts that are too long; if false they are ErrTextTooLong
	CutStart  bool   // cut their beginning, not their end
	Normalize bool   // scale vectors to length 1, after Dims
	Dims      int    // keep the first so many values; 0 keeps all
	Prompt    string // name of the prompt to put before each text; "" for the model's default
}

// Encoding is the answer of an Embedder: by text, its vector, the tokens that
// were read and whether the text was cut.
type Encoding struct {
	Vectors   [][]float32
	Tokens    []int
	Truncated []bool
	Waited    time.Duration // for the encoder to be free
}

// Model describes an encoder.
type Model struct {
	Name        string    `json:"name"`
	Fingerprint string    `json:"fingerprint"`
	Dims        int       `json:"dims"`
	MaxTokens   int       `json:"max_tokens,omitempty"` // 0: any length
	Created     time.Time `json:"-"`
}

// encode runs the embedder under a permit and checks what comes back.
func (s *Server) encode(ctx context.Context, texts []string, o EncodeOptions) (Encoding, error) {
	release, err := s.searches.acquire()
	if err != nil {
		s.metrics.rejected.Add(1, "embed")
		return Encoding{}, err
	}
	defer release()
	encoding, err := s.embedder.Encode(ctx, texts, o)
	if err != nil {
		return Encoding{}, encodeFailure(err)
	}
	if len(encoding.Vectors) != len(texts) {
		return Encoding{}, fmt.Errorf("%w: %d vectors for %d texts", errEncoder, len(encoding.Vectors), len(texts))
	}
	for i, v := range encoding.Vectors {
		if !finite(v) {
			return Encoding{}, fmt.Errorf("%w: the vector of text %d is not finite", errEncoder, i)
		}
	}
	s.metrics.texts.Add(uint64(len(texts)))
	s.metrics.tokens.Add(uint64(sum(encoding.Tokens)))
	return encoding, nil
}

// encodeFailure marks as the encoder's what is neither the caller's fault nor
// the end of its patience.
func encodeFailure(err error) error {
	for _, known := range []error{ErrTextTooLong, ErrUnknownPrompt, ErrInvalidDims, ErrEncoderBusy, ErrEncoderClosed, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", errEncoder, err)
}

func finite(v []float32) bool {
	for _, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return false
		}
	}
	return true
}

func sum(values []int) int {
	total := 0
	for _, v := range values {
		total += v
	}
	return total
}
