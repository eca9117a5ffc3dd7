package local

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"semdex/index"
	"semdex/index/local/vector"
)

// recover reads the manifest and the log into memory.
func (c *Collection) recover() error {
	m, err := readManifest(c.o.fsys, c.dir)
	if err != nil {
		return err
	}
	c.manifest, c.dims = m, m.Settings.Dims
	c.manifestID = m.id()
	c.created, c.settings, c.split = m.Created, m.Settings, m.Settings.Split
	c.state = newState(c.dims, m.Settings.Fields)
	if err := c.removeStrangers(); err != nil {
		return err
	}
	c.openSealed()
	for i, f := range m.Files {
		if err := c.recoverFile(f, i == len(m.Files)-1); err != nil {
			return err
		}
	}
	c.sequence = max(c.sequence, m.Sequence)
	c.state.sequence = c.sequence
	c.state.dead = c.state.store.Len() - c.state.passages
	if c.state.sealed == nil && 5*c.state.dead > c.state.store.Len() {
		c.state = c.state.compact()
	}
	return nil
}

func (c *Collection) textDir() string { return filepath.Join(c.dir, textName) }

// removeStrangers removes log files that no manifest knows: what a crash left
// of a file just begun or of a compaction.
func (c *Collection) removeStrangers() error {
	known := map[string]bool{manifestName: true, textName: true}
	for _, f := range c.manifest.Files {
		known[logName(f.Number)] = true
	}
	names, err := c.o.fsys.ReadDir(c.dir)
	if err != nil {
		return fmt.Errorf("list collection: %w", err)
	}
	for _, name := range names {
		if ext := filepath.Ext(name); known[name] || ext != ".log" && ext != ".tmp" {
			continue
		}
		c.log.Info("removing a file of an interrupted step", "file", name)
		if err := c.o.fsys.Remove(filepath.Join(c.dir, name)); err != nil {
			return fmt.Errorf("remove leftover: %w", err)
		}
	}
	return nil
}

// recoverFile reads one file; only the last may end within a batch.
func (c *Collection) recoverFile(want manifestFile, last bool) error {
	open := c.o.fsys.Open
	if last {
		open = c.o.fsys.OpenWrite
	}
	path := filepath.Join(c.dir, logName(want.Number))
	f, err := open(path)
	if err != nil {
		return fmt.Errorf("%w: open log: %w", index.ErrCorrupt, err)
	}
	l := &logFile{number: want.Number, path: path, fsys: c.o.fsys, f: f}
	c.files = append(c.files, l)
	size, err := f.Size()
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	if size < want.Bytes || size > want.Bytes && !last {
		return fmt.Errorf("%w: %s has %d bytes, the manifest says %d", index.ErrCorrupt, path, size, want.Bytes)
	}
	s, err := newScanner(f, path, size, want.Number, c.manifest.id(), c.sequence)
	if err != nil {
		return err
	}
	l.size, err = c.replay(s, l)
	var torn *tornError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &torn):
		return err
	case !last || l.size < want.Bytes:
		return fmt.Errorf("%w: %s: %w", index.ErrCorrupt, path, torn)
	}
	c.log.Warn("cutting an unfinished write off the log", "file", path, "at", l.size, "bytes", size-l.size, "reason", torn)
	return c.undo(l)
}

// replay applies every batch of a file and returns the end of the last one.
func (c *Collection) replay(s *scanner, l *logFile) (end int64, err error) {
	end = fileHeaderSize
	var batch []replayed
	for {
		f, err := s.next()
		if errors.Is(err, io.EOF) {
			return end, nil
		}
		if err != nil {
			return end, err
		}
		if f.kind != frameCommit {
			op, err := decodeFrame(f, c.dims)
			if err != nil {
				return end, fmt.Errorf("%s at byte %d: %w", s.name, f.offset, err)
			}
			batch = append(batch, op)
			continue
		}
		for _, op := range batch {
			c.replayOne(op, l)
		}
		batch = batch[:0]
		c.sequence, end = f.sequence, s.at
	}
}

// replayed is a decoded frame.
type replayed struct {
	kind     frameKind
	id       string
	fields   map[string]index.FieldKind
	document *document
	metadata map[string]any
	vectors  []byte
	offset   int64
}

func decodeFrame(f frame, dims int) (replayed, error) {
	op := replayed{kind: f.kind, offset: f.offset}
	switch f.kind {
	case frameUpsert:
		u, err := decodeUpsert(f.payload, dims)
		if err != nil {
			return op, err
		}
		op.id, op.metadata, op.vectors = u.ID, u.Metadata, append([]byte(nil), u.vectors...)
		op.document = &document{
			id: u.ID, content: u.Content, sequence: f.sequence,
			frame: f.size(), part: u.document, lengths: make([]uint32, len(u.Passages)),
		}
	case frameDelete:
		op.id = string(f.payload)
	case frameFields:
		fields, err := decodeFields(f.payload)
		if err != nil {
			return op, err
		}
		op.fields = fields
	}
	return op, nil
}

// replayOne applies a frame; no reader is there yet.
func (c *Collection) replayOne(op replayed, l *logFile) {
	s := c.state
	var old *document
	switch op.kind {
	case frameFields:
		s.fields = mergeFields(s.fields, op.fields)
	case frameDelete:
		old = s.remove(op.id)
	case frameUpsert:
		op.document.place.Store(&location{l, op.offset})
		if slot, ok := s.sealed.find(op.document, op.vectors); ok {
			old = s.putAt(op.document, op.metadata, slot)
		} else {
			old = s.put(op.document, op.metadata, func(rows *vector.Rows) { addEncoded(rows, op.vectors) })
		}
		l.live += int64(op.document.frame)
	}
	if old != nil {
		old.place.Load().file.live -= int64(old.frame)
	}
}
