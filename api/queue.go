package api

import (
	"time"

	"semdex/api/metrics"
)

// Queued is what an Embedder implements that has a queue before its encoder.
type Queued interface {
	// QueueStats is a snapshot, one entry per class of work.
	QueueStats() []QueueStats
}

// QueueStats tell of one class of work in an encoder's queue. A sequence is a
// text, or a part of one that was too long. All but Waiting only grow.
type QueueStats struct {
	Class   string // such as "interactive"
	Waiting int    // sequences in line

	Refused uint64 // requests turned away because the queue was full
	Dropped uint64 // requests given up by their callers

	Batches   uint64 // started
	Sequences uint64 // in them
	Tokens    uint64 // in them

	Wait time.Duration // of all started sequences together
	Run  time.Duration // of all batches together
}

// queue adds what an embedder's queue tells. Names that begin with te_ are
// those of TEI, where the metrics are histograms.
func (m *serverMetrics) queue(q Queued) {
	r := &m.registry
	each := func(read func(s QueueStats, emit metrics.Emit)) func(metrics.Emit) {
		return func(emit metrics.Emit) {
			for _, s := range q.QueueStats() {
				read(s, emit)
			}
		}
	}
	summaries := func(name, help string, read func(QueueStats) (sum float64, count uint64)) {
		r.ReadSummaries(name, help, func(emit metrics.EmitSummary) {
			for _, s := range q.QueueStats() {
				sum, count := read(s)
				emit(sum, count, s.Class)
			}
		}, "class")
	}
	r.ReadGauges("te_queue_size", "Sequences that wait for the encoder.",
		each(func(s QueueStats, emit metrics.Emit) { emit(float64(s.Waiting), s.Class) }), "class")
	summaries("te_batch_next_size", "Sequences of the encoder's batches.",
		func(s QueueStats) (float64, uint64) { return float64(s.Sequences), s.Batches })
	summaries("te_batch_next_tokens", "Tokens of the encoder's batches.",
		func(s QueueStats) (float64, uint64) { return float64(s.Tokens), s.Batches })
	summaries("te_request_queue_duration", "Seconds that sequences waited for the encoder.",
		func(s QueueStats) (float64, uint64) { return s.Wait.Seconds(), s.Sequences })
	summaries("semdex_batch_duration_seconds", "Seconds that the encoder's batches took.",
		func(s QueueStats) (float64, uint64) { return s.Run.Seconds(), s.Batches })
	r.ReadCounters("semdex_queue_refused_total", "Requests turned away because the encoder's queue was full.",
		each(func(s QueueStats, emit metrics.Emit) { emit(float64(s.Refused), s.Class) }), "class")
	r.ReadCounters("semdex_queue_dropped_total", "Requests given up by their callers in the encoder's queue.",
		each(func(s QueueStats, emit metrics.Emit) { emit(float64(s.Dropped), s.Class) }), "class")
}
