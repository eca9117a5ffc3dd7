package encoder

import "context"

// Engine runs a transformer over ragged batches.
type Engine interface {
	// Hidden is the width of a token's state.
	Hidden() int
	// Forward computes the last layer's states of every sentence of b and
	// passes each to sink. The batch is checked first: an error wraps ErrBatch,
	// or is ctx's when it ends before the batch is done; sink may then have
	// seen some of the sentences.
	Forward(ctx context.Context, b *Batch, sink Sink) error
}

// Sink takes the states of one sentence, [tokens, hidden] row-major, which are
// valid during the call alone. It is called once per sentence, in any order
// and from several goroutines at once.
type Sink func(sentence int, states []float32)
