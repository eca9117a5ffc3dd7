package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	blevedocument "github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/index/scorch"
	bleveindex "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"semdex/index"
	"semdex/index/local/analysis"
)

// The text leg is an inverted index in bleve's scorch, one bleve document per
// passage. It is derived from the log: batches go into it without waiting for
// the disk, and opening a collection brings it forward. Scoring is ours (see
// textsearch.go); bleve's own BM25 takes the square root of term frequencies
// and the number of distinct terms for the average length.
//
// textRecipe names how passages become terms, but for the analyzer; a text leg
// made by another recipe is made anew.
const textRecipe = "1 field, title x3"

// Internal keys, committed with each batch.
var (
	keyCollection = []byte("semdex.collection")
	keyRecipe     = []byte("semdex.recipe")
	keySequence   = []byte("semdex.sequence")
)

// textBatch bounds the passages of one bleve batch.
const textBatch = 1000

// textLeg is the open text leg of a collection.
type textLeg struct {
	dir      string
	analyzer *analysis.Analyzer
	index    *scorch.Scorch
	sequence uint64 // of the last batch
	queue    *bleveindex.AnalysisQueue

	mu   sync.Mutex
	keys map[uint64][]textKey // by segment, in order of bleve's numbers
}

// errTextLeg is a text leg that must be made anew.
var errTextLeg = errors.New("text leg is not usable")

// openTextLeg opens the text leg in dir, or makes an empty one if there is none
// or it does not belong to this log, which ends at sequence.
func openTextLeg(dir string, id collectionID, a *analysis.Analyzer, queue *bleveindex.AnalysisQueue, sequence uint64, log *slog.Logger) (*textLeg, error) {
	t := &textLeg{dir: dir, analyzer: a, queue: queue}
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
	return t, t.batch(func(b *bleveindex.Batch) {
		b.SetInternal(keyCollection, id[:])
		b.SetInternal(keyRecipe, []byte(t.recipe()))
	}, 0)
}

func (t *textLeg) recipe() string { return textRecipe + ", " + t.analyzer.Name() }

// open opens scorch. What it cannot open is errTextLeg, but for a full disk
// and the like.
func (t *textLeg) open() (err error) {
	// Damaged files make scorch and bolt panic here and there.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errTextLeg, r)
		}
	}()
	t.keys = make(map[uint64][]textKey)
	opened, err := scorch.NewScorch(scorch.Name, map[string]any{
		"path":         t.dir,
		"unsafe_batch": true, // the log is what is durable
		"bolt_timeout": "2s",
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
	return t.read(func(s *scorch.IndexSnapshot) error {
		internal := s.Internal()
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
		if problems := segmentProblems(s); len(problems) > 0 {
			return fmt.Errorf("%w: %s", errTextLeg, strings.Join(problems, "; "))
		}
		return nil
	})
}

// segmentProblems compares every segment file with the checksum at its end,
// which bleve writes but does not verify.
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

// read calls f with a consistent state of the index.
func (t *textLeg) read(f func(*scorch.IndexSnapshot) error) (err error) {
	r, err := t.index.Reader()
	if err != nil {
		return fmt.Errorf("read text leg: %w", err)
	}
	snapshot, ok := r.(*scorch.IndexSnapshot)
	if !ok {
		return errors.Join(fmt.Errorf("read text leg: unexpected reader %T", r), r.Close())
	}
	defer func() {
		err = errors.Join(err, snapshot.Close())
	}()
	return f(snapshot)
}

// textAddition is a passage for the text leg.
type textAddition struct {
	key   textKey
	terms *terms
}

// write removes and adds passages; the index is at sequence afterwards.
func (t *textLeg) write(remove []textKey, add []textAddition, sequence uint64) error {
	for len(remove)+len(add) > 0 {
		r, a := remove[:min(len(remove), textBatch)], add[:min(len(add), textBatch)]
		remove, add = remove[len(r):], add[len(a):]
		at := t.sequence // until the last part is in
		if len(remove)+len(add) == 0 {
			at = sequence
		}
		err := t.batch(func(b *bleveindex.Batch) {
			for _, k := range r {
				b.Delete(k.String())
			}
			for _, p := range a {
				b.Update(blevedocument.NewDocument(p.key.String()).AddField(p.terms))
			}
		}, at)
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *textLeg) batch(fill func(*bleveindex.Batch), sequence uint64) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("write text leg: %v", r)
		}
	}()
	b := bleveindex.NewBatch()
	if fill != nil {
		fill(b)
	}
	b.SetInternal(keySequence, binary.BigEndian.AppendUint64(nil, sequence))
	if err := t.index.Batch(b); err != nil {
		return fmt.Errorf("write text leg: %w", err)
	}
	t.sequence = sequence
	return nil
}

// flushTime bounds how long close waits for bleve to write what is in memory.
// What it does not write is made anew from the log.
const flushTime = 20 * time.Second

// flush waits until everything is on disk.
func (t *textLeg) flush() error {
	done := make(chan error, 1)
	err := t.batch(func(b *bleveindex.Batch) {
		b.SetPersistedCallback(func(err error) { done <- err })
	}, t.sequence)
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

// segmentKeys returns the keys of a segment's passages by bleve's numbers.
func (t *textLeg) segmentKeys(s *scorch.SegmentSnapshot) ([]textKey, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	seg := s.Segment()
	if keys, ok := t.keys[s.Id()]; ok && uint64(len(keys)) == seg.Count() {
		return keys, nil
	}
	keys := make([]textKey, seg.Count())
	for i := range keys {
		b, err := seg.DocID(uint64(i))
		if err != nil {
			return nil, fmt.Errorf("read text leg: %w", err)
		}
		k, ok := parseTextKey(b)
		if !ok {
			return nil, fmt.Errorf("%w: text leg: unexpected key %x", index.ErrCorrupt, b)
		}
		keys[i] = k
	}
	t.keys[s.Id()] = keys
	return keys, nil
}

// forget drops the keys of segments that are gone, when they are many.
func (t *textLeg) forget(s *scorch.IndexSnapshot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.keys) <= 2*len(s.Segments())+8 {
		return
	}
	kept := make(map[uint64][]textKey)
	for _, seg := range s.Segments() {
		if keys, ok := t.keys[seg.Id()]; ok {
			kept[seg.Id()] = keys
		}
	}
	t.keys = kept
}

// each calls f with the key of every passage in the index.
func (t *textLeg) each(s *scorch.IndexSnapshot, f func(textKey)) error {
	for _, seg := range s.Segments() {
		keys, err := t.segmentKeys(seg)
		if err != nil {
			return err
		}
		deleted := seg.Deleted()
		for i, k := range keys {
			if deleted == nil || !deleted.Contains(uint32(i)) {
				f(k)
			}
		}
	}
	return nil
}
