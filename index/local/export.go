package local

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"semdex/index"
)

// exported is a state of a collection with the files that hold it.
type exported struct {
	c     *Collection
	info  index.Info
	docs  []*document
	at    []location // of docs when the state was taken
	files []*logFile
}

// Export implements index.Collection. The files of the state are kept from
// compaction until the end; the collection itself can be closed or dropped
// between two documents, however slow each is.
func (c *Collection) Export(ctx context.Context, vectors bool, begin func(index.Info) error, each func(index.Record) error) error {
	x := &exported{c: c}
	if err := x.take(ctx); err != nil {
		return err
	}
	defer func() {
		for _, f := range x.files {
			f.release()
		}
	}()
	if err := begin(x.info); err != nil {
		return err
	}
	for i := range x.docs {
		r, err := x.read(ctx, i, vectors)
		if err != nil {
			return err
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// take notes the state between two writes.
func (x *exported) take(ctx context.Context) error {
	c := x.c
	if err := c.enter(ctx); err != nil {
		return err
	}
	defer c.leave()
	return c.do(&request{ctx: ctx, inspect: func() {
		s := c.settings
		s.Fields = mergeFields(c.state.fields, nil)
		x.info = index.Info{
			Name: c.name, Settings: s, Created: c.created, Synonyms: c.thesaurus.count(),
			Documents: int(c.state.live.GetCardinality()), Passages: c.state.passages,
			Sequence: c.state.sequence,
		}
		for it := c.state.live.Iterator(); it.HasNext(); {
			d := c.state.docs[it.Next()]
			x.docs, x.at = append(x.docs, d), append(x.at, *d.place.Load())
		}
		for _, f := range c.files {
			f.acquire() // the writer's own are never gone
			x.files = append(x.files, f)
		}
	}})
}

func (x *exported) read(ctx context.Context, i int, vectors bool) (index.Record, error) {
	if err := x.c.enter(ctx); err != nil {
		return index.Record{}, err
	}
	defer x.c.leave()
	d := x.docs[i]
	if !vectors {
		return x.at[i].readDocument(d.part)
	}
	frame, err := x.at[i].readFrame(d.frame, d.sequence)
	if err != nil {
		return index.Record{}, err
	}
	u, err := decodeUpsert(frame[frameHeaderSize:], x.c.dims)
	if err != nil {
		return index.Record{}, fmt.Errorf("%s: %w", x.at[i], err)
	}
	decodeVectors(u.Passages, u.vectors, x.c.dims)
	return u.Record, nil
}

// decodeVectors fills in the passages' vectors as a frame holds them.
func decodeVectors(passages []index.Passage, b []byte, dims int) {
	for i := range passages {
		if binary.LittleEndian.Uint32(b) != noVector {
			v := make([]float32, dims)
			for j := range v {
				v[j] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*j:]))
			}
			passages[i].Vector = v
		}
		b = b[4*dims:]
	}
}
