// Package local is the embedded engine: collections in a data folder of one
// machine, opened by one process. Open gives an index.Engine.
//
// A collection is an append-only log of documents with their vectors, which is
// both journal and store, and two legs made from it: vectors in memory, and an
// inverted index that is brought forward from the log when it is behind. A
// write is acknowledged when the log is on disk and both legs show it.
package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	bleveindex "github.com/blevesearch/bleve_index_api"

	"semdex/index"
	"semdex/index/local/analysis"
	"semdex/internal/kernel"
)

// Options of an engine; the zero value is sound.
type Options struct {
	// Logger hears of what was repaired or failed in the background;
	// slog.Default() if nil.
	Logger *slog.Logger
	// FileBytes is the size at which a log file is closed and the next one
	// begun; 64 MiB if 0.
	FileBytes int64
	// CompactBytes is how much of the log must be dead before compaction
	// considers it; 4 MiB if 0.
	CompactBytes int64
	// CompactPassages is the same for vectors in memory, in passages; 4096 if 0.
	CompactPassages int
	// Vectors chooses how vectors are searched where a collection's settings leave
	// it at index.VectorsAuto.
	Vectors index.Vectors
	// GraphPassages is the number of passages from which a graph is built, in
	// the background, and added to in steps of no less; 20,000 if 0.
	GraphPassages int
	// TextPassages is the number of passages that the keyword leg keeps in memory
	// before it writes them to its files, together; four times as many gather
	// while it does, at most. 2048 if 0.
	TextPassages int
	// Quiet is the time without writes after which a graph takes in passages that
	// are still too few to be a step; 10 s if 0.
	Quiet time.Duration
	// LoadBytes is how much memory vectors take that wait for a graph because of a
	// bulk load (index.Loads), in each collection, before one is built all the same:
	// 5 bytes a value. More may come meanwhile. 1.5 GiB if 0.
	LoadBytes int64
	// GraphWorkers is the number of goroutines that build a graph; half of
	// GOMAXPROCS if 0, for searches go on.
	GraphWorkers int

	fsys fileSystem // the real one if nil
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.FileBytes == 0 {
		o.FileBytes = 64 << 20
	}
	if o.CompactBytes == 0 {
		o.CompactBytes = 4 << 20
	}
	if o.CompactPassages == 0 {
		o.CompactPassages = 4096
	}
	if o.GraphPassages == 0 {
		o.GraphPassages = 20_000
	}
	if o.TextPassages == 0 {
		o.TextPassages = 2048
	}
	if o.Quiet == 0 {
		o.Quiet = 10 * time.Second
	}
	if o.LoadBytes == 0 {
		o.LoadBytes = 3 << 29
	}
	if o.GraphWorkers == 0 {
		o.GraphWorkers = max(1, runtime.GOMAXPROCS(0)/2)
	}
	if o.fsys == nil {
		o.fsys = osFS{}
	}
	return o
}

// Engine is an index.Engine over a data folder.
type Engine struct {
	dir   string
	o     Options
	lock  *os.File
	level kernel.Level
	queue *bleveindex.AnalysisQueue

	mu      sync.Mutex // also held while a collection is opened, made or dropped
	closed  bool
	open    map[string]*Collection
	names   map[string]bool
	aliases index.AliasTable
	// aliasesLost is why the file of aliases cannot be read; they are none then,
	// and none can be made.
	aliasesLost error
	// replacing is a replacement that has happened and whose folders are still to
	// be moved; nil if there is none.
	replacing *replacement
}

var (
	_ index.Engine     = (*Engine)(nil)
	_ index.Collection = (*Collection)(nil)
)

