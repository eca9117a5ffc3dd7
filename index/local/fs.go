package local

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// fileSystem is what the log needs of a file system, so that tests can make
// any step of it fail. The text leg's files are bleve's own.
type fileSystem interface {
	// Create makes a file for reading and writing that must not exist yet.
	Create(name string) (file, error)
	// OpenWrite opens an existing file for reading and writing.
	OpenWrite(name string) (file, error)
	// Open opens a file for reading.
	Open(name string) (file, error)
	ReadFile(name string) ([]byte, error)
	// ReadDir returns the names in a folder, sorted.
	ReadDir(name string) ([]string, error)
	Mkdir(name string) error
	Rename(from, to string) error
	Remove(name string) error
	RemoveAll(name string) error
	// SyncDir makes the folder's entries durable.
	SyncDir(name string) error
}

type file interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Size() (int64, error)
	Close() error
}

// osFS is the real file system.
type osFS struct{}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func openFile(name string, flag int) (file, error) {
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Create(name string) (file, error) {
	return openFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}
func (osFS) OpenWrite(name string) (file, error)  { return openFile(name, os.O_RDWR) }
func (osFS) Open(name string) (file, error)       { return openFile(name, os.O_RDONLY) }
func (osFS) ReadFile(name string) ([]byte, error) { return os.ReadFile(name) }
func (osFS) Mkdir(name string) error              { return os.Mkdir(name, 0o700) }
func (osFS) Rename(from, to string) error         { return os.Rename(from, to) }
func (osFS) Remove(name string) error             { return os.Remove(name) }
func (osFS) RemoveAll(name string) error          { return os.RemoveAll(name) }
func (osFS) SyncDir(name string) error            { return syncDir(name) }

func (osFS) ReadDir(name string) ([]string, error) {
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// writeFile replaces a file so that after a crash the old or the new content
// is there, whole. When renamed is true and err is not nil, which of the two
// survives a crash is not known.
func writeFile(fsys fileSystem, name string, data []byte) (renamed bool, err error) {
	temp := name + ".tmp"
	if err := fsys.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err := createFile(fsys, temp, data); err != nil {
		return false, errors.Join(err, ignoreMissing(fsys.Remove(temp)))
	}
	if err := fsys.Rename(temp, name); err != nil {
		return false, errors.Join(err, ignoreMissing(fsys.Remove(temp)))
	}
	return true, fsys.SyncDir(filepath.Dir(name))
}

// createFile makes a new file with durable content; its name is not durable
// before its folder is.
func createFile(fsys fileSystem, name string, data []byte) error {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// folderSize adds up the files below a folder; files that vanish meanwhile do
// not count.
func folderSize(name string) int64 {
	var size int64
	_ = filepath.WalkDir(name, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			size += info.Size()
		}
		return nil
	})
	return size
}
