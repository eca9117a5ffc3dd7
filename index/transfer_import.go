package index

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// ImportOptions say how an export is stored.
type ImportOptions struct {
	// Encode splits and encodes the documents anew although the export has
	// vectors, so that they fit any collection.
	Encode bool
}

// Import stores the documents of an export. If there is no such collection it
// is created with the settings and synonyms of the exported one. Vectors are stored as they
// are; without them, or if o.Encode says so, documents are encoded as
// PutStream does. Errors, progress and what is stored at an error are those of
// PutStream; importing again costs only what is missing.
//
// ErrModelMismatch if the export has vectors of another model, or passages of
// another size, than the collection has.
func (s *Service) Import(ctx context.Context, collection string, in *ExportReader, o ImportOptions, onProgress func(Progress)) (PutResult, error) {
	if err := CheckName(collection); err != nil {
		return PutResult{}, err
	}
	if !in.header.Vectors || o.Encode {
		return s.importDocuments(ctx, collection, in, onProgress)
	}
	c, err := s.importTarget(ctx, collection, in.header)
	if err != nil {
		return PutResult{}, err
	}
	info, err := c.Info(ctx)
	if err != nil {
		return PutResult{}, err
	}
	have, from := info.Settings, in.header.Settings
	have.Split, from.Split = have.Split.normal(), from.Split.normal()
	if have.Model != from.Model || have.Dims != from.Dims || have.Split != from.Split {
		return PutResult{}, fmt.Errorf("%w: the export has vectors of %.12s (%d values, passages of %v), collection %q of %.12s (%d values, %v)",
			ErrModelMismatch, from.Model, from.Dims, from.Split, collection, have.Model, have.Dims, have.Split)
	}
	load := new(streamLoad)
	defer load.close()
	i := &importer{w: &writer{service: s, name: collection, collection: c, settings: have, pending: newIDSet(), load: load}, onProgress: onProgress}
	if i.w.settings.Fields == nil {
		i.w.settings.Fields = make(map[string]FieldKind)
	}
	err = i.run(ctx, in.Records())
	return i.done.PutResult, err
}

// importTarget opens the collection, or creates it for records that have their
// vectors already.
func (s *Service) importTarget(ctx context.Context, name string, from ExportHeader) (Collection, error) {
	c, err := s.engine.Open(ctx, name)
	if !errors.Is(err, ErrCollectionNotFound) {
		return c, err
	}
	settings := from.Settings
	if err := settings.Split.Check(); err != nil {
		return nil, err
	}
	settings.Split = settings.Split.normal()
	if c, err = s.engine.Create(ctx, name, settings); err != nil || from.Synonyms == "" {
		return c, err
	}
	return c, c.SetSynonyms(ctx, from.Synonyms)
}

func (s *Service) importDocuments(ctx context.Context, name string, in *ExportReader, onProgress func(Progress)) (PutResult, error) {
	_, err := s.engine.Open(ctx, name)
	if errors.Is(err, ErrCollectionNotFound) {
		from := in.header.Settings
		err = s.Create(ctx, name, Settings{Analyzer: from.Analyzer, Split: from.Split, Vectors: from.Vectors, Fields: from.Fields})
		if err == nil && in.header.Synonyms != "" {
			_, err = s.SetSynonyms(ctx, name, in.header.Synonyms)
		}
	}
	if err != nil {
		return PutResult{}, err
	}
	return s.PutStream(ctx, name, documents(in.Records()), onProgress)
}

// documents leaves the passages out.
func documents(records iter.Seq2[Record, error]) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		for r, err := range records {
			if !yield(r.Document, err) {
				return
			}
		}
	}
}

// importer stores records that have vectors, in batches.
type importer struct {
	w          *writer
	onProgress func(Progress)
	done       Progress

	group []Record
	bytes int
}

// importBytes bounds a batch, vectors included.
const importBytes = 8 << 20

func (i *importer) run(ctx context.Context, records iter.Seq2[Record, error]) error {
	dims := i.w.settings.Dims
	for r, err := range records {
		if err == nil {
			for j := range r.Passages {
				r.Passages[j].Vector = unit32(r.Passages[j].Vector)
			}
			if fault := CheckRecord(r, dims); fault != nil {
				err = &DocumentError{i.done.Read + len(i.group) + 1, r.ID, fault}
			}
		}
		if err != nil { // what came before is stored
			if flushed := i.flush(ctx); flushed != nil {
				return flushed
			}
			return err
		}
		i.group = append(i.group, r)
		i.bytes += len(r.Text) + len(r.Title) + 4*dims*len(r.Passages)
		if len(i.group) >= batchDocuments || i.bytes >= importBytes {
			if err := i.flush(ctx); err != nil {
				return err
			}
		}
	}
	return i.flush(ctx)
}

// flush stores the group. Of a group with a bad document those before it are
// stored.
func (i *importer) flush(ctx context.Context) error {
	if len(i.group) == 0 {
		return nil
	}
	docs := make([]Document, len(i.group))
	for j, r := range i.group {
		docs[j] = r.Document
	}
	records, read, fault := i.w.records(docs, i.done.Read+1)
	passages := make(map[string][]Passage, len(records))
	for _, r := range i.group[:read] {
		passages[r.ID] = r.Passages
	}
	b := batch{read: read, result: PutResult{Updated: read - len(records)}}
	var err error
	if b.records, err = i.w.changed(ctx, records, &b.result); err != nil {
		return err
	}
	for j := range b.records {
		r := &b.records[j]
		r.Passages = passages[r.ID]
		b.result.Passages += len(r.Passages)
	}
	b.by = i.w
	result, err := i.w.write(ctx, b)
	if err != nil {
		return err
	}
	i.done.add(result)
	i.done.Read += read
	i.group, i.bytes = i.group[:0], 0
	if i.onProgress != nil {
		i.onProgress(i.done)
	}
	return fault
}