// Open opens a data folder, which it makes if there is none. Only one engine
// can have a folder open. Collections are opened when they are first used, so
// one that is damaged does not keep others from their users.
//
// Errors: index.ErrLocked, index.ErrNewerFormat, index.ErrCorrupt.
func Open(dir string, options Options) (*Engine, error) {
	o := options.withDefaults()
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open data folder: %w", err)
	}
	if err := o.Vectors.Check(); err != nil {
		return nil, err
	}
	level, err := kernel.Choose(os.Getenv(kernel.EnvLevel))
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s is not a data folder but a file", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open data folder: %w", err)
	}
	if err := refuseStranger(o.fsys, dir); err != nil { // before the lock leaves a file in it
		return nil, err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	e := &Engine{dir: dir, o: o, lock: lock, level: level, open: make(map[string]*Collection), names: make(map[string]bool)}
	if err := e.load(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	e.queue = bleveindex.NewAnalysisQueue(runtime.GOMAXPROCS(0))
	return e, nil
}

func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	held, err := lockFile(f)
	if held {
		err = fmt.Errorf("%w: %s", index.ErrLocked, dir)
	} else if err != nil {
		err = fmt.Errorf("lock data folder %s: %w", dir, err)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// load checks the format and lists the collections; what was never finished is
// removed.
func (e *Engine) load() error {
	if err := checkFormat(e.o.fsys, e.dir); err != nil {
		return err
	}
	if err := e.loadReplacement(); err != nil {
		return err
	}
	root := filepath.Join(e.dir, collectionsName)
	found, err := e.o.fsys.ReadDir(root)
	if err != nil {
		return fmt.Errorf("list collections: %w", err)
	}
	for _, f := range found {
		if name, ok := strings.CutPrefix(f, folderPrefix); ok && index.CheckName(name) == nil {
			e.names[name] = true
		} else if strings.HasPrefix(f, newPrefix) || strings.HasPrefix(f, oldPrefix) {
			e.o.Logger.Info("removing what an interrupted create or drop left", "folder", f)
			if err := e.o.fsys.RemoveAll(filepath.Join(root, f)); err != nil {
				return fmt.Errorf("remove leftover: %w", err)
			}
		}
	}
	return e.loadAliases()
}

func (e *Engine) folder(prefix, name string) string {
	return filepath.Join(e.dir, collectionsName, prefix+name)
}

// usable is called with mu held.
func (e *Engine) usable(ctx context.Context) error {
	if e.closed {
		return index.ErrClosed
	}
	if e.replacing != nil { // an error has interrupted it
		if err := e.finishReplacement(); err != nil {
			return fmt.Errorf("replace collection %q: %w", e.replacing.Collection, err)
		}
	}
	return ctx.Err()
}

// Create implements index.Engine.
func (e *Engine) Create(ctx context.Context, name string, s index.Settings) (index.Collection, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.usable(ctx); err != nil {
		return nil, err
	}
	if err := index.CheckName(name); err != nil {
		return nil, err
	}
	if s.Dims < 1 {
		return nil, fmt.Errorf("collection %q: vectors of %d values", name, s.Dims)
	}
	a, err := analysis.New(s.Analyzer)
	if err != nil {
		return nil, fmt.Errorf("collection %q: %w", name, err)
	}
	s.Analyzer = a.Name()
	if err := s.Vectors.Check(); err != nil {
		return nil, fmt.Errorf("collection %q: %w", name, err)
	}
	s.Vectors = s.Vectors.OrAuto()
	if e.names[name] {
		return nil, fmt.Errorf("%w: %q", index.ErrCollectionExists, name)
	}
	if err := e.aliases.CheckCreate(name); err != nil {
		return nil, err
	}
	if err := e.create(name, s); err != nil {
		return nil, fmt.Errorf("create collection %q: %w", name, err)
	}
	e.names[name] = true
	return e.get(name)
}

// create makes the folder under another name and renames it when it is whole.
func (e *Engine) create(name string, s index.Settings) error {
	fsys, dir := e.o.fsys, e.folder(newPrefix, name)
	if err := fsys.RemoveAll(dir); err != nil {
		return err
	}
	if err := fsys.Mkdir(dir); err != nil {
		return err
	}
	err := fillFolder(fsys, dir, s)
	if err == nil {
		err = fsys.Rename(dir, e.folder(folderPrefix, name))
	}
	if err != nil {
		return errors.Join(err, fsys.RemoveAll(dir))
	}
	if err := fsys.SyncDir(filepath.Dir(dir)); err != nil {
		return errors.Join(err, fsys.RemoveAll(e.folder(folderPrefix, name)))
	}
	return nil
}

func fillFolder(fsys fileSystem, dir string, s index.Settings) error {
	var id collectionID
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	const number = 1
	l, err := createLog(fsys, dir, number, id)
	if err != nil {
		return err
	}
	if err := l.close(); err != nil {
		return err
	}
	_, err = writeManifest(fsys, dir, &manifest{
		ID: hex.EncodeToString(id[:]), Created: time.Now().UTC(), Settings: s,
		Files: []manifestFile{{Number: number, Bytes: fileHeaderSize}}, Next: number + 1,
	})
	return err
}

// Open implements index.Engine. A collection that cannot be read is
// index.ErrCorrupt.
func (e *Engine) Open(ctx context.Context, name string) (index.Collection, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.usable(ctx); err != nil {
		return nil, err
	}
	c, err := e.get(e.aliases.Resolve(name))
	if errors.Is(err, index.ErrCollectionNotFound) && e.aliasesLost != nil {
		err = fmt.Errorf("%w, and no alias: %w", err, e.aliasesLost)
	}
	if err != nil {
		return nil, err // not c: a nil *Collection is no nil Collection
	}
	return c, nil
}

// get returns a collection, which it opens if need be; mu is held.
func (e *Engine) get(name string) (*Collection, error) {
	if c := e.open[name]; c != nil {
		return c, nil
	}
	if !e.names[name] {
		return nil, fmt.Errorf("%w: %q", index.ErrCollectionNotFound, name)
	}
	c, err := openCollection(e, name)
	if err != nil {
		return nil, fmt.Errorf("open collection %q: %w", name, err)
	}
	e.open[name] = c
	return c, nil
}

// Drop implements index.Engine. A damaged collection can be dropped too.
func (e *Engine) Drop(ctx context.Context, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.usable(ctx); err != nil {
		return err
	}
	if err := e.aliases.CheckDrop(name); err != nil {
		return err
	}
	if !e.names[name] {
		return fmt.Errorf("%w: %q", index.ErrCollectionNotFound, name)
	}
	if c := e.open[name]; c != nil {
		if err := c.shut(fmt.Errorf("%w: %q was dropped", index.ErrCollectionNotFound, name)); err != nil {
			e.o.Logger.Warn("closing a dropped collection", "collection", name, "error", err)
		}
		delete(e.open, name)
	}
	fsys, gone := e.o.fsys, e.folder(oldPrefix, name)
	err := fsys.RemoveAll(gone)
	if err == nil {
		err = fsys.Rename(e.folder(folderPrefix, name), gone)
	}
	if err == nil {
		delete(e.names, name)
		err = fsys.SyncDir(filepath.Dir(gone))
	}
	if err != nil {
		return fmt.Errorf("drop collection %q: %w", name, err)
	}
	if err := fsys.RemoveAll(gone); err != nil {
		e.o.Logger.Warn("removing a dropped collection; it is tried again when the data folder is opened", "collection", name, "error", err)
	}
	return nil
}

// Names lists the collections, also those that cannot be opened.
func (e *Engine) Names() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(maps.Keys(e.names))
}

// List implements index.Engine. It opens every collection, and reports the
// first that cannot be opened.
func (e *Engine) List(ctx context.Context) ([]index.Info, error) {
	var infos []index.Info
	for _, name := range e.Names() {
		c, err := e.Open(ctx, name)
		if errors.Is(err, index.ErrCollectionNotFound) {
			continue // dropped meanwhile
		}
		if err != nil {
			return nil, err
		}
		info, err := c.Info(ctx)
		if errors.Is(err, index.ErrCollectionNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return infos, e.usable(ctx)
}

// Close implements index.Engine. It waits for calls that are under way.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(e.open)) {
		if err := e.open[name].shut(index.ErrClosed); err != nil {
			errs = append(errs, fmt.Errorf("close collection %q: %w", name, err))
		}
	}
	e.queue.Close()
	return errors.Join(append(errs, e.lock.Close())...)
}
