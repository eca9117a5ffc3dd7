package index

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// PutResult counts what became of documents. One that was stored already, with
// the same text, title, metadata, splitting and model, is unchanged and cost
// neither encoding nor writing. One that a later one of the same id replaces
// counts as updated, so that the three add up to the documents given.
type PutResult struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Passages  int `json:"passages"` // written
}

func (r *PutResult) add(o PutResult) {
	r.Created += o.Created
	r.Updated += o.Updated
	r.Unchanged += o.Unchanged
	r.Passages += o.Passages
}

// DocumentError says which document of a request was refused, and why.
type DocumentError struct {
	Position int // in the request or stream, from 1
	ID       string
	Err      error
}

// Error implements error.
func (e *DocumentError) Error() string {
	if e.ID == "" {
		return fmt.Sprintf("document %d: %v", e.Position, e.Err)
	}
	return fmt.Sprintf("document %d (id %.80q): %v", e.Position, e.ID, e.Err)
}

// Unwrap returns the reason.
func (e *DocumentError) Unwrap() error { return e.Err }

// Put stores documents, replacing those of the same id; of two with one id in
// the same call the last wins. The collection is created if there is none. When
// Put returns nil the documents are durable and visible; on error none is
// stored. A document that cannot be stored is a *DocumentError around
// ErrInvalidDocument or ErrFieldType. Large inputs belong into PutStream.
func (s *Service) Put(ctx context.Context, collection string, docs []Document) (PutResult, error) {
	w, err := s.writer(ctx, collection)
	if err != nil {
		return PutResult{}, err
	}
	b, err := w.prepareCurrent(ctx, docs, 1)
	if err != nil {
		return PutResult{}, err
	}
	return b.by.write(ctx, b)
}

// writer brings documents into one collection.
type writer struct {
	service    *Service
	name       string
	collection Collection // nil until the first write creates it
	settings   Settings
	// bare writers store documents without vectors, in a collection that is on its
	// way to the encoder's model.
	bare bool
	// pending holds ids that were prepared but are not written yet.
	pending *idSet
	load    *streamLoad // nil for what is no stream
}

func (s *Service) writer(ctx context.Context, name string) (*writer, error) {
	defaults, err := s.settings()
	if err != nil {
		return nil, err
	}
	w := &writer{service: s, name: name, settings: defaults, pending: newIDSet()}
	for attempt := 1; ; attempt++ {
		w.collection, err = s.open(ctx, name)
		if errors.Is(err, ErrCollectionNotFound) {
			w.settings.Fields = make(map[string]FieldKind)
			return w, s.checkSplit(w.settings.Split)
		}
		if err != nil {
			return nil, err
		}
		if err = w.refresh(ctx); attempt == 3 || !replacedMeanwhile(err) {
			return w, err
		}
	}
}

// refresh reads the collection's settings and holds them against the encoder.
func (w *writer) refresh(ctx context.Context) error {
	info, err := w.collection.Info(ctx)
	if err != nil {
		return err
	}
	w.settings = info.Settings
	w.settings.Fields = maps.Clone(info.Settings.Fields)
	if w.settings.Fields == nil {
		w.settings.Fields = make(map[string]FieldKind)
	}
	w.settings.Split = w.settings.Split.normal()
	err = w.service.checkModel(w.name, w.settings)
	w.bare = err != nil && w.service.reembeds.of(info.Name) != nil
	if w.bare {
		return nil
	}
	if err != nil {
		return err
	}
	return w.service.checkSplit(w.settings.Split)
}

// again is a writer for the collection that has taken the place of this one's.
func (w *writer) again(ctx context.Context) (*writer, error) {
	fresh, err := w.service.writer(ctx, w.name)
	if err != nil {
		return nil, err
	}
	fresh.pending, fresh.load = w.pending, w.load
	return fresh, nil
}

// prepareCurrent is prepare, by a new writer if the collection was replaced.
func (w *writer) prepareCurrent(ctx context.Context, docs []Document, position int) (batch, error) {
	b, err := w.prepare(ctx, docs, position)
	if !errors.Is(err, ErrReplaced) {
		return b, err
	}
	if w, err = w.again(ctx); err != nil {
		return batch{}, err
	}
	return w.prepare(ctx, docs, position)
}

