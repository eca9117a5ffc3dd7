package embed

import (
	"errors"

	"semdex/embed/encoder"
	"semdex/embed/queue"
)

// Errors of a call to Encode. They arrive wrapped, with the text, name or
// number at fault.
var (
	// ErrTooLong: a text has more tokens than allowed, under LongRefuse.
	ErrTooLong = errors.New("text too long")
	// ErrUnknownPrompt: the model has no prompt of that name.
	ErrUnknownPrompt = errors.New("unknown prompt")
	// ErrDims: the model does not give vectors of that length.
	ErrDims = errors.New("invalid dims")
	// ErrMaxTokens: the limit is beyond the model's positions, or leaves no
	// room for a text.
	ErrMaxTokens = errors.New("invalid token limit")
	// ErrNoSpans: the model gives no vectors of parts of a text.
	ErrNoSpans = errors.New("no vectors of parts of a text")
	// ErrClosed: the model has been closed.
	ErrClosed = errors.New("model is closed")
	// ErrOverloaded: the model's queue is full; try again later.
	ErrOverloaded = queue.ErrOverloaded
)

// Errors of a model's weights.
var (
	// ErrNotFinite: weights are NaN or infinite. Static models are checked when
	// they are loaded, others when a vector is not finite.
	ErrNotFinite = encoder.ErrNotFinite
	// ErrNoGolden: the model folder holds no golden sentences.
	ErrNoGolden = errors.New("no golden sentences")
	// ErrMismatch: vectors differ from the golden ones by more than allowed.
	ErrMismatch = errors.New("vectors differ from the golden ones")
)
