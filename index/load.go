package index

import "context"

// Loads is the part of a Collection that is told of bulk loads.
type Loads interface {
	// BeginLoad says that many documents are about to be written. Until end is
	// called, whatever only makes searches faster, such as a graph of vectors, may
	// wait, as far as memory allows; what is written is durable and found as ever.
	// Several loads may be open at once, and what waits begins when the last has
	// ended. End may be called more than once, and at any time: a load does not
	// outlive its collection, but may be ended after it.
	BeginLoad(ctx context.Context) (end func(), err error)
	// Settle waits until nothing is left to do in the background. Writes that come
	// meanwhile may make more due, and are waited for as well; what waits for the
	// end of a load is not. While a graph of vectors is built, onProgress, if not
	// nil, is called with the passages that it has and is to have, never twice at a
	// time.
	Settle(ctx context.Context, onProgress func(done, total int)) error
}

// Settle waits until a collection has nothing left to do in the background; see
// Loads.
func (s *Service) Settle(ctx context.Context, collection string, onProgress func(done, total int)) error {
	c, err := s.open(ctx, collection)
	if err != nil {
		return err
	}
	return c.Settle(ctx, onProgress)
}

// streamLoad is the bulk load of a stream, in the collection that is written to at
// the time. Only who writes uses it; a nil one does nothing.
type streamLoad struct {
	batches int
	by      *writer // whose collection the load is in
	end     func()
}

// before is called before each batch. A stream is a bulk load from its second
// batch on: a request with a few documents holds nothing up.
func (l *streamLoad) before(ctx context.Context, w *writer) error {
	if l == nil {
		return nil
	}
	if l.batches++; l.batches == 1 || l.by == w {
		return nil
	}
	end, err := w.collection.BeginLoad(ctx)
	if err != nil {
		return err
	}
	l.close()
	l.by, l.end = w, end
	return nil
}

func (l *streamLoad) close() {
	if l.end != nil {
		l.end()
	}
}