// create makes the collection if the first documents are about to be written.
func (w *writer) create(ctx context.Context) error {
	if w.collection != nil {
		return nil
	}
	settings := w.settings
	settings.Fields = nil // they are learned when the documents are stored
	c, err := w.service.engine.Create(ctx, w.name, settings)
	if !errors.Is(err, ErrCollectionExists) {
		w.collection = c
		return err
	}
	if w.collection, err = w.service.engine.Open(ctx, w.name); err != nil { // someone was faster
		return err
	}
	return w.refresh(ctx)
}

// batch is documents ready to be written.
type batch struct {
	by      *writer
	records []Record
	result  PutResult
	read    int // documents, before those of the same id were dropped
}

// prepare checks, compares, splits and encodes documents; position is that of
// the first one. With a *DocumentError comes the batch of those before it.
func (w *writer) prepare(ctx context.Context, docs []Document, position int) (batch, error) {
	records, read, fault := w.records(docs, position)
	b := batch{by: w, read: read}
	if read == 0 {
		return b, fault
	}
	b.result.Updated = read - len(records)
	records, err := w.changed(ctx, records, &b.result)
	if err != nil {
		return b, err
	}
	for i := range records {
		records[i].Passages = w.passages(records[i].Document)
		b.result.Passages += len(records[i].Passages)
	}
	b.records = records
	if w.bare {
		return b, fault
	}
	if err := w.encode(ctx, records); err != nil {
		return b, err
	}
	return b, fault
}

// records checks the documents up to the first bad one, which is a
// *DocumentError, and keeps the last one of each id; read counts the good ones.
func (w *writer) records(docs []Document, position int) (records []Record, read int, err error) {
	at := make(map[string]int, len(docs))
	records = make([]Record, 0, len(docs))
	for i, d := range docs {
		if err := CheckDocument(d); err != nil {
			return records, i, &DocumentError{position + i, d.ID, err}
		}
		metadata, learned, err := NormalizeMetadata(d.Metadata, w.settings.Fields)
		if err != nil {
			return records, i, &DocumentError{position + i, d.ID, err}
		}
		maps.Copy(w.settings.Fields, learned)
		d.Metadata = metadata
		switch {
		case !w.settings.Split.UsesHeadings():
			d.Headings = nil
		case d.Headings == nil:
			d.Headings = TextHeadings(d.Text)
		}
		r := Record{Document: d, Content: contentHash(d, w.stored())}
		if j, ok := at[d.ID]; ok {
			records[j] = r
			continue
		}
		at[d.ID] = len(records)
		records = append(records, r)
	}
	return records, len(docs), nil
}

// stored are the settings with the model that what is stored depends on.
func (w *writer) stored() Settings {
	s := w.settings
	if w.bare {
		s.Model = "" // so that it is not taken for one with vectors
	}
	return s
}

// changed drops the records that are stored already and counts the rest.
func (w *writer) changed(ctx context.Context, records []Record, result *PutResult) ([]Record, error) {
	var have map[string][16]byte
	if w.collection != nil {
		ids := make([]string, len(records))
		for i, r := range records {
			ids[i] = r.ID
		}
		var err error
		if have, err = w.collection.Contents(ctx, ids); err != nil {
			return nil, err
		}
	}
	changed := records[:0]
	for _, r := range records {
		content, stored := have[r.ID]
		pending := w.pending.has(r.ID)
		switch {
		case stored && !pending && (content == r.Content || w.bare && content == contentHash(r.Document, w.settings)):
			result.Unchanged++
			continue
		case stored || pending:
			result.Updated++
		default:
			result.Created++
		}
		changed = append(changed, r)
	}
	return changed, nil
}

// passages splits a text; a document of a title alone has one empty passage.
func (w *writer) passages(d Document) []Passage {
	var tokens Tokenize
	if e, ok := w.service.encoder.(TokenEncoder); ok {
		tokens = e.TokenSpans
	}
	spans := SplitDocument(d, w.settings.Split, tokens)
	if len(spans) == 0 {
		spans = []Span{{}}
	}
	out := make([]Passage, len(spans))
	for i, s := range spans {
		out[i] = Passage{Start: s.Start, End: s.End}
	}
	return out
}

