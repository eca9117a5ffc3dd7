package queue

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"semdex/embed/encoder"
)

// Request is one call's work.
type Request struct {
	// IDs are the token sequences, special tokens included.
	IDs [][]int32
	// Types are their token types; nil means all 0, as does a nil entry.
	Types [][]int32
	// Ranges are the parts of each sequence that get a vector each; nil: one
	// vector for every sequence. They need an encoder.RangeEncoder.
	Ranges [][]encoder.Range
	Class  Class
	// Wait makes the request wait for permits instead of being refused. It suits
	// callers that can be slowed down, such as an indexer.
	Wait bool
}

// Result is the answer to a request.
type Result struct {
	Vectors []float32 // [sequences or ranges, Dims], in the request's order, not normalised
	Dims    int
	Wait    time.Duration // until the first of its sequences was started
}

// At is the vector of sequence or range i.
func (r Result) At(i int) []float32 { return r.Vectors[i*r.Dims : (i+1)*r.Dims : (i+1)*r.Dims] }

// job is a request on its way. What changes is guarded by the queue's lock, but
// for vectors: workers write different rows of it, and the caller reads it
// after done.
type job struct {
	ctx       context.Context
	class     Class
	dims      int
	sequences []sequence
	rows      int       // vectors
	room      sync.Once // makes vectors, when the first are there
	vectors   []float32
	arrived   time.Time
	wait      time.Duration
	started   bool
	pending   int // sequences without a vector
	finished  bool
	err       error
	done      chan struct{}
}

// sequence is a row of a batch to be.
type sequence struct {
	job        *job
	row        int // of its first vector in the job
	ids, types []int32
	ranges     []encoder.Range // a copy; what gets a vector
	ranged     bool            // otherwise the whole sequence does
	cost       int             // tokens, at least 1
	left       bool            // the line: started, or its job is finished
}

func newJob(ctx context.Context, r Request, dims int) (*job, error) {
	if r.Class >= classes {
		return nil, fmt.Errorf("request of unknown %v", r.Class)
	}
	if r.Types != nil && len(r.Types) != len(r.IDs) {
		return nil, fmt.Errorf("%w: token types for %d sequences of %d", encoder.ErrBatch, len(r.Types), len(r.IDs))
	}
	if r.Ranges != nil && len(r.Ranges) != len(r.IDs) {
		return nil, fmt.Errorf("%w: ranges of %d sequences for %d", encoder.ErrBatch, len(r.Ranges), len(r.IDs))
	}
	j := &job{
		ctx:       ctx,
		class:     r.Class,
		dims:      dims,
		sequences: make([]sequence, len(r.IDs)),
		arrived:   time.Now(),
		pending:   len(r.IDs),
		done:      make(chan struct{}),
	}
	for i, ids := range r.IDs {
		s := sequence{job: j, row: j.rows, ids: ids, cost: max(1, len(ids))}
		if r.Ranges != nil {
			s.ranged, s.ranges = true, slices.Clone(r.Ranges[i])
		}
		j.rows += s.rows()
		if r.Types != nil {
			s.types = r.Types[i]
		}
		if s.types != nil && len(s.types) != len(ids) {
			return nil, fmt.Errorf("%w: %d token types for %d tokens", encoder.ErrBatch, len(s.types), len(ids))
		}
		j.sequences[i] = s
	}
	return j, nil
}

// rows is the number of its vectors.
func (s *sequence) rows() int {
	if s.ranged {
		return len(s.ranges)
	}
	return 1
}

// set keeps the vectors of a sequence.
func (j *job) set(s *sequence, v []float32) {
	j.room.Do(func() { j.vectors = make([]float32, j.rows*j.dims) })
	copy(j.vectors[s.row*j.dims:], v[:s.rows()*j.dims])
}

// finish lets the caller go. The first outcome counts.
func (j *job) finish(err error) {
	if j.finished {
		return
	}
	j.finished, j.err = true, err
	close(j.done)
}
