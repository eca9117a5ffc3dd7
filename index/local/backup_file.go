package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"semdex/index"
)

// backupEnvelope is the file around a Backup.
type backupEnvelope struct {
	Format   int             `json:"format"`
	Checksum string          `json:"crc32c"` // of the bytes of Backup
	Backup   json.RawMessage `json:"backup"`
}

func encodeBackup(b *Backup) ([]byte, error) {
	body, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("encode backup: %w", err)
	}
	out, err := json.MarshalIndent(backupEnvelope{baseVersion, fmt.Sprintf("%08x", checksum(body)), body}, "", "  ")
	return append(out, '\n'), err
}

// readBackup reads backup.json.
func readBackup(fsys fileSystem, dir string) (*Backup, error) {
	raw, err := fsys.ReadFile(filepath.Join(dir, backupName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s has no %s; it is something else, or the backup did not end", ErrBackup, dir, backupName)
	}
	if err != nil {
		return nil, fmt.Errorf("read backup: %w", err)
	}
	var e backupEnvelope
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrBackup, backupName, err)
	}
	if e.Format > formatVersion {
		return nil, fmt.Errorf("%s: %w", dir, newerFormat(e.Format))
	}
	b := new(Backup)
	if err := json.Unmarshal(e.Backup, b); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrBackup, backupName, err)
	}
	body, err := json.Marshal(b) // the file is indented for people
	if err != nil || e.Format < 1 || e.Checksum != fmt.Sprintf("%08x", checksum(body)) {
		return nil, fmt.Errorf("%w: the checksum of %s does not match", ErrBackup, backupName)
	}
	return b, nil
}

// readBackupManifest reads the manifest of a backup and holds its files against
// those of the backup, so that no other file is read or written.
func readBackupManifest(fsys fileSystem, dir string, b *Backup) (*manifest, error) {
	m, err := readManifest(fsys, dir)
	if errors.Is(err, index.ErrNewerFormat) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBackup, err)
	}
	var want []string
	for _, f := range m.Files {
		want = append(want, logName(f.Number))
	}
	var have []string
	for _, f := range b.Files {
		have = append(have, f.Name)
	}
	if !slices.Equal(have, append(want, manifestName)) {
		return nil, fmt.Errorf("%w: it has the files %q, its manifest names %q", ErrBackup, have, want)
	}
	return m, nil
}

// verifyFile holds a file against its size and checksum.
func (o BackupOptions) verifyFile(ctx context.Context, dir string, want BackupFile, advance func(int)) error {
	f, err := o.fsys.Open(filepath.Join(dir, want.Name))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBackup, err)
	}
	defer func() { _ = f.Close() }()
	size, err := f.Size()
	if err != nil {
		return fmt.Errorf("read backup: %w", err)
	}
	if size != want.Bytes {
		return fmt.Errorf("%w: %s has %d bytes, not %d", ErrBackup, want.Name, size, want.Bytes)
	}
	sum, err := eachBlock(ctx, f, want.Bytes, func(b []byte, _ int64) error {
		advance(len(b))
		return nil
	})
	if err == nil && fmt.Sprintf("%08x", sum) != want.Checksum {
		err = fmt.Errorf("%w: the checksum of %s does not match", ErrBackup, want.Name)
	}
	return err
}

// copyFile makes a durable copy of the first size bytes of a file, and returns
// their checksum.
func copyFile(ctx context.Context, fsys fileSystem, from file, size int64, to string, advance func(int)) (sum uint32, err error) {
	out, err := fsys.Create(to)
	if err != nil {
		return 0, err
	}
	sum, err = eachBlock(ctx, from, size, func(b []byte, at int64) error {
		advance(len(b))
		_, err := out.WriteAt(b, at)
		return err
	})
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		err = fmt.Errorf("copy to %s: %w", to, err)
	}
	return sum, err
}

const copyBlock = 1 << 20

// eachBlock reads the first size bytes of a file and returns their checksum.
func eachBlock(ctx context.Context, f file, size int64, each func(b []byte, at int64) error) (sum uint32, err error) {
	buf := make([]byte, min(size, copyBlock))
	for at := int64(0); at < size; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		b := buf[:min(size-at, copyBlock)]
		if n, err := f.ReadAt(b, at); n < len(b) {
			if errors.Is(err, io.EOF) { // it was cut meanwhile
				err = fmt.Errorf("%w: %w", index.ErrCorrupt, io.ErrUnexpectedEOF)
			}
			return 0, err
		}
		sum = crc32.Update(sum, castagnoli, b)
		if err := each(b, at); err != nil {
			return 0, err
		}
		at += int64(len(b))
	}
	return sum, nil
}
