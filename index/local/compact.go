package local

import (
	"context"
	"errors"
	"fmt"
)

// compaction copies the frames of current documents out of closed log files
// into new ones, beside the writer; finishCompaction then puts the new files in
// the place of the old. Until the manifest says so the old files are what
// counts, and a crash leaves the new ones as strangers that are removed.
//
// All closed files are compacted together. So deletions in them need not be
// copied: whatever they delete stands before them, in the same files.
type compaction struct {
	cancel context.CancelFunc
	dir    string
	fsys   fileSystem
	id     collectionID
	next   uint32 // number of the next output
	limit  int64  // size of an output

	inputs  []*logFile
	docs    []*document
	outputs []*logFile
	places  []location // of docs, in outputs
	err     error
}

// compactLog starts a compaction when a fifth of the log is dead.
func (c *Collection) compactLog() {
	if c.running != nil || c.failed != nil {
		return
	}
	var total, live int64
	for _, f := range c.files {
		total += f.size - fileHeaderSize
		live += f.live
	}
	if dead := total - live; dead <= c.o.CompactBytes || dead < total/5 {
		return
	}
	if a := c.active(); a.size > fileHeaderSize && !c.roll() {
		return
	}
	c.startCompaction()
}

func (c *Collection) startCompaction() {
	ctx, cancel := context.WithCancel(context.Background())
	k := &compaction{
		cancel: cancel, dir: c.dir, fsys: c.o.fsys, id: c.manifest.id(), next: c.manifest.Next, limit: c.o.FileBytes,
		inputs: c.files[: len(c.files)-1 : len(c.files)-1],
	}
	var bytes int64
	for it := c.state.live.Iterator(); it.HasNext(); {
		d := c.state.docs[it.Next()]
		k.docs = append(k.docs, d)
		bytes += int64(d.frame)
	}
	for _, f := range k.inputs {
		f.acquire() // none is retired while it is listed
	}
	// Numbers for the outputs, which files begun meanwhile must not take.
	m := *c.manifest
	m.Next += uint32(bytes/max(1, k.limit-fileHeaderSize)) + 2
	c.manifest = &m
	c.running = k
	c.log.Debug("compacting", "files", len(k.inputs), "documents", len(k.docs))
	go func() {
		defer func() {
			for _, f := range k.inputs {
				f.release()
			}
			c.compacted <- k
		}()
		k.err = k.copy(ctx)
	}()
}

// copy writes the documents, in order, to output files.
func (k *compaction) copy(ctx context.Context) error {
	k.places = make([]location, len(k.docs))
	var out output
	for i, d := range k.docs {
		if err := ctx.Err(); err != nil {
			return err
		}
		frame, err := d.place.Load().readFrame(d.frame, d.sequence)
		if err != nil {
			return err
		}
		if out.file == nil {
			if out.file, err = createLog(k.fsys, k.dir, k.next, k.id); err != nil {
				return err
			}
			k.outputs = append(k.outputs, out.file)
			k.next++
		}
		k.places[i] = out.add(frame, d.sequence)
		if out.end() >= k.limit {
			if err := out.finish(); err != nil {
				return err
			}
			out = output{}
		}
	}
	return out.finish()
}

// output is a log file of one batch that is being written.
type output struct {
	file     *logFile
	buf      []byte
	written  int64 // what is in the file behind its header
	frames   uint32
	sequence uint64
	err      error
}

const outputBuffer = 1 << 20

func (o *output) end() int64 { return fileHeaderSize + o.written + int64(len(o.buf)) }

func (o *output) add(frame []byte, sequence uint64) location {
	at := location{o.file, o.end()}
	o.buf = append(o.buf, frame...)
	o.frames++
	o.sequence = sequence
	if len(o.buf) >= outputBuffer {
		o.flush()
	}
	return at
}

func (o *output) flush() {
	if o.err == nil {
		_, o.err = o.file.f.WriteAt(o.buf, fileHeaderSize+o.written)
	}
	o.written += int64(len(o.buf))
	o.buf = o.buf[:0]
}

// finish commits what was added and makes it durable.
func (o *output) finish() error {
	if o.file == nil {
		return nil
	}
	o.buf = appendCommit(o.buf, o.sequence, commit{frames: o.frames})
	o.flush()
	if o.err == nil {
		o.err = o.file.f.Sync()
	}
	if o.err != nil {
		return fmt.Errorf("write %s: %w", o.file.path, o.err)
	}
	o.file.size = fileHeaderSize + o.written
	return nil
}

// finishCompaction puts the outputs in the place of the inputs.
func (c *Collection) finishCompaction(k *compaction) {
	defer c.wake()
	c.running = nil
	k.cancel()
	err := k.err
	if err == nil && c.failed != nil {
		err = c.failed
	}
	if err != nil {
		k.discard()
		if !errors.Is(err, context.Canceled) {
			c.log.Warn("compaction failed; it is tried again when more of the log is dead", "error", err)
			c.o.CompactBytes *= 2
		}
		return
	}
	files := append(k.outputs, c.files[len(k.inputs):]...)
	renamed, err := c.writeManifest(c.manifestFiles(files), max(k.next, c.manifest.Next))
	if err != nil && !renamed {
		k.discard()
		c.log.Warn("compaction failed", "error", err)
		return
	}
	if err != nil { // either manifest may be what a crash leaves: keep all files
		_ = c.fail(err)
		c.adopt(k, files)
		return
	}
	c.adopt(k, files)
	for _, f := range k.inputs {
		f.retire()
	}
	c.log.Debug("compacted", "files", len(k.inputs), "into", len(k.outputs))
}

// adopt moves the documents to the outputs.
func (c *Collection) adopt(k *compaction, files []*logFile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files = files
	for i, d := range k.docs {
		d.place.Store(&k.places[i])
		if n, ok := c.state.byID[d.id]; ok && c.state.docs[n] == d {
			k.places[i].file.live += int64(d.frame)
		}
	}
}

// discard removes what was written.
func (k *compaction) discard() {
	for _, f := range k.outputs {
		f.retire()
	}
}

// stopCompaction ends a compaction that is under way and waits for it.
func (c *Collection) stopCompaction() {
	if c.running == nil {
		return
	}
	c.running.cancel()
	k := <-c.compacted
	if k.err == nil {
		k.err = context.Canceled
	}
	c.finishCompaction(k)
}
