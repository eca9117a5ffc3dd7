package indextest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"semdex/index"
)

type memoryCollection struct {
	name       string
	settings   index.Settings
	created    time.Time
	sequence   uint64
	configured uint64
	documents  map[string]*memoryDocument
	synonyms   string
	rules      []index.SynonymRule // of synonyms
	replaced   bool
}

type memoryDocument struct {
	record   index.Record
	sequence uint64
	terms    []termCounts // of each passage, with its prefix's
	prefixes []string
}

func (c *memoryCollection) info() index.Info {
	s := c.settings
	s.Fields = maps.Clone(s.Fields)
	info := index.Info{
		Name: c.name, Settings: s, Created: c.created, Documents: len(c.documents), Synonyms: len(c.rules),
		Sequence: c.sequence, Configured: c.configured,
	}
	for _, d := range c.documents {
		info.Passages += len(d.record.Passages)
		info.Bytes += int64(len(d.record.Text) + 4*s.Dims*len(d.record.Passages))
	}
	return info
}

func (h *memoryHandle) Info(ctx context.Context) (info index.Info, err error) {
	err = h.read(ctx, func() error {
		info = h.info()
		return nil
	})
	return info, err
}

func (h *memoryHandle) Upsert(ctx context.Context, records []index.Record) error {
	return h.write(ctx, func() error {
		fields := maps.Clone(h.settings.Fields)
		added := make(map[string]*memoryDocument, len(records))
		for _, r := range records {
			if err := index.CheckRecord(r, h.settings.Dims); err != nil {
				return err
			}
			metadata, learned, err := index.NormalizeMetadata(r.Metadata, fields)
			if err != nil {
				return fmt.Errorf("document %q: %w", r.ID, err)
			}
			maps.Copy(fields, learned)
			r.Metadata = metadata
			r.Passages = slices.Clone(r.Passages)
			for i, p := range r.Passages {
				r.Passages[i].Vector = slices.Clone(p.Vector)
			}
			added[r.ID] = &memoryDocument{record: r, sequence: h.sequence + 1, terms: passageTerms(r, h.settings.Split), prefixes: h.settings.Split.Prefixes(&r)}
		}
		maps.Copy(h.documents, added)
		h.settings.Fields = fields
		h.sequence += uint64(len(records))
		return nil
	})
}

func (h *memoryHandle) Delete(ctx context.Context, ids []string) (n int, err error) {
	err = h.write(ctx, func() error {
		for _, id := range ids {
			if h.documents[id] != nil {
				delete(h.documents, id)
				n++
			}
		}
		h.sequence += uint64(n)
		return nil
	})
	return n, err
}

func (h *memoryHandle) DeleteWhere(ctx context.Context, f index.Filter) (n int, err error) {
	err = h.write(ctx, func() error {
		accepted, err := h.accepted(f)
		if err != nil {
			return err
		}
		for _, d := range accepted {
			delete(h.documents, d.record.ID)
		}
		n = len(accepted)
		h.sequence += uint64(n)
		return nil
	})
	return n, err
}

// accepted lists the documents that f accepts, ordered by id.
func (c *memoryCollection) accepted(f index.Filter) ([]*memoryDocument, error) {
	if f != nil {
		if err := f.Check(c.settings.Fields); err != nil {
			return nil, err
		}
	}
	var out []*memoryDocument
	for _, d := range c.documents {
		if f == nil || f.Accepts(d.record.Metadata) {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b *memoryDocument) int { return cmp.Compare(a.record.ID, b.record.ID) })
	return out, nil
}

func (d *memoryDocument) document() index.Document {
	doc := d.record.Document
	doc.Metadata = maps.Clone(doc.Metadata)
	return doc
}

func (h *memoryHandle) Get(ctx context.Context, id string) (doc index.Document, err error) {
	err = h.read(ctx, func() error {
		d := h.documents[id]
		if d == nil {
			return fmt.Errorf("%w: %q", index.ErrDocumentNotFound, id)
		}
		doc = d.document()
		return nil
	})
	return doc, err
}

func (h *memoryHandle) Contents(ctx context.Context, ids []string) (contents map[string][16]byte, err error) {
	err = h.read(ctx, func() error {
		contents = make(map[string][16]byte)
		for _, id := range ids {
			if d := h.documents[id]; d != nil {
				contents[id] = d.record.Content
			}
		}
		return nil
	})
	return contents, err
}

func (h *memoryHandle) Count(ctx context.Context, f index.Filter) (documents, passages int, err error) {
	err = h.read(ctx, func() error {
		accepted, err := h.accepted(f)
		for _, d := range accepted {
			documents++
			passages += len(d.record.Passages)
		}
		return err
	})
	return documents, passages, err
}

func (h *memoryHandle) Fetch(ctx context.Context, refs []index.Ref) (stored []index.Stored, err error) {
	err = h.read(ctx, func() error {
		stored = make([]index.Stored, len(refs))
		for i, ref := range refs {
			d := h.documents[ref.Document]
			if d == nil || ref.Ordinal < 0 || ref.Ordinal >= len(d.record.Passages) {
				continue
			}
			p := d.record.Passages[ref.Ordinal]
			stored[i] = index.Stored{Found: true, Document: d.document(), Start: p.Start, End: p.End}
		}
		return nil
	})
	return stored, err
}

func (h *memoryHandle) Check(ctx context.Context) (report index.Report, err error) {
	err = h.read(ctx, func() error {
		report = index.Report{Collection: h.name, Documents: len(h.documents), Sequence: h.sequence}
		for id, d := range h.documents {
			report.Passages += len(d.record.Passages)
			for _, p := range d.record.Passages {
				if p.Vector != nil {
					report.Vectors++
				}
			}
			report.TextDocs += len(d.terms)
			if err := index.CheckRecord(d.record, h.settings.Dims); err != nil {
				report.Problems = append(report.Problems, err.Error())
			}
			if id != d.record.ID {
				report.Problems = append(report.Problems, fmt.Sprintf("document %q is kept under %q", d.record.ID, id))
			}
		}
		return nil
	})
	return report, err
}
