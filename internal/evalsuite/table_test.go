package evalsuite

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// results of an encoder on two sets.
func results(name string, shift float64) *Table {
	pairs := Row{By: name, System: ""}
	pairs.Keep("cosine", []float64{.1 + shift, .5, .3, .9 - shift, .2, .6})
	pairs.Add("Spearman", .8, Spearman, "cosine")
	search := Row{By: name, System: "hybrid"}
	search.Mean("nDCG@10", []float64{.5 + shift, .25 + shift, 0, 1})
	return &Table{
		Suite:  "small",
		Models: []Model{{Role: "encoder", Name: name}},
		Sets: []Results{
			{Set: "pairs", Kind: STS, Items: 6, Digest: "aa", Gold: []float64{0, 3, 1, 5, 2, 4}, Rows: []Row{
				{By: "word overlap", Role: Baseline, Figures: []Figure{{Measure: "Spearman", Value: .5}}}, pairs,
			}},
			{Set: "search | pages", Kind: Retrieval, Items: 4, Digest: "bb", Rows: []Row{
				{By: "BM25", Role: Baseline, Figures: []Figure{{Measure: "nDCG@10", Value: .45}}},
				search,
				{By: "oracle", Role: Ceiling, Figures: []Figure{{Measure: "nDCG@10", Value: 1}}},
			}},
		},
		Missing: []Missing{{Set: "gone", Paths: []string{"gone.tsv"}}},
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs:\n%s", path, got)
	}
}

func TestMarkdown(t *testing.T) {
	var b strings.Builder
	if err := results("small-model", 0).WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "table.md", b.String())
}

func TestJSON(t *testing.T) {
	table := results("m", 0)
	path := filepath.Join(t.TempDir(), "table.json")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(table.WriteJSON(f), f.Close()); err != nil {
		t.Fatal(err)
	}
	got, err := ReadTable(path)
	if err != nil || !reflect.DeepEqual(got, table) {
		t.Errorf("read %+v, %v", got, err)
	}
	for _, text := range []string{"", "{}", `{"version": 9, "sets": [{}]}`, `[]`} {
		write(t, filepath.Dir(path), "table.json", text)
		if _, err := ReadTable(path); !errors.Is(err, ErrResults) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestCompareTables(t *testing.T) {
	a, b := results("before", 0), results("after", .1)
	b.Sets = append(b.Sets, Results{Set: "new", Kind: QA})
	c, err := Compare(t.Context(), Side{a, ""}, Side{b, ""}, DefaultBootstrap())
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := c.WriteMarkdown(&out); err != nil {
		t.Fatal(err)
	}
	golden(t, "compare.md", out.String())

	b.Sets[0].Digest = "cc"
	if _, err := Compare(t.Context(), Side{a, ""}, Side{b, ""}, DefaultBootstrap()); !errors.Is(err, ErrResults) || !strings.Contains(err.Error(), "not the same set") {
		t.Errorf("another set of the same name: %v", err)
	}
	if _, err := Compare(t.Context(), Side{a, ""}, Side{&Table{}, ""}, DefaultBootstrap()); !errors.Is(err, ErrResults) {
		t.Errorf("nothing in common: %v", err)
	}
}

// One file may hold several models, which are chosen by name.
func TestCompareWithin(t *testing.T) {
	both := results("one", 0)
	other := results("two", .1)
	for i := range both.Sets {
		both.Sets[i].Rows = append(both.Sets[i].Rows, other.Sets[i].Rows[1])
	}
	if _, err := Compare(t.Context(), Side{both, ""}, Side{both, ""}, DefaultBootstrap()); err == nil || !strings.Contains(err.Error(), "several models: one, two") {
		t.Errorf("no name: %v", err)
	}
	if _, err := Compare(t.Context(), Side{both, "one"}, Side{both, "three"}, DefaultBootstrap()); err == nil || !strings.Contains(err.Error(), "no model three") {
		t.Errorf("unknown name: %v", err)
	}
	c, err := Compare(t.Context(), Side{both, "one"}, Side{both, "two"}, DefaultBootstrap())
	if err != nil || len(c.Rows) != 2 || c.Names != [2]string{"one", "two"} || c.Rows[1].Delta.Value < .0499 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestDigest(t *testing.T) {
	sum := func(texts ...string) string {
		d := NewDigest()
		d.Add(texts...)
		return d.String()
	}
	if sum("ab", "c") == sum("a", "bc") || len(sum()) != 16 {
		t.Error("digests do not tell borders")
	}
}
