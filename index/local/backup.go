package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"semdex/index"
)

// A backup is a folder with copies of a collection's log files, cut at the end
// of one batch, a manifest that names them, and backup.json, which is written
// last and holds the sizes and checksums of them all. What is derived from the
// log is not in it.
const backupName = "backup.json"

// ErrBackup marks a folder that is no backup, or not a whole one.
var ErrBackup = errors.New("not a whole backup")

// Backup describes a backup.
type Backup struct {
	Collection string       `json:"collection"`
	Created    time.Time    `json:"created"` // when the backup was begun
	Sequence   uint64       `json:"sequence"`
	Files      []BackupFile `json:"files"`
}

// BackupFile is a file of a backup.
type BackupFile struct {
	Name     string `json:"name"`
	Bytes    int64  `json:"bytes"`
	Checksum string `json:"crc32c"`
}

// Bytes is the size of all files.
func (b *Backup) Bytes() (n int64) {
	for _, f := range b.Files {
		n += f.Bytes
	}
	return n
}

// BackupOptions are for Backup and Restore; the zero value will do.
type BackupOptions struct {
	// Progress is told, from the calling goroutine, how much is done.
	Progress func(done, total int64)

	fsys fileSystem // the real one if nil
}

func (o BackupOptions) withDefaults() BackupOptions {
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	if o.fsys == nil {
		o.fsys = osFS{}
	}
	return o
}

// backupAttempts is how often a backup is tried anew when the writer changes
// files under it.
const backupAttempts = 3

// WriteBackup copies a collection, or what an alias leads to, into the folder
// dest, which must be empty or not there. It needs no engine and takes no lock:
// the folder may be in use by this process or another, and writes go on. The
// backup holds every write that was acknowledged before the call, and of those
// that come meanwhile the first few, in order; the last of them may be one
// whose acknowledgement was still under way.
//
// Log files only grow, and compaction removes them; so once all files of a
// manifest are open, they are a whole state, whatever happens to their names.
//
// Every checksum of the log is verified: index.ErrCorrupt for a collection that
// is damaged. After an error nothing of the backup is left.
func WriteBackup(ctx context.Context, dataDir, collection, dest string, o BackupOptions) (*Backup, error) {
	o = o.withDefaults()
	if err := index.CheckName(collection); err != nil {
		return nil, err
	}
	aliases, err := readAliases(o.fsys, dataDir)
	if err != nil && !errors.Is(err, index.ErrCorrupt) {
		return nil, err
	}
	collection = aliases.Resolve(collection)
	w := &backupWriter{o: o, dir: filepath.Join(dataDir, collectionsName, folderPrefix+collection), dest: dest}
	if err := w.makeFolder(); err != nil {
		return nil, fmt.Errorf("back up %q: %w", collection, err)
	}
	var b *Backup
	for range backupAttempts {
		b = &Backup{Collection: collection, Created: time.Now().UTC()}
		if err = w.write(ctx, b); err == nil {
			return b, nil
		}
		err = errors.Join(err, w.removeFiles(b))
		if !errors.Is(err, index.ErrCorrupt) { // a file that has gone is damage, too
			break
		}
	}
	if w.made {
		err = errors.Join(err, o.fsys.RemoveAll(dest))
	}
	return nil, fmt.Errorf("back up %q: %w", collection, err)
}

type backupWriter struct {
	o         BackupOptions
	dir, dest string
	made      bool // dest was made
	done, all int64
	least     int64 // of the last file that no crash may take
}

// makeFolder makes dest unless it is there and empty.
func (w *backupWriter) makeFolder() error {
	if _, err := w.o.fsys.ReadFile(filepath.Join(w.dir, manifestName)); errors.Is(err, fs.ErrNotExist) {
		return index.ErrCollectionNotFound
	}
	err := w.o.fsys.Mkdir(w.dest)
	if !errors.Is(err, fs.ErrExist) {
		w.made = err == nil
		return err
	}
	names, err := w.o.fsys.ReadDir(w.dest)
	if err == nil && len(names) > 0 {
		err = fmt.Errorf("%s is not empty, it holds %q", w.dest, names[0])
	}
	return err
}

func (w *backupWriter) removeFiles(b *Backup) error {
	errs := []error{ignoreMissing(w.o.fsys.Remove(filepath.Join(w.dest, backupName)))}
	for _, f := range b.Files {
		errs = append(errs, ignoreMissing(w.o.fsys.Remove(filepath.Join(w.dest, f.Name))))
	}
	return errors.Join(errs...)
}

