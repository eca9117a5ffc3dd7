package local

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"semdex/index"
	"semdex/index/local/postings"
	"semdex/index/local/vector"
)

// Bounds of what is written with one fsync.
const (
	groupRequests = 256
	groupBytes    = 32 << 20
)

// run owns the log until requests is closed.
func (c *Collection) run() {
	defer close(c.done)
	c.startSealing(false)
	quiet := time.NewTimer(c.o.Quiet)
	defer quiet.Stop()
	for {
		c.awaitQuiet(quiet)
		select {
		case r, ok := <-c.requests:
			if !ok {
				c.stopCompaction()
				c.stopSealing()
				c.stopFlush()
				c.wake()
				return
			}
			c.handle(c.gather(r))
		case <-quiet.C:
			c.startSealing(true)
		case <-c.loaded: // maintain does what has waited
		case k := <-c.compacted:
			c.finishCompaction(k)
		case k := <-c.sealings:
			c.finishSealing(k)
		case k := <-c.flushes:
			c.finishFlush(k)
		}
		c.maintain()
	}
}

// gather takes the requests that wait already, so that they share an fsync.
func (c *Collection) gather(first *request) []*request {
	group, bytes := []*request{first}, first.bytes
	for len(group) < groupRequests && bytes < groupBytes {
		select {
		case r, ok := <-c.requests:
			if !ok {
				return group // run sees it again
			}
			group = append(group, r)
			bytes += r.bytes
		default:
			return group
		}
	}
	return group
}

// handle carries out requests in order.
func (c *Collection) handle(requests []*request) {
	c.makeRoom()
	g := c.newGroup()
	for _, r := range requests {
		if r.where != nil || r.inspect != nil { // they look at what came before
			c.commit(g)
			g = c.newGroup()
		}
		if r.inspect != nil {
			r.inspect()
			r.finish(nil)
			continue
		}
		if err := g.stage(r); err != nil {
			r.finish(err)
			continue
		}
		g.requests = append(g.requests, r)
	}
	c.commit(g)
}

// group is batches that are written, and become visible, together.
type group struct {
	c          *Collection
	start      int64 // where the buffer goes in the active file
	buf        []byte
	durable    uint64 // sequence before the group
	sequence   uint64
	operations []operation
	texts      []stagedText
	requests   []*request
	fields     map[string]index.FieldKind
	alive      map[string]bool // documents that the group has touched
}

// operation puts a document, or removes it if document is nil.
type operation struct {
	id       string
	document *document
	record   *index.Record
}

// stagedText is the passages of consecutive operations, for the text leg.
type stagedText struct {
	run      *postings.Run
	from, to int // of the operations
}

func (c *Collection) newGroup() *group {
	return &group{
		c: c, start: c.active().size, durable: c.sequence, sequence: c.sequence,
		fields: c.state.fields, alive: make(map[string]bool),
	}
}

// stage appends a request's batch to the group, or leaves the group as it was.
func (g *group) stage(r *request) (err error) {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if g.c.failed != nil {
		return g.c.failed
	}
	ids := r.ids
	if r.where != nil {
		if ids, err = g.c.where(r.where); err != nil {
			return err
		}
	}
	sequence := g.sequence
	if len(r.records) > 0 {
		if err := g.stageRecords(r); err != nil {
			return err
		}
	} else {
		r.n = g.stageDeletes(ids)
	}
	if n := g.sequence - sequence; n > 0 {
		g.buf = appendCommit(g.buf, g.sequence, commit{frames: uint32(n), durable: g.durable})
	}
	return nil
}

func (g *group) stageRecords(r *request) error {
	normal := make([]index.Record, len(r.records))
	fields := g.fields
	var learned map[string]index.FieldKind
	for i, rec := range r.records {
		metadata, fresh, err := index.NormalizeMetadata(rec.Metadata, fields)
		if err != nil {
			return fmt.Errorf("document %q: %w", rec.ID, err)
		}
		if len(fresh) > 0 {
			learned, fields = mergeFields(learned, fresh), mergeFields(fields, fresh)
		}
		normal[i] = *rec
		normal[i].Metadata = metadata
	}
	g.fields = fields
	if len(learned) > 0 {
		g.frame(frameFields, func(b []byte) []byte { return appendFields(b, learned) })
	}
	var lengths [][]uint32
	for _, text := range r.texts {
		from := len(g.operations) + len(lengths)
		g.texts = append(g.texts, stagedText{text.run, from, from + len(text.lengths)})
		lengths = append(lengths, text.lengths...)
	}
	for i := range normal {
		rec := &normal[i]
		d := &document{id: rec.ID, content: rec.Content, lengths: lengths[i]}
		offset := g.start + int64(len(g.buf))
		d.frame = g.frame(frameUpsert, func(b []byte) []byte {
			b, d.part = appendUpsert(b, rec, g.c.dims)
			return b
		})
		d.sequence = g.sequence
		d.place.Store(&location{g.c.active(), offset})
		g.operations = append(g.operations, operation{d.id, d, rec})
		g.alive[d.id] = true
	}
	return nil
}

