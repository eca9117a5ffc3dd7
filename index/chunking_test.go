package index_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"semdex/index"
	"semdex/index/indextest"
)

// lateEncoder is a fakeEncoder with words for tokens, that encodes late what
// stands in a span behind its prefix and a mark.
type lateEncoder struct {
	fakeEncoder
	refuse error
	late   []string
}

func (e *lateEncoder) TokenSpans(text string) (spans []index.Span) {
	at := 0
	for word := range strings.FieldsSeq(text) {
		i := strings.Index(text[at:], word) + at
		start := len([]rune(text[:i]))
		at = i + len(word)
		spans = append(spans, index.Span{Start: start, End: start + len([]rune(word))})
	}
	return spans
}

func (e *lateEncoder) CanEncodeLate() error { return e.refuse }

func (e *lateEncoder) EncodeLate(_ context.Context, documents []index.LateDocument) ([][]float32, error) {
	var texts []string
	for _, d := range documents {
		for i, s := range d.Spans {
			texts = append(texts, "LATE "+d.Prefixes[i]+"|"+string([]rune(d.Text)[s.Start:s.End]))
		}
	}
	e.late = append(e.late, texts...)
	return e.encode(texts)
}

const manual = "# One\n\nalpha beta\n\n## Two\n\ngamma delta epsilon"

func TestServicePrefixes(t *testing.T) {
	for _, test := range []struct {
		split index.SplitOptions
		want  []string
	}{
		{index.SplitOptions{}, []string{"Manual\n" + manual, "Alone"}},
		{index.SplitOptions{Title: index.PrefixNone}, []string{manual, "Alone"}},
		{index.SplitOptions{Headings: true}, []string{"Manual\n# One\n\nalpha beta", "Manual\n## Two\n\ngamma delta epsilon", "Alone"}},
		{index.SplitOptions{Headings: true, Title: index.PrefixPath}, []string{"Manual\n# One\n\nalpha beta", "Manual > One\n## Two\n\ngamma delta epsilon", "Alone"}},
		{index.SplitOptions{Unit: index.Tokens, Size: 16, Title: index.PrefixNone}, []string{manual, "Alone"}},
	} {
		e := &lateEncoder{fakeEncoder: fakeEncoder{name: "m"}}
		s := index.NewService(indextest.NewMemory(), e, index.ServiceOptions{Split: test.split})
		docs := []index.Document{{ID: "a", Title: "Manual", Text: manual}, {ID: "b", Title: "Alone"}}
		put(t, s, docs...)
		if !slices.Equal(e.passages, test.want) {
			t.Errorf("%v: encoded %q, want %q", test.split, e.passages, test.want)
		}
		if r := put(t, s, docs...); r.Unchanged != 2 {
			t.Errorf("%v: again %+v", test.split, r)
		}
		d, err := s.Get(t.Context(), "c", "a")
		if err != nil || test.split.UsesHeadings() != (len(d.Headings) == 2) {
			t.Errorf("%v: stored headings %v, %v", test.split, d.Headings, err)
		}
		if r := put(t, s, d); r.Unchanged != 1 { // with headings now
			t.Errorf("%v: what was read is put again: %+v", test.split, r)
		}
		d.Headings = []index.Heading{}
		if r := put(t, s, d); r.Updated != 1 && test.split.UsesHeadings() || r.Unchanged != 1 && !test.split.UsesHeadings() {
			t.Errorf("%v: without headings: %+v", test.split, r)
		}
	}
}

func TestServiceHitsHaveHeadings(t *testing.T) {
	s := index.NewService(indextest.NewMemory(), &lateEncoder{fakeEncoder: fakeEncoder{name: "m"}}, index.ServiceOptions{Split: index.SplitOptions{Headings: true}})
	put(t, s, index.Document{ID: "a", Title: "Manual", Text: manual})
	for word, want := range map[string]string{"alpha": "[One]", "gamma": "[One Two]"} {
		r, err := s.Search(t.Context(), "c", index.Query{Text: word, Mode: index.KeywordOnly})
		if err != nil || len(r.Hits) != 1 || fmt.Sprint(r.Hits[0].Headings) != want {
			t.Errorf("%s: %+v, %v", word, r.Hits, err)
		}
	}
}

