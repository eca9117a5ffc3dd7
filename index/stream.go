package index

import (
	"context"
	"errors"
	"iter"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Progress says how far a stream has come. Everything it counts is durable.
type Progress struct {
	PutResult
	Read int `json:"read"` // documents taken from the stream and stored or unchanged
}

// The bounds of one batch of a stream.
const (
	batchDocuments = 256
	batchBytes     = 1 << 20
)

// PutStream stores the documents of a stream in batches: while one is written,
// the next is read, split and encoded, so that memory stays bounded. It calls
// onProgress, if not nil, after each batch, never at the same time twice. More
// than one batch is a bulk load (Loads).
//
// At a document that cannot be stored, a *DocumentError, and at an error of the
// stream it stops: everything before is stored, nothing behind, and the result
// counts it. On other errors, such as a full disk or the end of ctx, the result
// counts what was stored until then. Storing the same stream again costs only
// what is missing.
func (s *Service) PutStream(ctx context.Context, collection string, docs iter.Seq2[Document, error], onProgress func(Progress)) (PutResult, error) {
	w, err := s.writer(ctx, collection)
	if err != nil {
		return PutResult{}, err
	}
	w.load = new(streamLoad)
	defer w.load.close()
	ready := make(chan batch)
	g, reading := errgroup.WithContext(ctx) // ends when a write fails
	g.Go(func() error {
		defer close(ready)
		return w.read(reading, docs, ready)
	})
	var done Progress
	var failed error
	g.Go(func() error {
		for b := range ready {
			var result PutResult
			if result, failed = b.by.write(ctx, b); failed != nil { // not reading: a batch that was read goes through
				return failed
			}
			w.pending.remove(b.records)
			done.add(result)
			done.Read += b.read
			if onProgress != nil {
				onProgress(done)
			}
		}
		return nil
	})
	err = g.Wait()
	if failed != nil { // although the reader may have found something before
		err = failed
	}
	return done.PutResult, err
}

// read cuts the stream into batches and sends them prepared. What came before
// an error of the stream or a bad document is still sent.
func (w *writer) read(ctx context.Context, docs iter.Seq2[Document, error], ready chan<- batch) error {
	var group []Document
	bytes, position := 0, 1
	send := func() error {
		if len(group) == 0 {
			return nil
		}
		b, err := w.prepareCurrent(ctx, group, position)
		if b.by != nil {
			w = b.by
		}
		bad, isBad := errors.AsType[*DocumentError](err)
		if err != nil && !isBad {
			return err
		}
		if len(b.records) > 0 {
			if err := w.create(ctx); err != nil {
				return err
			}
		}
		w.pending.add(b.records)
		position += len(group)
		group, bytes = group[:0], 0
		select {
		case ready <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
		if isBad {
			return bad
		}
		return nil
	}
	for d, err := range docs {
		if err != nil {
			if sendErr := send(); sendErr != nil {
				return sendErr
			}
			return err
		}
		group = append(group, d)
		bytes += len(d.Text) + len(d.Title)
		if len(group) >= batchDocuments || bytes >= batchBytes {
			if err := send(); err != nil {
				return err
			}
		}
	}
	return send()
}

// idSet is a set of document ids that two goroutines share.
type idSet struct {
	mu  sync.Mutex
	ids map[string]int
}

func newIDSet() *idSet { return &idSet{ids: make(map[string]int)} }

func (s *idSet) add(records []Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		s.ids[r.ID]++
	}
}

func (s *idSet) remove(records []Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		if s.ids[r.ID]--; s.ids[r.ID] == 0 {
			delete(s.ids, r.ID)
		}
	}
}

func (s *idSet) has(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ids[id] > 0
}
