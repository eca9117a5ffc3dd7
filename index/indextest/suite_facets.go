package indextest

import (
	"reflect"

	"semdex/index"
)

// testTallies compares counts of keywords with Memory's, through updates,
// deletions and a reopening.
func testTallies(h *harness) {
	p := &pair{harness: h, model: NewMemory()}
	for i := range 20 {
		p.ids = append(p.ids, string(rune('a'+i)))
	}
	p.recreate()
	var fields []string
	for name, kind := range filterFields {
		if kind == index.Keyword {
			fields = append(fields, name)
		}
	}
	for step := range 12 {
		p.put()
		p.put()
		p.remove()
		if step == 8 {
			p.real = h.restart("c")
		}
		for _, f := range []index.Filter{nil, randomFilter(p.rng, 2)} {
			text := vocabulary[p.rng.IntN(len(vocabulary))] + " " + vocabulary[p.rng.IntN(len(vocabulary))]
			got, err := p.real.TallyMatches(p.ctx, index.Words{Text: text}, f, fields)
			p.must(err)
			want, err := p.ref.TallyMatches(p.ctx, index.Words{Text: text}, f, fields)
			p.must(err)
			if !reflect.DeepEqual(got, want) {
				p.Errorf("matches of %q with %v: %+v, want %+v", text, f, got, want)
			}
		}
		ids := append([]string{"none"}, p.id(), p.id(), p.id())
		got, err := p.real.TallyDocuments(p.ctx, ids, fields)
		p.must(err)
		want, err := p.ref.TallyDocuments(p.ctx, ids, fields)
		p.must(err)
		if !reflect.DeepEqual(got, want) {
			p.Errorf("documents %q: %+v, want %+v", ids, got, want)
		}
	}
	report, err := p.ref.Check(p.ctx)
	p.must(err)
	p.bare = report.Passages - report.Vectors
}