func TestServiceLate(t *testing.T) {
	e := &lateEncoder{fakeEncoder: fakeEncoder{name: "m"}}
	split := index.SplitOptions{Headings: true, Title: index.PrefixPath, Late: true}
	s := index.NewService(indextest.NewMemory(), e, index.ServiceOptions{Split: split})
	put(t, s, index.Document{ID: "a", Title: "Manual", Text: manual}, index.Document{ID: "b", Title: "Alone"}, index.Document{ID: "d", Text: "zeta"})
	if want := []string{"LATE Manual|# One\n\nalpha beta", "LATE Manual > One|## Two\n\ngamma delta epsilon", "LATE |zeta"}; !slices.Equal(e.late, want) {
		t.Errorf("encoded late %q, want %q", e.late, want)
	}
	if want := []string{"Alone"}; !slices.Equal(e.passages, want) {
		t.Errorf("encoded %q, want %q", e.passages, want)
	}
	r, err := s.Search(t.Context(), "c", index.Query{Text: "LATE |zeta", Mode: index.DenseOnly})
	if err != nil || r.Hits[0].DocumentID != "d" || r.Hits[0].Score < .999 {
		t.Errorf("%+v, %v", r.Hits, err)
	}
	e.fail = errors.New("broken")
	if _, err := s.Put(t.Context(), "c", []index.Document{{ID: "x", Text: "y"}}); !errors.Is(err, index.ErrEncoder) {
		t.Errorf("a late encoder that fails: %v", err)
	}
}

// What the encoder cannot do is said before anything is stored.
func TestServiceSettingsThatCannotBe(t *testing.T) {
	plain := &fakeEncoder{name: "m"}
	static := &lateEncoder{fakeEncoder: fakeEncoder{name: "m"}, refuse: errors.New("it is a static table")}
	for _, test := range []struct {
		encoder index.Encoder
		split   index.SplitOptions
		word    string
	}{
		{plain, index.SplitOptions{Unit: index.Tokens}, "tells its tokens"},
		{plain, index.SplitOptions{Late: true}, "within their documents"},
		{static, index.SplitOptions{Late: true}, "static table"},
		{static, index.SplitOptions{Unit: "lines"}, `"lines"`},
		{static, index.SplitOptions{Title: "lines"}, `"lines"`},
		{static, index.SplitOptions{Size: -5}, "-5"},
	} {
		s := index.NewService(indextest.NewMemory(), test.encoder, index.ServiceOptions{Split: test.split})
		_, err := s.Put(t.Context(), "c", []index.Document{{ID: "a", Text: "b"}})
		created := s.Create(t.Context(), "c", index.Settings{Split: test.split})
		for _, err := range []error{err, created} {
			if !errors.Is(err, index.ErrInvalidSetting) || !strings.Contains(err.Error(), test.word) {
				t.Errorf("%+v: %v", test.split, err)
			}
		}
		if infos, err := s.List(t.Context()); err != nil || len(infos) != 0 {
			t.Errorf("%+v: there are %v, %v", test.split, infos, err)
		}
	}
}

// An export keeps the settings and headings.
func TestTransferKeepsChunking(t *testing.T) {
	split := index.SplitOptions{Size: 300, Headings: true, Title: index.PrefixPath, Late: true}
	e := &lateEncoder{fakeEncoder: fakeEncoder{name: "m"}}
	s := index.NewService(indextest.NewMemory(), e, index.ServiceOptions{Split: split})
	put(t, s, index.Document{ID: "a", Title: "Manual", Text: manual}, index.Document{ID: "b", Text: "# no heading", Headings: []index.Heading{}})
	for _, vectors := range []bool{true, false} {
		var b strings.Builder
		if _, err := s.Export(t.Context(), "c", &b, index.ExportOptions{Vectors: vectors}); err != nil {
			t.Fatal(err)
		}
		in, err := index.NewExportReader(strings.NewReader(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		other := index.NewService(indextest.NewMemory(), e, index.ServiceOptions{})
		if r, err := other.Import(t.Context(), "c", in, index.ImportOptions{}, nil); err != nil || r.Created != 2 {
			t.Fatalf("%+v, %v", r, err)
		}
		info, err := other.Info(t.Context(), "c")
		if err != nil || info.Settings.Split != split || info.Passages != 3 {
			t.Errorf("vectors %t: %+v, %v", vectors, info, err)
		}
		if r := put(t, other, index.Document{ID: "a", Title: "Manual", Text: manual}, index.Document{ID: "b", Text: "# no heading", Headings: []index.Heading{}}); r.Unchanged != 2 {
			t.Errorf("vectors %t: put again: %+v", vectors, r)
		}
	}
}

// What was stored before there were options beside lengths is still recognised.
func TestContentHashIsKept(t *testing.T) {
	engine := indextest.NewMemory()
	s := index.NewService(engine, &fakeEncoder{name: "m"}, index.ServiceOptions{})
	put(t, s, index.Document{ID: "a", Title: "T", Text: "# text", Metadata: map[string]any{"n": 1.}, Headings: []index.Heading{{Start: 0, End: 6, Level: 1}}})
	c, err := engine.Open(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	have, err := c.Contents(t.Context(), []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	id := have["a"]
	if got, want := hex.EncodeToString(id[:]), "e90c543c911f45162a51c2c7b79658c6"; got != want {
		t.Errorf("content %s, want %s", got, want)
	}
}
