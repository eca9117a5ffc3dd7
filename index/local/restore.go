package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"

	"semdex/index"
)

// Restore makes a collection of a backup, under its old name if name is empty.
// All checksums of the backup are verified before anything is written, and
// again while it is copied. The collection is there whole or not at all,
// whatever happens; what is derived is made anew when it is opened.
//
// Errors: ErrBackup, index.ErrNewerFormat, index.ErrCollectionExists,
// index.ErrInvalidName.
func (e *Engine) Restore(ctx context.Context, dir, name string, o BackupOptions) (index.Info, error) {
	o.fsys = e.o.fsys
	o = o.withDefaults()
	b, err := readBackup(o.fsys, dir)
	if err != nil {
		return index.Info{}, err
	}
	if name == "" {
		name = b.Collection
	}
	if err := e.restorable(ctx, name); err != nil {
		return index.Info{}, err
	}
	if _, err := readBackupManifest(o.fsys, dir, b); err != nil {
		return index.Info{}, err
	}
	var done int64
	advance := func(n int) { done += int64(n); o.Progress(done, 2*b.Bytes()) }
	for _, f := range b.Files {
		if err := o.verifyFile(ctx, dir, f, advance); err != nil {
			return index.Info{}, err
		}
	}
	temp, err := e.copyBackup(ctx, dir, b, advance)
	if err == nil {
		err = e.adoptFolder(ctx, temp, name)
	}
	if err != nil {
		if temp != "" {
			err = errors.Join(err, o.fsys.RemoveAll(temp))
		}
		return index.Info{}, fmt.Errorf("restore %q: %w", name, err)
	}
	c, err := e.Open(ctx, name)
	if err != nil {
		return index.Info{}, err
	}
	return c.Info(ctx)
}

// restorable reports why a collection cannot have that name.
func (e *Engine) restorable(ctx context.Context, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.free(ctx, name)
}

// free is restorable with mu held.
func (e *Engine) free(ctx context.Context, name string) error {
	if err := e.usable(ctx); err != nil {
		return err
	}
	if err := index.CheckName(name); err != nil {
		return err
	}
	if e.names[name] {
		return fmt.Errorf("%w: %q", index.ErrCollectionExists, name)
	}
	return e.aliases.CheckCreate(name)
}

// copyBackup copies the files into a folder that a crash leaves to be removed.
func (e *Engine) copyBackup(ctx context.Context, dir string, b *Backup, advance func(int)) (temp string, err error) {
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return "", err
	}
	fsys := e.o.fsys
	temp = e.folder(newPrefix, "restore-"+hex.EncodeToString(id[:]))
	if err := fsys.Mkdir(temp); err != nil {
		return "", err
	}
	for _, f := range b.Files {
		from, err := fsys.Open(filepath.Join(dir, f.Name))
		if err != nil {
			return temp, err
		}
		sum, err := copyFile(ctx, fsys, from, f.Bytes, filepath.Join(temp, f.Name), advance)
		if err = errors.Join(err, from.Close()); err != nil {
			return temp, err
		}
		if fmt.Sprintf("%08x", sum) != f.Checksum {
			return temp, fmt.Errorf("%w: %s has changed while it was copied", ErrBackup, f.Name)
		}
	}
	return temp, fsys.SyncDir(temp)
}

// adoptFolder makes a whole folder a collection.
func (e *Engine) adoptFolder(ctx context.Context, temp, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.free(ctx, name); err != nil {
		return err
	}
	fsys, folder := e.o.fsys, e.folder(folderPrefix, name)
	if err := fsys.Rename(temp, folder); err != nil {
		return err
	}
	err := fsys.SyncDir(filepath.Dir(folder))
	if err == nil {
		e.names[name] = true
		_, err = e.get(name)
	}
	if err != nil {
		delete(e.names, name)
		return errors.Join(err, fsys.RemoveAll(folder))
	}
	return nil
}
