package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"semdex/index"
	"semdex/index/local/analysis"
)

// Collection is an index.Collection of an Engine.
//
// One goroutine, run, owns the log and makes every change; callers hand it
// requests. Readers take a view of the state and work on it without a lock.
type Collection struct {
	engine     *Engine
	name       string
	dir        string
	dims       int
	split      index.SplitOptions // of its settings, which are changed, but not in this
	manifestID collectionID
	created    time.Time
	o          Options
	log        *slog.Logger

	// life is held for reading by every call, and for writing by shut.
	life   sync.RWMutex
	closed error

	requests chan *request
	done     chan struct{} // closed when run has ended

	loads  atomic.Int64  // bulk loads that are open
	loaded chan struct{} // tells run that the last one has ended

	text *textLeg

	mu       sync.RWMutex
	settings index.Settings // but for Fields, which grow; changed by run
	state    *state
	// synonyms is the text that thesaurus is made of.
	synonyms  string
	thesaurus *thesaurus
	// configured counts the changes of settings since the collection was opened.
	configured uint64
	files      []*logFile // in the order of their frames; the last is written to

	// The rest belongs to run, and to open and shut around it.
	manifest  *manifest
	sequence  uint64 // of the last durable frame
	failed    error  // why no more writes are accepted
	compacted chan *compaction
	running   *compaction // nil if none
	sealings  chan *sealing
	sealing   *sealing // nil if none
	flushes   chan *textFlush
	flushing  *textFlush      // nil if none
	waiting   []chan struct{} // closed when work in the background has ended
}

func openCollection(e *Engine, name string) (*Collection, error) {
	c := &Collection{
		engine: e, name: name, dir: e.folder(folderPrefix, name), o: e.o,
		log:       e.o.Logger.With("collection", name),
		requests:  make(chan *request),
		done:      make(chan struct{}),
		compacted: make(chan *compaction, 1),
		sealings:  make(chan *sealing, 1),
		flushes:   make(chan *textFlush, 1),
		loaded:    make(chan struct{}, 1),
	}
	if err := c.recover(); err != nil {
		return nil, errors.Join(err, c.closeFiles())
	}
	if err := c.openText(); err != nil {
		return nil, errors.Join(err, c.closeFiles())
	}
	c.openSynonyms()
	go c.run()
	return c, nil
}

// openText opens the text leg and brings it forward to the log.
func (c *Collection) openText() error {
	a, err := analysis.New(c.manifest.Settings.Analyzer)
	if err != nil {
		return fmt.Errorf("%w: %w", index.ErrNewerFormat, err)
	}
	c.text, err = openTextLeg(c.textDir(), c.manifest.id(), a, c.engine.queue, c.sequence, c.o.TextPassages, c.log)
	if err == nil {
		err = c.catchUp()
	}
	if err != nil && c.text != nil {
		err = errors.Join(err, c.text.close())
	}
	return err
}

// enter begins a call; leave ends it unless there is an error.
func (c *Collection) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.life.RLock()
	if c.closed != nil {
		c.life.RUnlock()
		return c.closed
	}
	return nil
}

func (c *Collection) leave() { c.life.RUnlock() }

// shut waits for the calls under way, then releases everything; later calls get
// reason.
func (c *Collection) shut(reason error) error {
	c.life.Lock()
	defer c.life.Unlock()
	if c.closed != nil {
		return nil
	}
	c.closed = reason
	close(c.requests)
	<-c.done
	var errs []error
	if c.failed == nil && errors.Is(reason, index.ErrClosed) {
		_, err := c.writeManifest(c.manifestFiles(c.files), c.manifest.Next)
		errs = append(errs, err)
		if err := errors.Join(c.text.drain(), c.text.flush()); err != nil {
			c.log.Warn("the text leg is not on disk; it will be made again from the log", "error", err)
		}
	}
	errs = append(errs, c.text.close(), c.closeFiles())
	return errors.Join(errs...)
}

func (c *Collection) closeFiles() error {
	var errs []error
	for _, f := range c.files {
		errs = append(errs, f.close())
	}
	if c.state != nil {
		c.state.sealed.release()
	}
	return errors.Join(errs...)
}

// active is the file that is written to.
func (c *Collection) active() *logFile { return c.files[len(c.files)-1] }
