package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"semdex/index"
)

// logFile is one file of a collection's log. Readers hold it while they read,
// so that compaction can retire it under them.
type logFile struct {
	number uint32
	path   string
	fsys   fileSystem
	f      file

	// size is the end of the last durable batch, live the bytes of frames
	// whose documents are current; both belong to the writer.
	size int64
	live int64

	mu      sync.Mutex
	readers int
	retired bool // remove it when the last reader is done
}

// createLog makes a new, durable, empty log file in a collection's folder.
func createLog(fsys fileSystem, dir string, number uint32, id collectionID) (*logFile, error) {
	path := filepath.Join(dir, logName(number))
	f, err := fsys.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create log: %w", err)
	}
	l := &logFile{number: number, path: path, fsys: fsys, f: f, size: fileHeaderSize}
	_, err = f.WriteAt(appendFileHeader(nil, number, id), 0)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = fsys.SyncDir(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("create log %s: %w", path, errors.Join(err, f.Close(), fsys.Remove(path)))
	}
	return l, nil
}

// acquire keeps the file readable until release; false if it is gone.
func (l *logFile) acquire() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.retired && l.readers == 0 {
		return false
	}
	l.readers++
	return true
}

func (l *logFile) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readers--
	l.remove()
}

// retire removes the file as soon as nobody reads it. What cannot be removed
// is removed when the collection is opened again.
func (l *logFile) retire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retired = true
	l.remove()
}

func (l *logFile) remove() {
	if l.retired && l.readers == 0 && l.f != nil {
		_ = l.f.Close()
		_ = l.fsys.Remove(l.path)
		l.f = nil
	}
}

func (l *logFile) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return err
}

// location is where a document's frame stands.
type location struct {
	file   *logFile
	offset int64
}

// readDocument reads the document part of an upsert frame.
func (l location) readDocument(length int) (index.Record, error) {
	b := make([]byte, documentHeaderSize+length)
	if _, err := l.file.f.ReadAt(b, l.offset+frameHeaderSize); err != nil {
		return index.Record{}, fmt.Errorf("read %s: %w", l, err)
	}
	if binary.LittleEndian.Uint32(b) != uint32(length) {
		return index.Record{}, fmt.Errorf("%s: %w", l, errPayload)
	}
	r, err := decodeDocument(b[documentHeaderSize:], binary.LittleEndian.Uint32(b[4:]))
	if err != nil {
		return r, fmt.Errorf("%s: %w", l, err)
	}
	return r, nil
}

// readFrame reads a whole frame and checks it.
func (l location) readFrame(size int, sequence uint64) ([]byte, error) {
	b := make([]byte, size)
	if _, err := l.file.f.ReadAt(b, l.offset); err != nil {
		return nil, fmt.Errorf("read %s: %w", l, err)
	}
	h, ok := parseFrameHeader(b)
	if !ok || h.sequence != sequence || int(h.length) != size-frameHeaderSize || checksum(b[frameHeaderSize:]) != h.checksum {
		return nil, fmt.Errorf("%w: %s: the frame has changed", index.ErrCorrupt, l)
	}
	return b, nil
}

func (l location) String() string {
	return fmt.Sprintf("%s at byte %d", l.file.path, l.offset)
}
