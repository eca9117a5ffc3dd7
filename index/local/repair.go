package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"semdex/index"
)

// AliasesReport is what a Repaired about the aliases has for a collection.
const AliasesReport = aliasesName

// Repaired is a report with what was done before it.
type Repaired struct {
	index.Report          // as it is now
	Done         []string `json:"repaired,omitempty"`
}

// Repair checks a collection and makes anew what can be made anew: the keyword
// leg and the graph of vectors, which are derived from the log. The log itself
// is the only copy of what it holds: where that is damaged nothing is touched,
// and the report says so. What a crash leaves of an unfinished write needs no
// repair, for opening a collection cuts it off.
//
// A call of the collection that is under way is waited for; others may get
// index.ErrClosed while it is repaired.
func (e *Engine) Repair(ctx context.Context, name string) (Repaired, error) {
	r, err := e.check(ctx, name)
	if err != nil || len(r.Problems) == 0 {
		return Repaired{Report: r}, err
	}
	if err := e.removeDerived(ctx, name); err != nil {
		if ctx.Err() != nil || !errors.Is(err, index.ErrCorrupt) {
			return Repaired{Report: r}, err
		}
		r.Problems = append(r.Problems, fmt.Sprintf("the log is damaged, and there is no other copy of it here, so nothing was changed: %v", err))
		return Repaired{Report: r}, nil
	}
	r, err = e.check(ctx, name)
	return Repaired{r, []string{"the keyword leg and the graph of vectors were removed, to be made anew from the log, all of which is sound"}}, err
}

// check is Collection.Check; a collection that cannot be opened gives a report
// with the reason.
func (e *Engine) check(ctx context.Context, name string) (index.Report, error) {
	c, err := e.Open(ctx, name)
	if errors.Is(err, index.ErrCorrupt) {
		return index.Report{Collection: name, Problems: []string{err.Error()}}, nil
	}
	if err != nil {
		return index.Report{}, err
	}
	return c.Check(ctx)
}

// removeDerived closes a collection and removes what is derived from its log;
// index.ErrCorrupt if the log is damaged.
func (e *Engine) removeDerived(ctx context.Context, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.usable(ctx); err != nil {
		return err
	}
	name = e.aliases.Resolve(name)
	dir := e.folder(folderPrefix, name)
	if c := e.open[name]; c != nil {
		delete(e.open, name)
		if err := c.shut(fmt.Errorf("%w: %q is being repaired", index.ErrClosed, name)); err != nil {
			return fmt.Errorf("close %q: %w", name, err)
		}
	}
	if err := verifyLogs(ctx, e.o.fsys, dir); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(dir, textName)); err != nil {
		return fmt.Errorf("remove the keyword leg: %w", err)
	}
	if err := e.o.fsys.Remove(filepath.Join(dir, sealedName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the graph: %w", err)
	}
	return e.o.fsys.SyncDir(dir)
}

// verifyLogs reads all log files of a collection that is closed. Only the end
// of the last may be an unfinished write.
func verifyLogs(ctx context.Context, fsys fileSystem, dir string) error {
	m, err := readManifest(fsys, dir)
	if err != nil {
		return err
	}
	var last uint64
	for i, want := range m.Files {
		if last, err = verifyLog(ctx, fsys, dir, m, want, last, i == len(m.Files)-1); err != nil {
			return err
		}
	}
	return nil
}

func verifyLog(ctx context.Context, fsys fileSystem, dir string, m *manifest, want manifestFile, before uint64, isLast bool) (last uint64, err error) {
	path := filepath.Join(dir, logName(want.Number))
	f, err := fsys.Open(path)
	if err != nil {
		return 0, fmt.Errorf("%w: open log: %w", index.ErrCorrupt, err)
	}
	defer func() { _ = f.Close() }()
	size, err := f.Size()
	if err != nil {
		return 0, fmt.Errorf("open log: %w", err)
	}
	if size < want.Bytes || size > want.Bytes && !isLast {
		return 0, fmt.Errorf("%w: %s has %d bytes, the manifest says %d", index.ErrCorrupt, path, size, want.Bytes)
	}
	end, last, err := readLog(ctx, f, path, size, want.Number, m.id(), before)
	var torn *tornError
	if errors.As(err, &torn) {
		if err = nil; !isLast || end < want.Bytes {
			err = fmt.Errorf("%w: %s: %w", index.ErrCorrupt, path, torn)
		}
	}
	return last, err
}

// RepairAliases reports on the file of aliases; one that cannot be read is put
// aside if repair is true, so that aliases can be made again.
func (e *Engine) RepairAliases(repair bool) (Repaired, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := Repaired{Report: index.Report{Collection: AliasesReport}}
	if e.aliasesLost == nil {
		return r, nil
	}
	if !repair {
		r.Problems = []string{e.aliasesLost.Error()}
		return r, nil
	}
	name := filepath.Join(e.dir, aliasesName)
	if err := e.o.fsys.Rename(name, name+".damaged"); err != nil {
		return r, fmt.Errorf("put the aliases aside: %w", err)
	}
	if err := e.o.fsys.SyncDir(e.dir); err != nil {
		return r, fmt.Errorf("put the aliases aside: %w", err)
	}
	e.aliasesLost = nil
	r.Done = []string{"it could not be read and is now " + aliasesName + ".damaged; there are no aliases any more, make them again"}
	return r, nil
}
