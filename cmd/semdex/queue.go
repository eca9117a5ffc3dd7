package main

import (
	"errors"
	"log/slog"

	"semdex/api"
	"semdex/embed"
	"semdex/embed/queue"
)

// interactiveTexts is the most texts of a request that somebody waits for; more
// are bulk work, which lets searches go first.
const interactiveTexts = 32

func classOf(texts []string) queue.Class {
	if len(texts) > interactiveTexts {
		return queue.Bulk
	}
	return queue.Interactive
}

var _ api.Queued = embedder{}

// QueueStats implements api.Queued.
func (e embedder) QueueStats() []api.QueueStats {
	stats, ok := e.textEncoder.Model.QueueStats()
	if !ok {
		return nil
	}
	all := make([]api.QueueStats, len(stats.Classes))
	for i, s := range stats.Classes {
		all[i] = api.QueueStats{
			Class: queue.Class(i).String(), Waiting: s.Waiting,
			Refused: s.Refused, Dropped: s.Cancelled,
			Batches: s.Batches, Sequences: s.Sequences, Tokens: s.Tokens,
			Wait: s.Wait, Run: s.Run,
		}
	}
	return all
}

// serverError marks an error of the model as the server's.
func serverError(err error) error {
	for _, known := range []struct{ have, want error }{
		{embed.ErrTooLong, api.ErrTextTooLong},
		{embed.ErrUnknownPrompt, api.ErrUnknownPrompt},
		{embed.ErrDims, api.ErrInvalidDims},
		{embed.ErrOverloaded, api.ErrEncoderBusy},
		{embed.ErrClosed, api.ErrEncoderClosed},
	} {
		if errors.Is(err, known.have) {
			return &marked{err, known.want}
		}
	}
	return err
}

// logPanic keeps the stack of an encoder's panic, which its error leaves out
// because clients see that.
func logPanic(log *slog.Logger, err error) {
	if p, ok := errors.AsType[*queue.PanicError](err); ok && log != nil {
		log.Error("encoder panicked", "value", p.Value, "stack", string(p.Stack))
	}
}