// encodeBatch bounds how many passages one call of the encoder gets.
const encodeBatch = 1024

// encode fills in the passages' vectors. What SplitOptions.Title says stands
// before each passage.
func (w *writer) encode(ctx context.Context, records []Record) error {
	if w.settings.Split.Late {
		return w.encodeLate(ctx, records)
	}
	var texts []string
	var targets []*Passage
	flush := func() error {
		vectors, err := w.service.encode(ctx, w.service.encoder.EncodePassages, texts)
		if err != nil {
			return err
		}
		for i, v := range vectors {
			targets[i].Vector = v
		}
		texts, targets = texts[:0], targets[:0]
		return nil
	}
	for i := range records {
		r := &records[i]
		text, prefixes := newRuneText(r.Text), w.settings.Split.Prefixes(r)
		for j := range r.Passages {
			p := &r.Passages[j]
			texts = append(texts, passageText(prefixes[j], text.slice(p.Start, p.End)))
			targets = append(targets, p)
			if len(texts) == encodeBatch {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return flush()
}

// passageText is a passage behind its prefix.
func passageText(prefix, passage string) string {
	switch {
	case strings.TrimSpace(prefix) == "":
		return passage
	case passage == "":
		return prefix
	}
	return prefix + "\n" + passage
}

// write stores a batch. If the collection was replaced since it was prepared, it
// is prepared once more.
func (w *writer) write(ctx context.Context, b batch) (PutResult, error) {
	if len(b.records) == 0 {
		return b.result, nil
	}
	err := w.store(ctx, b.records)
	if !errors.Is(err, ErrReplaced) {
		if err != nil {
			return PutResult{}, err
		}
		return b.result, nil
	}
	fresh, err := w.again(ctx)
	if err != nil {
		return PutResult{}, err
	}
	docs := make([]Document, len(b.records))
	for i, r := range b.records {
		docs[i] = r.Document
	}
	again, err := fresh.prepare(ctx, docs, 1)
	if err != nil {
		return PutResult{}, err
	}
	b.result.Passages = again.result.Passages
	if len(again.records) > 0 {
		err = fresh.store(ctx, again.records)
	}
	if err != nil {
		return PutResult{}, err
	}
	return b.result, nil
}

func (w *writer) store(ctx context.Context, records []Record) error {
	w.service.reembeds.writes.RLock()
	defer w.service.reembeds.writes.RUnlock()
	if err := w.create(ctx); err != nil {
		return err
	}
	if err := w.load.before(ctx, w); err != nil {
		return err
	}
	return w.collection.Upsert(ctx, records)
}

// contentVersion changes when the same document, settings and model would be
// stored differently.
const contentVersion = "semdex content 1"

// contentHash identifies everything that decides what is stored for a document
// whose metadata is normalised.
func contentHash(d Document, s Settings) [16]byte {
	h := sha256.New()
	hashStrings(h, contentVersion, s.Model, s.Split.identity(), d.ID, d.Title, d.Text)
	for _, name := range slices.Sorted(maps.Keys(d.Metadata)) {
		switch v := d.Metadata[name].(type) {
		case string:
			hashStrings(h, name, "s", v)
		case []string:
			hashStrings(h, name, "l", fmt.Sprint(len(v)))
			hashStrings(h, v...)
		case float64:
			hashStrings(h, name, "n", fmt.Sprintf("%x", math.Float64bits(v)))
		case bool:
			hashStrings(h, name, "b", fmt.Sprint(v))
		case time.Time:
			hashStrings(h, name, "t", fmt.Sprint(v.UnixMicro()))
		}
	}
	for _, a := range d.Headings { // where the collection uses them
		hashStrings(h, fmt.Sprintf("h %d %d %d", a.Start, a.End, a.Level))
	}
	return [16]byte(h.Sum(nil)[:16])
}

// hashStrings writes strings with their lengths, so that no two lists agree.
func hashStrings(h hash.Hash, list ...string) {
	for _, s := range list {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
}
