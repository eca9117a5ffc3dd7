package indextest

import (
	"fmt"
	"math/rand/v2"
	"reflect"

	"semdex/index"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// vocabulary has words that no analyzer maps together.
var vocabulary = []string{"kappa", "zebra", "mountain", "violin", "harbor", "copper", "window", "garden", "7741", "나무", "바다", "하늘"}

// pair runs the same operations on the engine and on Memory.
type pair struct {
	*harness
	model     *Memory
	real, ref index.Collection
	ids       []string
}

// testRandomOperations compares the engine with Memory through a random
// history of writes, deletions and reopenings.
func testRandomOperations(h *harness) {
	p := &pair{harness: h, model: NewMemory()}
	for i := range 30 {
		p.ids = append(p.ids, fmt.Sprintf("doc-%d", i))
	}
	p.recreate()
	for step := range 250 {
		switch n := h.rng.IntN(100); {
		case n < 45:
			p.put()
		case n < 60:
			p.remove()
		case n < 64:
			p.removeWhere()
		case n < 66:
			h.must(h.engine.Drop(h.ctx, "c"))
			h.must(p.model.Drop(h.ctx, "c"))
			p.recreate()
		case n < 70:
			p.real = h.restart("c")
		default:
			p.compare()
		}
		if h.Failed() {
			h.Fatalf("after %d operations", step+1)
		}
	}
	p.compare()
}

func (p *pair) recreate() {
	s := settings
	s.Fields = filterFields
	var err error
	p.real, err = p.engine.Create(p.ctx, "c", s)
	p.must(err)
	p.ref, err = p.model.Create(p.ctx, "c", s)
	p.must(err)
}

func (p *pair) id() string { return p.ids[p.rng.IntN(len(p.ids))] }

// put upserts some documents of a few words and one to three passages.
func (p *pair) put() {
	var records []index.Record
	for range 1 + p.rng.IntN(5) {
		text, spans := "", []index.Span(nil)
		for i := range 1 + p.rng.IntN(3) {
			if i > 0 {
				text += " "
			}
			start := len([]rune(text))
			text += vocabulary[p.rng.IntN(len(vocabulary))] + " " + vocabulary[p.rng.IntN(len(vocabulary))]
			spans = append(spans, index.Span{Start: start, End: len([]rune(text))})
		}
		r := p.record(p.id(), vocabulary[p.rng.IntN(len(vocabulary))], text, randomMetadata(p.rng), spans...)
		if p.rng.IntN(8) == 0 {
			r.Passages[p.rng.IntN(len(r.Passages))].Vector = nil
		}
		records = append(records, r)
	}
	p.upsert(p.real, records...)
	p.upsert(p.ref, records...)
}

func (p *pair) remove() {
	ids := []string{p.id(), p.id()}
	got, err := p.real.Delete(p.ctx, ids)
	p.must(err)
	want, err := p.ref.Delete(p.ctx, ids)
	p.must(err)
	if got != want {
		p.Errorf("delete %v: %d, want %d", ids, got, want)
	}
}

func (p *pair) removeWhere() {
	f := index.And{randomFilter(p.rng, 1), randomFilter(p.rng, 1)}
	got, err := p.real.DeleteWhere(p.ctx, f)
	p.must(err)
	want, err := p.ref.DeleteWhere(p.ctx, f)
	p.must(err)
	if got != want {
		p.Errorf("delete where %s: %d, want %d", f, got, want)
	}
}

// compare asks both the same questions.
func (p *pair) compare() {
	for _, f := range []index.Filter{nil, randomFilter(p.rng, 2)} {
		documents, passages, err := p.ref.Count(p.ctx, f)
		p.must(err)
		p.wantCount(p.real, f, documents, passages)
		v, k := p.vector(), 1+p.rng.IntN(40)
		p.sameLeg(p.dense(p.real, v, k, f), p.dense(p.ref, v, k, f), true)
		word := vocabulary[p.rng.IntN(len(vocabulary))]
		p.sameLeg(p.keyword(p.real, word, 1000, f), p.keyword(p.ref, word, 1000, f), false)
	}
	got, err := p.real.Contents(p.ctx, p.ids)
	p.must(err)
	want, err := p.ref.Contents(p.ctx, p.ids)
	p.must(err)
	if !reflect.DeepEqual(got, want) {
		p.Errorf("contents of %d documents, want %d", len(got), len(want))
	}
	var refs []index.Ref
	for range 10 {
		refs = append(refs, index.Ref{Document: p.id(), Ordinal: p.rng.IntN(3)})
	}
	stored, err := p.real.Fetch(p.ctx, refs)
	p.must(err)
	wantStored, err := p.ref.Fetch(p.ctx, refs)
	p.must(err)
	if !reflect.DeepEqual(stored, wantStored) {
		p.Errorf("fetched %+v, want %+v", stored, wantStored)
	}
	report, err := p.ref.Check(p.ctx)
	p.must(err)
	p.bare = report.Passages - report.Vectors
	p.checkSound(p.real)
}
