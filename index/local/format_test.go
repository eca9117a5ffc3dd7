package local

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"semdex/index"
)

var update = flag.Bool("update", false, "write the data folder of the current format into testdata")

// formats holds one small data folder of every format version, and what it
// contains.
var formats = filepath.Join("..", "..", "testdata", "index")

// fixture is what a data folder must contain.
type fixture struct {
	Settings  index.Settings            `json:"settings"`
	Documents map[string]index.Document `json:"documents"`
	Keyword   map[string][]string       `json:"keyword"` // query to passages, ranked
	Dense     []string                  `json:"dense"`   // passages nearest to fixtureVector
}

var fixtureVector = []float32{0.6, 0, 0.8, 0}

func fixtureQueries() []string { return []string{"한국어", "version2", "second title"} }

// readFixture reads everything that a fixture is compared with.
func readFixture(t *testing.T, c *Collection) fixture {
	t.Helper()
	ctx := context.Background()
	info, err := c.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{Settings: info.Settings, Documents: map[string]index.Document{}, Keyword: map[string][]string{}}
	for _, id := range slices.Sorted(maps.Keys(c.state.byID)) {
		if f.Documents[id], err = c.Get(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	refs := func(leg index.Leg, err error) (out []string) {
		if err != nil {
			t.Fatal(err)
		}
		for _, cand := range leg.Candidates {
			out = append(out, cand.Ref.String())
		}
		return out
	}
	for _, q := range fixtureQueries() {
		f.Keyword[q] = refs(c.Keyword(ctx, index.Words{Text: q}, 10, nil))
	}
	f.Dense = refs(c.Dense(ctx, fixtureVector, 10, nil))
	return f
}

// Data folders of every format version open and hold what they held.
func TestFormats(t *testing.T) {
	if *update {
		writeFixture(t)
	}
	for version := 1; version <= formatVersion; version++ {
		kept := filepath.Join(formats, fmt.Sprintf("v%d", version))
		want, err := os.ReadFile(kept + ".json")
		if err != nil {
			t.Fatal(err)
		}
		s := &store{T: t, dir: copyFolder(t, kept, false), o: Options{Logger: quiet()}}
		s.open()
		s.check()
		got, err := json.MarshalIndent(readFixture(t, s.c), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if string(got)+"\n" != string(want) {
			t.Errorf("format %d holds %s\nwant %s", version, got, want)
		}
		s.put("new", 1) // and it can be written to
		s.reopen()
		s.check()
		s.close()
	}
}

// writeFixture makes the data folder of the current version: several log files,
// replaced and deleted documents, every kind of metadata, headings.
func writeFixture(t *testing.T) {
	settings := testSettings
	settings.Split = index.SplitOptions{Size: 100, Overlap: 20, Unit: index.Tokens, Headings: true, Title: index.PrefixPath, Late: true}
	s := newStoreOf(t, Options{FileBytes: 900, CompactBytes: 1 << 20}, settings)
	ctx := t.Context()
	rich := testRecord("rich", 2)
	rich.Metadata = map[string]any{"keyword": "값", "list": []string{"a", "b"}, "number": 1.5, "bool": true, "time": mustTime(t, "2024-02-29T12:00:00.000001Z")}
	rich.Title = "Second title, 한국어로"
	rich.Headings = []index.Heading{{Start: 0, End: 7, Level: 1}, {Start: 8, End: 13, Level: 2}}
	bare := testRecord("bare", 2)
	bare.Headings = []index.Heading{}
	for _, records := range [][]index.Record{
		{testRecord("a", 1), testRecord("b", 2), testRecord("문서 셋", 3)},
		{rich, bare},
		{testRecord("a", 4)},
		{testRecord("gone", 5)},
	} {
		if err := s.c.Upsert(ctx, records); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.c.Delete(ctx, []string{"gone", "b"}); err != nil {
		t.Fatal(err)
	}
	content, err := json.MarshalIndent(readFixture(t, s.c), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	s.close()
	kept := filepath.Join(formats, fmt.Sprintf("v%d", formatVersion))
	copied := copyFolder(t, s.dir, true)
	for _, err := range []error{
		os.Remove(filepath.Join(copied, lockName)),
		os.RemoveAll(kept),
		os.MkdirAll(formats, 0o755),
		os.CopyFS(kept, os.DirFS(copied)),
		os.WriteFile(kept+".json", append(content, '\n'), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s.open()
}

func mustTime(t *testing.T, s string) any {
	v, err := index.ParseTime(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
