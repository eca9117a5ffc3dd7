package indextest

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"semdex/index"
)

// testVisibility asks for each write at once, in every way.
func testVisibility(h *harness) {
	c := h.create("c")
	for i := range 25 {
		id := strconv.Itoa(i)
		r := h.record(id, "", "unique"+id+" marker", map[string]any{"n": float64(i)})
		h.upsert(c, r)
		h.wantCount(c, nil, i+1, i+1)
		if d, err := c.Get(h.ctx, id); err != nil || d.Text != r.Text {
			h.Errorf("get %s: %+v, %v", id, d, err)
		}
		f := index.Compare{Field: "n", Op: index.Eq, Value: float64(i)}
		if got := documents(h.dense(c, r.Passages[0].Vector, 1, nil)); !slices.Equal(got, []string{id}) {
			h.Errorf("dense after %s: %v", id, got)
		}
		if got := documents(h.keyword(c, "unique"+id, 5, nil)); !slices.Equal(got, []string{id}) {
			h.Errorf("keyword after %s: %v", id, got)
		}
		if got := documents(h.keyword(c, "marker", 100, f)); !slices.Equal(got, []string{id}) {
			h.Errorf("filtered after %s: %v", id, got)
		}
	}
}

// testReopen compares every answer before and after opening again.
func testReopen(h *harness) {
	c := h.create("c")
	for i := range 60 {
		h.upsert(c, h.record(fmt.Sprintf("d%d", i%45), "title", fmt.Sprintf("word%d common 한국어를 %d", i%7, i), randomMetadata(h.rng),
			index.Span{Start: 0, End: 5}, index.Span{Start: 0, End: 12}))
	}
	_, err := c.Delete(h.ctx, []string{"d3", "d44"})
	h.must(err)
	h.must(h.engine.Drop(h.ctx, h.createFilled("dropped")))
	queries := [][]float32{h.vector(), h.vector()}
	words := []string{"common", "word3", "한국어", "title word5"}
	type answers struct {
		Info      index.Info
		Documents []index.Document
		Contents  map[string][16]byte
		Legs      []index.Leg
	}
	ask := func() answers {
		var a answers
		a.Info, err = c.Info(h.ctx)
		h.must(err)
		a.Info.Bytes, a.Info.Configured = 0, 0 // may shrink, and begins anew
		var ids []string
		for i := range 45 {
			ids = append(ids, fmt.Sprintf("d%d", i))
			if d, err := c.Get(h.ctx, ids[i]); err == nil {
				a.Documents = append(a.Documents, d)
			}
		}
		a.Contents, err = c.Contents(h.ctx, ids)
		h.must(err)
		for _, v := range queries {
			a.Legs = append(a.Legs, h.dense(c, v, 30, nil))
		}
		for _, w := range words {
			a.Legs = append(a.Legs, h.keyword(c, w, 200, nil))
		}
		return a
	}
	before := ask()
	for range 2 {
		c = h.restart("c")
		after := ask()
		if !after.Info.Created.Equal(before.Info.Created) {
			h.Errorf("created %v, before %v", after.Info.Created, before.Info.Created)
		}
		after.Info.Created = before.Info.Created
		if !reflect.DeepEqual(after.Info, before.Info) || !reflect.DeepEqual(after.Documents, before.Documents) || !reflect.DeepEqual(after.Contents, before.Contents) {
			h.Errorf("reopening changed what is stored:\n%+v\nbefore\n%+v", after.Info, before.Info)
		}
		for i, leg := range after.Legs {
			h.sameLeg(leg, before.Legs[i], i < len(queries))
		}
		h.checkSound(c)
	}
}

// createFilled makes a collection with a document in it and returns its name.
func (h *harness) createFilled(name string) string {
	h.upsert(h.create(name), h.record("x", "", "text", nil))
	return name
}

// sameLeg compares two answers to one question. BM25 scores may move a little
// when deleted passages stop to count; sets may not.
func (h *harness) sameLeg(got, want index.Leg, exact bool) {
	h.Helper()
	if !exact {
		if !slices.Equal(documents(got), documents(want)) || len(got.Candidates) != len(want.Candidates) {
			h.Errorf("the keyword leg has %v, before %v", got.Candidates, want.Candidates)
		}
		return
	}
	same := slices.EqualFunc(got.Candidates, want.Candidates, func(a, b index.Candidate) bool {
		return a.Ref == b.Ref && math.Abs(a.Score-b.Score) < tolerance
	})
	if !same {
		h.Errorf("the dense leg has %v, before %v", got.Candidates, want.Candidates)
	}
}

func testCancelled(h *harness) {
	c := h.create("c")
	h.upsert(c, h.record("a", "", "text", nil))
	ctx, cancel := context.WithCancel(h.ctx)
	cancel()
	_, denseErr := c.Dense(ctx, h.vector(), 1, nil)
	_, keywordErr := c.Keyword(ctx, index.Words{Text: "text"}, 1, nil)
	_, loadErr := c.BeginLoad(ctx)
	for what, err := range map[string]error{
		"Upsert":    c.Upsert(ctx, []index.Record{h.record("b", "", "text", nil)}),
		"Dense":     denseErr,
		"Keyword":   keywordErr,
		"BeginLoad": loadErr,
		"Settle":    c.Settle(ctx, nil),
	} {
		h.wantError(what+" with a cancelled context", err, context.Canceled)
	}
	h.wantCount(c, nil, 1, 1)
	h.upsert(c, h.record("b", "", "text", nil))
	h.wantCount(c, nil, 2, 2)
}

