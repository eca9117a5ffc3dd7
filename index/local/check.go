package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"semdex/index"
)

// Check verifies every collection. One that cannot be opened gives a report
// with the reason as its only problem.
func (e *Engine) Check(ctx context.Context) ([]index.Report, error) {
	var reports []index.Report
	for _, name := range e.Names() {
		c, err := e.Open(ctx, name)
		var r index.Report
		if err == nil {
			r, err = c.Check(ctx)
		}
		switch {
		case errors.Is(err, index.ErrCollectionNotFound): // dropped meanwhile
			continue
		case errors.Is(err, index.ErrClosed), ctx.Err() != nil:
			return reports, err
		case err != nil:
			r = index.Report{Collection: name, Problems: []string{err.Error()}}
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// maxProblems bounds a report: damage tends to come in thousands.
const maxProblems = 50

// checker gathers a report.
type checker struct {
	c       *Collection
	report  index.Report
	dropped int

	// The collection between two writes.
	view     view
	files    []*logFile
	sizes    []int64
	sequence uint64
}

// Check implements index.Collection. It reads the whole log again, verifies
// every checksum, replays it and compares the outcome with what is in memory,
// and compares the text leg with the documents passage by passage.
func (c *Collection) Check(ctx context.Context) (index.Report, error) {
	if err := c.enter(ctx); err != nil {
		return index.Report{}, err
	}
	defer c.leave()
	k := &checker{c: c, report: index.Report{Collection: c.name}}
	if err := c.do(&request{ctx: ctx, inspect: k.inspect}); err != nil {
		return index.Report{}, err
	}
	defer func() {
		k.view.sealed.release()
		for _, f := range k.files {
			f.release()
		}
	}()
	if err := k.log(ctx); err != nil {
		return index.Report{}, err
	}
	if err := k.graph(ctx); err != nil {
		return index.Report{}, err
	}
	if k.dropped > 0 {
		k.report.Problems = append(k.report.Problems, fmt.Sprintf("and %d more", k.dropped))
	}
	return k.report, nil
}

func (k *checker) problem(format string, args ...any) {
	if len(k.report.Problems) == maxProblems {
		k.dropped++
		return
	}
	k.report.Problems = append(k.report.Problems, fmt.Sprintf(format, args...))
}

// inspect runs between two writes: it looks at what is in memory and at the
// text leg, and notes the files.
func (k *checker) inspect() {
	c := k.c
	k.view, k.sequence = c.state.view, c.sequence
	k.view.sealed.acquire() // the collection's own is never gone
	for _, f := range c.files {
		f.acquire() // the writer's own are never gone
		k.files, k.sizes = append(k.files, f), append(k.sizes, f.size)
	}
	k.report.Documents, k.report.Passages = int(k.view.live.GetCardinality()), k.view.passages
	k.report.Sequence = c.sequence
	if c.failed != nil {
		k.problem("%v", c.failed)
	}
	k.memory()
	k.text()
}

// memory counts the vectors and compares the counters with what they count.
// Every passage has a slot for its vector, which stays empty if it has none.
func (k *checker) memory() {
	passages, slots, terms := 0, 0, uint64(0)
	for it := k.view.live.Iterator(); it.HasNext(); {
		n := it.Next()
		d := k.view.docs[n]
		passages += d.passages()
		for i, length := range d.lengths {
			terms += uint64(length)
			slot := int(k.view.first[n]) + i
			if slot >= k.view.store.Len() {
				continue
			}
			if slots++; !k.view.store.Missing(slot) {
				k.report.Vectors++
			}
		}
		if number, ok := k.c.state.byID[d.id]; !ok || number != n {
			k.problem("document %q is not found under its id", d.id)
		}
	}
	if n := len(k.c.state.byID); n != k.report.Documents {
		k.problem("%d ids for %d documents", n, k.report.Documents)
	}
	if passages != k.view.passages || terms != k.view.terms {
		k.problem("counted %d passages with %d terms, expected %d with %d", passages, terms, k.view.passages, k.view.terms)
	}
	if slots != passages {
		k.problem("%d slots for the vectors of %d passages", slots, passages)
	}
}

// text compares the text leg with the documents.
func (k *checker) text() {
	t := k.c.text
	if t.sequence != k.sequence {
		k.problem("the text leg is at sequence %d, the log at %d", t.sequence, k.sequence)
	}
	if n := t.asyncErrors(); n > 0 {
		k.problem("bleve reports %d failures of its background work; the text leg may not be on disk, the log is", n)
	}
	seen := make(map[textKey]bool, k.view.passages)
	err := t.read(func(s *textView) error {
		for _, p := range append(segmentProblems(s.bleve), contentProblems(s.bleve)...) {
			k.problem("text leg: %s", p)
		}
		return t.each(s, func(key textKey) {
			k.report.TextDocs++
			n, ok := k.view.find(key.sequence)
			switch {
			case seen[key]:
				k.problem("passage %d of sequence %d is twice in the text leg", key.ordinal, key.sequence)
			case !ok || !k.view.live.Contains(n) || int(key.ordinal) >= k.view.docs[n].passages():
				k.problem("passage %d of sequence %d is in the text leg but not in the collection", key.ordinal, key.sequence)
			case k.view.docs[n].lengths[key.ordinal] != key.length:
				k.problem("passage %s has %d terms in the text leg, %d in memory", k.view.ref(n, key.ordinal), key.length, k.view.docs[n].lengths[key.ordinal])
			}
			seen[key] = true
		})
	})
	if err != nil {
		k.problem("%v", err)
		return
	}
	for it := k.view.live.Iterator(); it.HasNext(); {
		n := it.Next()
		for _, key := range k.view.docs[n].keys() {
			if !seen[key] {
				k.problem("passage %s is not in the text leg", k.view.ref(n, key.ordinal))
			}
		}
	}
}

// log reads the files again and replays them.
func (k *checker) log(ctx context.Context) error {
	current := make(map[string]uint64)
	var last uint64
	for i, f := range k.files {
		s, err := newScanner(f.f, f.path, k.sizes[i], f.number, k.c.manifestID, last)
		if err == nil {
			err = k.file(ctx, s, current)
			last = s.last
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			k.problem("%v", err)
			return nil // what follows would only repeat it
		}
	}
	if last > k.sequence || last < k.sequence && !k.compacted() {
		k.problem("the log ends at sequence %d, expected %d", last, k.sequence)
	}
	for it := k.view.live.Iterator(); it.HasNext(); {
		d := k.view.docs[it.Next()]
		if have, ok := current[d.id]; !ok || have != d.sequence {
			k.problem("document %q of sequence %d is not what the log holds (%d)", d.id, d.sequence, have)
		}
	}
	if len(current) != k.report.Documents {
		k.problem("the log holds %d documents, memory %d", len(current), k.report.Documents)
	}
	return nil
}

// compacted reports whether the log has left out frames: then its last one need
// not be the last that was written.
func (k *checker) compacted() bool {
	return slices.ContainsFunc(k.files, func(f *logFile) bool { return f.number > 1 })
}

// file replays a file into the sequences of current documents.
func (k *checker) file(ctx context.Context, s *scanner, current map[string]uint64) error {
	var batch []replayed
	for {
		f, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var torn *tornError
		if errors.As(err, &torn) {
			return fmt.Errorf("%w: %s: %w", index.ErrCorrupt, s.name, torn)
		}
		if err != nil {
			return err
		}
		if f.kind != frameCommit {
			op, err := decodeFrame(f, k.c.dims)
			if err != nil {
				return fmt.Errorf("%s at byte %d: %w", s.name, f.offset, err)
			}
			op.vectors = nil
			batch = append(batch, op)
			continue
		}
		for _, op := range batch {
			switch op.kind {
			case frameUpsert:
				current[op.id] = op.document.sequence
			case frameDelete:
				delete(current, op.id)
			}
		}
		batch = batch[:0]
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}