// write makes the backup.
func (w *backupWriter) write(ctx context.Context, b *Backup) error {
	m, err := readManifest(w.o.fsys, w.dir)
	if err != nil {
		return err
	}
	files, err := w.openFiles(m)
	defer func() {
		for _, f := range files {
			_ = f.Close() // read only
		}
	}()
	if err != nil {
		return err
	}
	var last uint64
	for i, f := range files {
		if last, err = w.copyLog(ctx, b, m, i, f, last); err != nil {
			return err
		}
	}
	m.Sequence = max(m.Sequence, last)
	b.Sequence = m.Sequence
	body, err := encodeManifest(m)
	if err != nil {
		return err
	}
	b.Files = append(b.Files, BackupFile{manifestName, int64(len(body)), fmt.Sprintf("%08x", checksum(body))})
	if err := createFile(w.o.fsys, filepath.Join(w.dest, manifestName), body); err != nil {
		return err
	}
	if err := w.o.fsys.SyncDir(w.dest); err != nil { // before backup.json says that they are there
		return err
	}
	if body, err = encodeBackup(b); err != nil {
		return err
	}
	if _, err := writeFile(w.o.fsys, filepath.Join(w.dest, backupName), body); err != nil {
		return err
	}
	return w.o.fsys.SyncDir(filepath.Dir(filepath.Clean(w.dest)))
}

// openFiles opens all log files of a manifest, and adds up their sizes.
func (w *backupWriter) openFiles(m *manifest) (files []file, err error) {
	w.done, w.all = 0, 0
	for i, want := range m.Files {
		f, err := w.o.fsys.Open(filepath.Join(w.dir, logName(want.Number)))
		if err != nil {
			return files, fmt.Errorf("%w: open log: %w", index.ErrCorrupt, err)
		}
		files = append(files, f)
		size, err := f.Size()
		if err != nil {
			return files, fmt.Errorf("open log: %w", err)
		}
		last := i == len(m.Files)-1
		if size < want.Bytes || size > want.Bytes && !last {
			return files, fmt.Errorf("%w: %s has %d bytes, the manifest says %d", index.ErrCorrupt, logName(want.Number), size, want.Bytes)
		}
		w.all += size
		if last {
			w.least = want.Bytes
			m.Files[i].Bytes = size // as it is now, unless a batch is under way
		}
	}
	return files, nil
}

// copyLog copies a log file up to the end of its last batch and notes it in
// both manifests.
func (w *backupWriter) copyLog(ctx context.Context, b *Backup, m *manifest, i int, f file, before uint64) (last uint64, err error) {
	want := &m.Files[i]
	name := logName(want.Number)
	if i == len(m.Files)-1 {
		var torn *tornError
		end, _, err := readLog(ctx, f, name, want.Bytes, want.Number, m.id(), before)
		if err != nil && !errors.As(err, &torn) {
			return 0, err
		}
		if end < w.least {
			return 0, fmt.Errorf("%w: %s: %w", index.ErrCorrupt, name, torn)
		}
		want.Bytes = end
	}
	b.Files = append(b.Files, BackupFile{Name: name, Bytes: want.Bytes})
	path := filepath.Join(w.dest, name)
	sum, err := copyFile(ctx, w.o.fsys, f, want.Bytes, path, w.advance)
	if err != nil {
		return 0, err
	}
	b.Files[len(b.Files)-1].Checksum = fmt.Sprintf("%08x", sum)
	copied, err := w.o.fsys.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = copied.Close() }()
	_, last, err = readLog(ctx, copied, name, want.Bytes, want.Number, m.id(), before)
	if torn := (*tornError)(nil); errors.As(err, &torn) {
		err = fmt.Errorf("%w: %s: %w", index.ErrCorrupt, name, torn)
	}
	return last, err
}

func (w *backupWriter) advance(n int) {
	w.done += int64(n)
	w.o.Progress(w.done, max(w.all, w.done))
}

// readLog reads a log file of some size and verifies all of it. It returns the
// end of the last batch and the sequence there; with *tornError, too.
func readLog(ctx context.Context, f file, name string, size int64, number uint32, id collectionID, before uint64) (end int64, last uint64, err error) {
	s, err := newScanner(f, name, size, number, id, before)
	if err != nil {
		return 0, before, err
	}
	end, last = fileHeaderSize, before
	for {
		f, err := s.next()
		if errors.Is(err, io.EOF) {
			return end, last, nil
		}
		if err != nil {
			return end, last, err
		}
		if f.kind != frameCommit {
			continue
		}
		end, last = s.at, f.sequence
		if err := ctx.Err(); err != nil {
			return end, last, err
		}
	}
}