// testSearchPages pages through fused results: the pages put together are the
// one big page, and every hit's text is where its offsets say.
func testSearchPages(h *harness) {
	c := h.create("c")
	var records []index.Record
	for i := range 250 {
		text := fmt.Sprintf("common word%d. Second part of %d", i%9, i)
		cut := slices.Index([]rune(text), '.') + 1
		records = append(records, h.record(fmt.Sprintf("d%d", i), "", text, map[string]any{"n": float64(i)},
			index.Span{Start: 0, End: cut}, index.Span{Start: cut + 1, End: len([]rune(text))}))
	}
	h.upsert(c, records...)
	v := h.vector()
	for _, q := range []index.Query{
		{Text: "common word3 part"},
		{Text: "word3 part", GroupBy: index.ByPassage, Fusion: index.Fusion{Method: index.RRF}},
		{Text: "common", Mode: index.KeywordOnly},
		{Text: "common", Mode: index.DenseOnly, Filter: index.Compare{Field: "n", Op: index.Lt, Value: 200.}},
	} {
		q.Vector = v
		q.TopK = 230
		big, err := index.Search(h.ctx, c, q)
		h.must(err)
		var paged []index.Hit
		for q.TopK = 23; q.Offset < 230; q.Offset += q.TopK {
			page, err := index.Search(h.ctx, c, q)
			h.must(err)
			paged = append(paged, page.Hits...)
		}
		same := func(a, b index.Hit) bool { return a.ID == b.ID && a.Score == b.Score && a.Text == b.Text }
		if !slices.EqualFunc(paged, big.Hits, same) {
			h.Errorf("%s with %+v: the pages differ from one big page", q.Text, q.Fusion)
		}
		for _, hit := range big.Hits {
			d, err := c.Get(h.ctx, hit.DocumentID)
			if err != nil || string([]rune(d.Text)[hit.Start:hit.End]) != hit.Text {
				h.Fatalf("hit %+v of %+v, %v", hit, d, err)
			}
		}
	}
}

// testConcurrent has writers and readers at once; each document says its
// version in its text, title and metadata, which must never disagree.
func testConcurrent(h *harness) {
	c := h.create("c")
	const writers, rounds = 3, 12
	version := func(w, i, round int) index.Record {
		s := fmt.Sprint(round)
		rng := newRand(uint64(w*1000 + i*100 + round))
		return makeRecord(rng, fmt.Sprintf("w%d-%d", w, i), s, "version "+s, map[string]any{"round": float64(round)})
	}
	ctx := context.WithoutCancel(h.ctx)
	var writing atomic.Int32
	writing.Store(writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			defer writing.Add(-1)
			for round := range rounds {
				records := []index.Record{version(w, 0, round), version(w, 1, round), version(w, 2, round)}
				if err := c.Upsert(ctx, records); err != nil {
					h.Errorf("upsert: %v", err)
				}
				if d, err := c.Get(ctx, records[1].ID); err != nil || d.Title != fmt.Sprint(round) {
					h.Errorf("the writer of round %d reads %+v, %v", round, d, err)
				}
				if _, err := c.Delete(ctx, []string{records[2].ID}); err != nil {
					h.Errorf("delete: %v", err)
				}
			}
		})
	}
	for r := range 2 {
		wg.Go(func() {
			rng := newRand(uint64(r))
			for done := false; !done; {
				done = writing.Load() == 0 // one more look when all is written
				if err := readConsistently(ctx, c, randomVector(rng)); err != nil {
					h.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	h.wantCount(c, nil, 2*writers, 2*writers)
	h.wantCount(c, index.Compare{Field: "round", Op: index.Eq, Value: float64(rounds - 1)}, 2*writers, 2*writers)
	h.wantCount(h.restart("c"), nil, 2*writers, 2*writers)
}

// readConsistently searches and reports documents that are of two versions.
func readConsistently(ctx context.Context, c index.Collection, v []float32) error {
	dense, err := c.Dense(ctx, v, 100, nil)
	if err != nil {
		return fmt.Errorf("dense: %w", err)
	}
	keyword, err := c.Keyword(ctx, index.Words{Text: "version"}, 100, index.Not{Filter: index.And{}})
	if err != nil || len(keyword.Candidates) > 0 {
		return fmt.Errorf("keyword that accepts nothing: %v, %w", keyword.Candidates, err)
	}
	if keyword, err = c.Keyword(ctx, index.Words{Text: "version"}, 100, nil); err != nil {
		return fmt.Errorf("keyword: %w", err)
	}
	var refs []index.Ref
	for _, cand := range append(dense.Candidates, keyword.Candidates...) {
		refs = append(refs, cand.Ref)
	}
	stored, err := c.Fetch(ctx, refs)
	if err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	for _, s := range stored {
		d := s.Document
		if s.Found && (d.Text != "version "+d.Title || fmt.Sprint(d.Metadata["round"]) != d.Title) {
			return fmt.Errorf("a document of two versions: %+v", d)
		}
	}
	_, err = c.Info(ctx)
	return err
}
