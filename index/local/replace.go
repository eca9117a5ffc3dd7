package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"semdex/index"
)

// replaceName is the file that says that one collection takes the place of
// another. Once it is durable that has happened; the folders follow, at the
// latest when the data folder is opened again.
const replaceName = "replace.json"

// replacement is what replaceName holds.
type replacement struct {
	Collection string `json:"collection"`
	With       string `json:"with"`
	ID         string `json:"id"` // of the collection With
}

// replaceFile is the envelope of a replacement.
type replaceFile struct {
	Format   int             `json:"format"`
	Checksum string          `json:"crc32c"` // of the bytes of Replace
	Replace  json.RawMessage `json:"replace"`
}

// Replace implements index.Engine.
func (e *Engine) Replace(ctx context.Context, name, with string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.usable(ctx); err != nil {
		return err
	}
	if name == with {
		return fmt.Errorf("%w: %q cannot replace itself", index.ErrCollectionExists, name)
	}
	for _, n := range []string{name, with} {
		if !e.names[n] {
			return fmt.Errorf("%w: %q", index.ErrCollectionNotFound, n)
		}
	}
	if err := e.aliases.CheckDrop(with); err != nil {
		return err
	}
	if err := e.replace(name, with); err != nil {
		return fmt.Errorf("replace collection %q by %q: %w", name, with, err)
	}
	return nil
}

func (e *Engine) replace(name, with string) error {
	if c := e.open[with]; c != nil { // it is opened again, under either name
		delete(e.open, with)
		if err := c.shut(index.ErrClosed); err != nil {
			return err
		}
	}
	m, err := readManifest(e.o.fsys, e.folder(folderPrefix, with))
	if err != nil {
		return err
	}
	r := &replacement{name, with, m.ID}
	if renamed, err := e.writeReplacement(r); err != nil && !renamed {
		return err
	}
	if c := e.open[name]; c != nil {
		delete(e.open, name)
		if err := c.shut(fmt.Errorf("%w: %q", index.ErrReplaced, name)); err != nil {
			e.o.Logger.Warn("closing a replaced collection", "collection", name, "error", err)
		}
	}
	delete(e.names, with)
	e.replacing = r
	return e.finishReplacement()
}

func (e *Engine) writeReplacement(r *replacement) (renamed bool, err error) {
	body, err := json.Marshal(r)
	if err != nil {
		return false, err
	}
	b, err := json.Marshal(replaceFile{formatVersion, fmt.Sprintf("%08x", checksum(body)), body})
	if err != nil {
		return false, err
	}
	return writeFile(e.o.fsys, filepath.Join(e.dir, replaceName), append(b, '\n'))
}

// loadReplacement finishes what a crash has interrupted; the collections are
// not listed yet.
func (e *Engine) loadReplacement() error {
	name := filepath.Join(e.dir, replaceName)
	b, err := e.o.fsys.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", replaceName, err)
	}
	r, err := decodeReplacement(b)
	if errors.Is(err, index.ErrCorrupt) { // both collections are still there, or the new one
		e.o.Logger.Error("a replacement cannot be read, and is put aside", "file", name, "error", err)
		return e.o.fsys.Rename(name, name+".damaged")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	e.replacing = r
	return e.finishReplacement()
}

func decodeReplacement(b []byte) (*replacement, error) {
	var f replaceFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("%w: %w", index.ErrCorrupt, err)
	}
	if f.Format > formatVersion {
		return nil, newerFormat(f.Format)
	}
	r := new(replacement)
	if f.Format < 1 || f.Checksum != fmt.Sprintf("%08x", checksum(f.Replace)) || json.Unmarshal(f.Replace, r) != nil ||
		index.CheckName(r.Collection) != nil || index.CheckName(r.With) != nil {
		return nil, fmt.Errorf("%w: the checksum does not match", index.ErrCorrupt)
	}
	return r, nil
}

// finishReplacement moves the folders. It can be called again after an error:
// each step is done or not, and the collection's id tells the new from the old.
func (e *Engine) finishReplacement() error {
	r, fsys := e.replacing, e.o.fsys
	place, with, gone := e.folder(folderPrefix, r.Collection), e.folder(folderPrefix, r.With), e.folder(oldPrefix, r.Collection)
	if !e.holds(place, r.ID) {
		if !e.holds(with, r.ID) {
			return fmt.Errorf("%w: neither %q nor %q is the new collection", index.ErrCorrupt, r.Collection, r.With)
		}
		if err := fsys.RemoveAll(gone); err != nil {
			return err
		}
		if err := ignoreMissing(fsys.Rename(place, gone)); err != nil {
			return err
		}
		if err := fsys.SyncDir(filepath.Dir(place)); err != nil {
			return err
		}
		if err := fsys.Rename(with, place); err != nil {
			return err
		}
	}
	if err := fsys.RemoveAll(with); err != nil { // an empty folder, if anything
		return err
	}
	if err := fsys.SyncDir(filepath.Dir(place)); err != nil {
		return err
	}
	if err := ignoreMissing(fsys.Remove(filepath.Join(e.dir, replaceName))); err != nil {
		return err
	}
	if err := fsys.SyncDir(e.dir); err != nil {
		return err
	}
	e.replacing = nil
	if err := fsys.RemoveAll(gone); err != nil {
		e.o.Logger.Warn("removing a replaced collection; it is tried again when the data folder is opened", "collection", r.Collection, "error", err)
	}
	return nil
}

// holds reports whether a folder is that of a collection.
func (e *Engine) holds(dir, id string) bool {
	m, err := readManifest(e.o.fsys, dir)
	return err == nil && m.ID == id
}

// Changed implements index.Collection.
func (c *Collection) Changed(ctx context.Context, after uint64) (ids []string, sequence uint64, err error) {
	if err := c.enter(ctx); err != nil {
		return nil, 0, err
	}
	defer c.leave()
	v, _, err := c.snapshot(nil)
	if err != nil {
		return nil, 0, err
	}
	sequence = after
	for n := len(v.docs) - 1; n >= 0 && v.docs[n].sequence > after; n-- {
		sequence = max(sequence, v.docs[n].sequence)
		if v.live.Contains(uint32(n)) {
			ids = append(ids, v.docs[n].id)
		}
	}
	return ids, sequence, nil
}
