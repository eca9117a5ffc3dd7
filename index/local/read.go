package local

import (
	"context"
	"fmt"

	"semdex/index"
)

// Info implements index.Collection.
func (c *Collection) Info(ctx context.Context) (index.Info, error) {
	if err := c.enter(ctx); err != nil {
		return index.Info{}, err
	}
	defer c.leave()
	c.mu.RLock()
	v, s, synonyms, configured := c.state.view, c.settings, c.thesaurus.count(), c.configured
	s.Fields = mergeFields(c.state.fields, nil)
	c.mu.RUnlock()
	return index.Info{
		Name: c.name, Settings: s, Created: c.created,
		Documents: int(v.live.GetCardinality()), Passages: v.passages,
		Bytes: folderSize(c.dir), Synonyms: synonyms, Sequence: v.sequence, Configured: configured,
	}, nil
}

// find returns the current version of a document, or nil.
func (c *Collection) find(id string) *document {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if n, ok := c.state.byID[id]; ok {
		return c.state.docs[n]
	}
	return nil
}

// record reads the current version of a document from the log, without its
// vectors; nil if there is none.
func (c *Collection) record(id string) (*index.Record, error) {
	for {
		d := c.find(id)
		if d == nil {
			return nil, nil
		}
		if r, ok, err := d.load(); ok {
			return &r, err
		}
		// The version was replaced and compacted away meanwhile.
	}
}

// load reads a document version from the log; false if compaction has removed
// it.
func (d *document) load() (r index.Record, ok bool, err error) {
	for {
		at := d.place.Load()
		if at.file.acquire() {
			r, err = at.readDocument(d.part)
			at.file.release()
			return r, true, err
		}
		if d.place.Load() == at {
			return r, false, nil
		}
	}
}

// Get implements index.Collection.
func (c *Collection) Get(ctx context.Context, id string) (index.Document, error) {
	if err := c.enter(ctx); err != nil {
		return index.Document{}, err
	}
	defer c.leave()
	r, err := c.record(id)
	if err != nil {
		return index.Document{}, err
	}
	if r == nil {
		return index.Document{}, fmt.Errorf("%w: %q", index.ErrDocumentNotFound, id)
	}
	return r.Document, nil
}

// Contents implements index.Collection.
func (c *Collection) Contents(ctx context.Context, ids []string) (map[string][16]byte, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	defer c.leave()
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make(map[string][16]byte)
	for _, id := range ids {
		if n, ok := c.state.byID[id]; ok {
			out[id] = c.state.docs[n].content
		}
	}
	return out, nil
}

// Count implements index.Collection.
func (c *Collection) Count(ctx context.Context, f index.Filter) (documents, passages int, err error) {
	if err := c.enter(ctx); err != nil {
		return 0, 0, err
	}
	defer c.leave()
	v, accepted, err := c.snapshot(f)
	if err != nil {
		return 0, 0, err
	}
	if accepted == nil {
		return int(v.live.GetCardinality()), v.passages, nil
	}
	for it := accepted.Iterator(); it.HasNext(); {
		documents++
		passages += v.docs[it.Next()].passages()
	}
	return documents, passages, nil
}

// Fetch implements index.Collection. Each document is read once.
func (c *Collection) Fetch(ctx context.Context, refs []index.Ref) ([]index.Stored, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	defer c.leave()
	out := make([]index.Stored, len(refs))
	records := make(map[string]*index.Record)
	for i, ref := range refs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, seen := records[ref.Document]
		if !seen {
			var err error
			if r, err = c.record(ref.Document); err != nil {
				return nil, err
			}
			records[ref.Document] = r
		}
		if r == nil || ref.Ordinal < 0 || ref.Ordinal >= len(r.Passages) {
			continue
		}
		p := r.Passages[ref.Ordinal]
		out[i] = index.Stored{Found: true, Document: r.Document, Start: p.Start, End: p.End}
	}
	return out, nil
}