// stageDeletes removes those of the documents that exist and counts them.
func (g *group) stageDeletes(ids []string) (n int) {
	for _, id := range ids {
		alive, touched := g.alive[id]
		if !touched {
			_, alive = g.c.state.byID[id]
		}
		if !alive {
			continue
		}
		g.frame(frameDelete, func(b []byte) []byte { return append(b, id...) })
		g.operations = append(g.operations, operation{id: id})
		g.alive[id] = false
		n++
	}
	return n
}

// frame appends a frame and returns its size.
func (g *group) frame(kind frameKind, fill func([]byte) []byte) int {
	at := len(g.buf)
	g.sequence++
	g.buf = appendFrame(g.buf, kind, g.sequence, fill)
	return len(g.buf) - at
}

// where lists the documents that a filter accepts.
func (c *Collection) where(f index.Filter) ([]string, error) {
	v, accepted, err := c.snapshot(f)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, accepted.GetCardinality())
	for it := accepted.Iterator(); it.HasNext(); {
		ids = append(ids, v.docs[it.Next()].id)
	}
	slices.Sort(ids)
	return ids, nil
}

// commit makes a group durable, then visible, then answers its requests.
func (c *Collection) commit(g *group) {
	var err error
	if len(g.buf) > 0 {
		if err = c.append(g.buf); err == nil {
			c.sequence = g.sequence
			err = c.apply(g)
		}
	}
	for _, r := range g.requests {
		if err != nil {
			r.n = 0
		}
		r.finish(err)
	}
}

// append writes to the active file and waits for the disk. After an error
// nothing of it is left there; if that is not certain, the collection stops
// accepting writes.
func (c *Collection) append(b []byte) error {
	a := c.active()
	if _, err := a.f.WriteAt(b, a.size); err != nil {
		err = fmt.Errorf("append to the log: %w", err)
		if undo := c.undo(a); undo != nil {
			return c.fail(errors.Join(err, undo))
		}
		return err
	}
	if err := a.f.Sync(); err != nil {
		// What the system could not write it may have forgotten: nothing
		// about this file can be taken for granted before it is read again.
		return c.fail(errors.Join(fmt.Errorf("append to the log: %w", err), c.undo(a)))
	}
	a.size += int64(len(b))
	return nil
}

// undo cuts the file behind the last batch.
func (c *Collection) undo(a *logFile) error {
	if err := a.f.Truncate(a.size); err != nil {
		return fmt.Errorf("undo a write: %w", err)
	}
	if err := a.f.Sync(); err != nil {
		return fmt.Errorf("undo a write: %w", err)
	}
	return nil
}

// fail stops all writes until the collection is opened again.
func (c *Collection) fail(cause error) error {
	if c.failed == nil {
		c.failed = fmt.Errorf("%w: %w; searches go on, restart when the cause is mended", index.ErrReadOnly, cause)
		c.log.Error("no more writes are accepted", "cause", cause)
	}
	return c.failed
}

// apply shows a durable group in both legs.
func (c *Collection) apply(g *group) error {
	remove, add := g.textChanges()
	if err := c.text.write(remove, add, g.sequence); err != nil {
		return c.fail(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state
	s.edit()
	s.fields, s.sequence = g.fields, g.sequence
	for _, op := range g.operations {
		var old *document
		if op.document == nil {
			old = s.remove(op.id)
		} else {
			old = s.put(op.document, op.record.Metadata, func(rows *vector.Rows) {
				for _, p := range op.record.Passages {
					rows.Append(p.Vector)
				}
			})
			c.active().live += int64(op.document.frame)
		}
		if old != nil {
			old.place.Load().file.live -= int64(old.frame)
		}
	}
	return nil
}

// textChanges lists what the text leg forgets and learns: of several changes of
// one document only the last counts.
func (g *group) textChanges() (remove []textKey, add []textAddition) {
	last := make(map[string]int, len(g.operations))
	for i, op := range g.operations {
		last[op.id] = i
	}
	for i, op := range g.operations {
		if n, ok := g.c.state.byID[op.id]; ok && last[op.id] == i {
			remove = append(remove, g.c.state.docs[n].keys()...)
		}
	}
	for _, text := range g.texts {
		a := textAddition{run: text.run}
		for i := text.from; i < text.to; i++ {
			op := &g.operations[i]
			for _, k := range op.document.keys() {
				if last[op.id] != i {
					a.gone = append(a.gone, uint32(len(a.keys)))
				}
				a.keys = append(a.keys, k)
			}
		}
		add = append(add, a)
	}
	return remove, add
}

// keys are the document's passages in the text leg.
func (d *document) keys() []textKey {
	keys := make([]textKey, d.passages())
	for i, n := range d.lengths {
		keys[i] = textKey{d.sequence, uint32(i), n}
	}
	return keys
}

// maintain does what is due after changes.
func (c *Collection) maintain() {
	if c.failed != nil {
		return
	}
	if c.active().size >= c.o.FileBytes {
		c.roll()
	}
	c.startFlush()
	c.startSealing(false)
	c.compactMemory()
	c.compactLog()
}

// compactMemory drops the vectors of dead documents when they are many. Where
// there is a graph, sealing does that.
func (c *Collection) compactMemory() {
	if c.state.sealed != nil || c.sealing != nil || c.state.dead <= c.o.CompactPassages || 5*c.state.dead < c.state.store.Len() {
		return
	}
	s := c.state.compact()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = s
}
