package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/blevesearch/bleve/v2/index/scorch"
	bleveindex "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"semdex/index"
	"semdex/index/local/analysis"
	"semdex/index/local/postings"
)

// The text leg is an inverted index in bleve's scorch, in segments of our own form
// (see textsegment.go), and in front of it a tail in memory with the passages that
// came last. It is derived from the log: batches go into it without waiting for the
// disk, and opening a collection brings it forward. Scoring is ours (see
// textsearch.go); bleve's own BM25 takes the square root of term frequencies
// and the number of distinct terms for the average length.
//
// textRecipe names how passages become terms, but for the analyzer; a text leg
// made by another recipe is made anew.
const textRecipe = "own segments 1, title x3"

// Internal keys, committed with each batch.
var (
	keyCollection = []byte("semdex.collection")
	keyRecipe     = []byte("semdex.recipe")
	keySequence   = []byte("semdex.sequence")
)

// textLeg is the open text leg of a collection.
type textLeg struct {
	dir      string
	analyzer *analysis.Analyzer
	index    *scorch.Scorch
	sequence uint64 // of the last change
	queue    *bleveindex.AnalysisQueue

	mu   sync.Mutex
	keys map[uint64]segmentKeys // by segment

	tailPassages int // from which a tail goes to bleve
	tailMu       sync.RWMutex
	saved        uint64      // sequence up to which passages are bleve's
	tails        []*textTail // the last is added to; one before it is going to bleve

	unsaved atomic.Int64  // flushes that are not on disk
	written chan struct{} // told when one is
}

// segmentKeys are the keys of a segment's passages in order of their numbers.
type segmentKeys struct {
	content *postings.Segment
	list    []textKey
	least   uint64          // sequence
	deleted *roaring.Bitmap // as bleve has it
	dead    bitset          // the same
	counts  *deadCounts     // nil for a state that is not the last any more
}

// errTextLeg is a text leg that must be made anew.
var errTextLeg = errors.New("text leg is not usable")

// openTextLeg opens the text leg in dir, or makes an empty one if there is none
// or it does not belong to this log, which ends at sequence.
func openTextLeg(dir string, id collectionID, a *analysis.Analyzer, queue *bleveindex.AnalysisQueue, sequence uint64, tailPassages int, log *slog.Logger) (*textLeg, error) {
	t := &textLeg{
		dir: dir, analyzer: a, queue: queue, tailPassages: tailPassages,
		saved: math.MaxUint64, // until the log has been compared
		tails: []*textTail{new(textTail)}, written: make(chan struct{}, 1),
	}
	_, statErr := os.Stat(dir)
	err := t.open()
	if err == nil {
		err = t.verify(id, sequence)
	}
	if err == nil || !errors.Is(err, errTextLeg) {
		return t, err
	}
	if statErr == nil {
		log.Warn("making the text leg anew from the log", "folder", dir, "reason", err)
	}
	if err := t.close(); err != nil {
		log.Warn("closing the damaged text leg", "folder", dir, "error", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("remove text leg: %w", err)
	}
	if err := t.open(); err != nil {
		return nil, fmt.Errorf("make text leg: %w", err)
	}
	return t, t.commit(func(b *bleveindex.Batch) {
		b.SetInternal(keyCollection, id[:])
		b.SetInternal(keyRecipe, []byte(t.recipe()))
	}, 0)
}

func (t *textLeg) recipe() string { return textRecipe + ", " + t.analyzer.Name() }

// open opens scorch. What it cannot open is errTextLeg, but for a full disk
// and the like.
func (t *textLeg) open() (err error) {
	// Damaged files make scorch and bolt panic here and there, or look beyond the end
	// of what is mapped.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errTextLeg, r)
		}
	}()
	t.keys = make(map[uint64]segmentKeys)
	opened, err := scorch.NewScorch(scorch.Name, map[string]any{
		"path":         t.dir,
		"unsafe_batch": true, // the log is what is durable
		"bolt_timeout": "2s",

		"forceSegmentType":    segmentType,
		"forceSegmentVersion": segmentVersion,
	}, t.queue)
	if err != nil {
		return fmt.Errorf("open text leg: %w", err)
	}
	t.index = opened.(*scorch.Scorch)
	if err := t.index.Open(); err != nil {
		t.index = nil
		return fmt.Errorf("%w: %w", errTextLeg, err)
	}
	return nil
}

// verify checks that the open index belongs to this log and is undamaged.
func (t *textLeg) verify(id collectionID, sequence uint64) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errTextLeg, r)
		}
	}()
	return t.read(func(v *textView) error {
		internal := v.bleve.Internal()
		if string(internal[string(keyCollection)]) != string(id[:]) {
			return fmt.Errorf("%w: it is new or of another collection", errTextLeg)
		}
		if have := string(internal[string(keyRecipe)]); have != t.recipe() {
			return fmt.Errorf("%w: it was made by %q, not %q", errTextLeg, have, t.recipe())
		}
		if b := internal[string(keySequence)]; len(b) == 8 {
			t.sequence = binary.BigEndian.Uint64(b)
		}
		if t.sequence > sequence {
			return fmt.Errorf("%w: it is at sequence %d, but the log ends at %d; writes have been lost", errTextLeg, t.sequence, sequence)
		}
		if problems := segmentProblems(v.bleve); len(problems) > 0 {
			return fmt.Errorf("%w: %s", errTextLeg, strings.Join(problems, "; "))
		}
		return nil
	})
}

// segmentProblems compares every segment file with the checksum at its end,
// which nobody else verifies.
func segmentProblems(s *scorch.IndexSnapshot) (problems []string) {
	for _, seg := range s.Segments() {
		if p, ok := seg.Segment().(segment.PersistedSegment); ok {
			if err := checkSegment(p.Path()); err != nil {
				problems = append(problems, err.Error())
			}
		}
	}
	return problems
}

