package local

import (
	"context"
	"fmt"

	"semdex/index"
)

// request is one call that changes a collection, or that must see it between
// changes. Exactly one of records, ids, where and inspect is set.
type request struct {
	ctx     context.Context
	records []*index.Record
	texts   []analyzed // the records' passages, in their order
	bytes   int        // that the records need, about
	ids     []string
	where   index.Filter
	inspect func()

	n    int // documents deleted
	err  error
	done chan struct{}
}

// finish answers the caller.
func (r *request) finish(err error) {
	r.err = err
	close(r.done)
}

// do hands a request to the writer and waits for the answer. Once the writer
// has it, the outcome is waited for whatever becomes of the context, so that
// the caller knows what happened.
func (c *Collection) do(r *request) error {
	r.done = make(chan struct{})
	select {
	case c.requests <- r:
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
	<-r.done
	return r.err
}

// Upsert implements index.Collection. Of two records with one id in the same
// call the last wins.
func (c *Collection) Upsert(ctx context.Context, records []index.Record) error {
	if err := c.enter(ctx); err != nil {
		return err
	}
	defer c.leave()
	r := &request{ctx: ctx}
	at := make(map[string]int, len(records))
	for i := range records {
		rec := &records[i]
		if err := index.CheckRecord(*rec, c.dims); err != nil {
			return err
		}
		if size := upsertSize(rec, c.dims); size > maxPayload/2 {
			return fmt.Errorf("%w: document %q needs %d bytes with its vectors, at most %d can be stored", index.ErrInvalidDocument, rec.ID, size, maxPayload/2)
		}
		r.bytes += upsertSize(rec, c.dims)
		if j, ok := at[rec.ID]; ok {
			r.records[j] = rec
			continue
		}
		at[rec.ID] = len(r.records)
		r.records = append(r.records, rec)
	}
	if len(r.records) == 0 {
		return nil
	}
	r.texts = analyzeRecords(c.text.analyzer, c.split, r.records)
	return c.do(r)
}

// Delete implements index.Collection.
func (c *Collection) Delete(ctx context.Context, ids []string) (int, error) {
	if err := c.enter(ctx); err != nil {
		return 0, err
	}
	defer c.leave()
	if len(ids) == 0 {
		return 0, nil
	}
	r := &request{ctx: ctx, ids: ids}
	err := c.do(r)
	return r.n, err
}

// DeleteWhere implements index.Collection.
func (c *Collection) DeleteWhere(ctx context.Context, f index.Filter) (int, error) {
	if err := c.enter(ctx); err != nil {
		return 0, err
	}
	defer c.leave()
	if f == nil {
		f = index.And{}
	}
	r := &request{ctx: ctx, where: f}
	err := c.do(r)
	return r.n, err
}
