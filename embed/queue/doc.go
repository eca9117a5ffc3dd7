// Package queue stands between many callers and one encoder. Requests of a few
// token sequences each come in at any time from any goroutine; batches of a
// bounded number of tokens go out to a fixed number of workers.
//
//	q := queue.New(enc, queue.Options{})
//	defer q.Close(ctx)
//	r, err := q.Do(ctx, queue.Request{IDs: ids})
//	// r.At(0) is the vector of ids[0].
//
// Queue.Encoder gives the same in the form of an encoder.Encoder.
//
// # Admission
//
// A sequence that waits holds one of Options.MaxWaiting permits of its class. A
// request that finds too few free is refused with ErrOverloaded at once, or
// waits for them if it says so. A request of more sequences than there are
// permits is admitted when nothing of its class waits.
//
// # Order
//
// Interactive goes before Bulk. While both wait, a bulk batch runs after every
// Options.BulkWeight batches' worth of interactive tokens, so that a bulk job
// always moves. Tokens are counted because they stand for time: a batch of one
// query costs less than a full one.
//
// Within a class every batch holds the sequence that has waited longest, and
// with it those nearest to it in length among the oldest ones (Options.Window).
// Batches are even, and a sequence with k older ones before it starts with the
// (k+1)-th batch of its class at the latest, whatever comes after it.
//
// # Latency
//
// Nothing waits for company. A free worker starts with what is there; batches
// grow by what arrives while all workers are busy. When the last worker gets
// busy the next batch is assembled ahead, one and no more. Its sequences stay in
// line until a worker takes it: it is made anew if a later request goes before
// it or fits into it, or if one of its requests has gone.
//
// # Processors
//
// Workers times the encoder's own threads should not exceed the processors. The
// policy is one thread per worker: make the encoder with one worker and leave
// Options.Workers at one per processor. Each worker then computes whole batches
// without waiting for another, and one large request is shared out by cutting
// it into a batch for every idle worker.
//
// # Failure
//
// A request whose context is done is dropped before it is computed; a running
// batch is stopped when all of its requests have gone. When the encoder refuses
// a batch of several requests, or panics in it, the batch is halved by requests
// until those at fault are alone: only they get the error.
package queue