// contentProblems compares what stands in every segment with itself.
func contentProblems(s *scorch.IndexSnapshot) (problems []string) {
	for _, seg := range s.Segments() {
		content, err := contentOf(seg)
		if err == nil {
			err = content.Check()
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("segment %d: %v", seg.Id(), err))
		}
	}
	return problems
}

func checkSegment(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	sum := crc32.NewIEEE()
	if _, err := io.CopyN(sum, f, info.Size()-4); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	var want [4]byte
	if _, err := io.ReadFull(f, want[:]); err != nil || binary.BigEndian.Uint32(want[:]) != sum.Sum32() {
		return fmt.Errorf("the checksum of %s does not match", path)
	}
	return nil
}

// textAddition is passages for the text leg.
type textAddition struct {
	keys []textKey
	run  *postings.Run
	gone []uint32 // those that are not to be found
}

// write removes and adds passages, which come behind all that there are; the leg
// is at sequence afterwards.
func (t *textLeg) write(remove []textKey, add []textAddition, sequence uint64) error {
	if remove = t.removeRecent(remove); len(remove) > 0 {
		if err := t.removeSaved(remove, t.saved); err != nil {
			return err
		}
	}
	tail := t.tails[len(t.tails)-1]
	grown := tail.tailView
	for _, a := range add {
		grown = grown.with(a)
	}
	t.tailMu.Lock()
	defer t.tailMu.Unlock()
	tail.tailView, t.sequence = grown, sequence
	return nil
}

// removeRecent removes passages that are in a tail and returns the others.
func (t *textLeg) removeRecent(remove []textKey) (rest []textKey) {
	t.tailMu.Lock()
	defer t.tailMu.Unlock()
	for _, k := range remove {
		if !slices.ContainsFunc(t.tails, func(tail *textTail) bool { return tail.remove(k) }) {
			rest = append(rest, k)
		}
	}
	return rest
}

// removeSaved removes passages from bleve; its passages are those of the log up to
// sequence afterwards.
func (t *textLeg) removeSaved(remove []textKey, sequence uint64) error {
	return t.commit(func(b *bleveindex.Batch) {
		for _, k := range remove {
			b.Delete(k.String())
		}
	}, sequence)
}

// commit is a batch after which bleve is at sequence.
func (t *textLeg) commit(fill func(*bleveindex.Batch), sequence uint64) error {
	return t.batch(func(b *bleveindex.Batch) {
		fill(b)
		b.SetInternal(keySequence, binary.BigEndian.AppendUint64(nil, sequence))
	})
}

func (t *textLeg) batch(fill func(*bleveindex.Batch)) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("write text leg: %v", r)
		}
	}()
	b := bleveindex.NewBatch()
	fill(b)
	if err := t.index.Batch(b); err != nil {
		return fmt.Errorf("write text leg: %w", err)
	}
	return nil
}

// flushTime bounds how long close waits for bleve to write what is in memory.
// What it does not write is made anew from the log.
const flushTime = 20 * time.Second

// flush waits until everything is on disk.
func (t *textLeg) flush() error {
	done := make(chan error, 1)
	err := t.commit(func(b *bleveindex.Batch) {
		b.SetPersistedCallback(func(err error) { done <- err })
	}, t.saved)
	if err != nil {
		return err
	}
	timeout := time.NewTimer(flushTime)
	defer timeout.Stop()
	select {
	case err := <-done:
		return err
	case <-timeout.C:
		return errors.New("flush text leg: timed out")
	}
}

func (t *textLeg) close() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("close text leg: %v", r)
		}
	}()
	if t.index == nil {
		return nil
	}
	defer func() { t.index = nil }()
	return t.index.Close()
}

// asyncErrors is the number of failures in bleve's background work.
func (t *textLeg) asyncErrors() uint64 {
	n, _ := t.index.StatsMap()["TotOnErrors"].(uint64)
	return n
}

// contentOf is what a segment holds.
func contentOf(s *scorch.SegmentSnapshot) (*postings.Segment, error) {
	own, ok := s.Segment().(interface{ content() *postings.Segment })
	if !ok {
		return nil, fmt.Errorf("%w: text leg: unexpected segment %T", index.ErrCorrupt, s.Segment())
	}
	return own.content(), nil
}

// segmentKeys returns the keys of a segment's passages.
func (t *textLeg) segmentKeys(s *scorch.SegmentSnapshot) (segmentKeys, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	content, err := contentOf(s)
	if err != nil {
		return segmentKeys{}, err
	}
	keys, ok := t.keys[s.Id()]
	if !ok || keys.content != content {
		keys = segmentKeys{content: content, list: make([]textKey, content.Passages()), least: math.MaxUint64, counts: newDeadCounts()}
		for i := range keys.list {
			keys.list[i] = textKeyOf(content.Key(i))
			keys.least = min(keys.least, keys.list[i].sequence)
		}
	}
	if deleted := s.Deleted(); deleted != keys.deleted { // a set is replaced, never changed
		keys.dead = newBitset(deleted, len(keys.list))
		keys.counts = keys.counts.after(keys.deleted, deleted)
		keys.deleted = deleted
	}
	if keys.counts != nil {
		t.keys[s.Id()] = keys
	}
	return keys, nil
}

// forget drops the keys of segments that are gone, when they are many.
func (t *textLeg) forget(s *scorch.IndexSnapshot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.keys) <= 2*len(s.Segments())+8 {
		return
	}
	kept := make(map[uint64]segmentKeys)
	for _, seg := range s.Segments() {
		if keys, ok := t.keys[seg.Id()]; ok {
			kept[seg.Id()] = keys
		}
	}
	t.keys = kept
}
