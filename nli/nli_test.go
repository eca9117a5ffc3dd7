package nli

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadSTS(t *testing.T) {
	want := []Scored{{`A "plane", taking off.`, "An air plane.", 5}, {"x", "y", 0.25}}
	for name, text := range map[string]string{
		"plain.csv":  "\"A \"\"plane\"\", taking off.\",An air plane.,5.0\nx,y,0.25\n",
		"header.csv": "sentence1,sentence2,score\n\"A \"\"plane\"\", taking off.\",An air plane.,5.0\nx,y,0.25\n",
		"korsts.tsv": "genre\tfilename\tscore\tsentence1\tsentence2\r\nm\tf\t5.000\tA \"plane\", taking off.\tAn air plane.\r\nm\tf\t.25\tx\ty\r\n",
	} {
		got, err := ReadSTS(write(t, name, text))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	// A quote that opens a literal field must not swallow the lines after it.
	got, err := ReadSTS(write(t, "q.tsv", "score\tsentence1\tsentence2\n1\t\"a\tb\n2\tc\"\td\n"))
	if err != nil || !slices.Equal(got, []Scored{{`"a`, "b", 1}, {`c"`, "d", 2}}) {
		t.Errorf("literal quotes: %v, %v", got, err)
	}
}

func TestReadSTSErrors(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"score":    {"a.csv", "a,b,1\nc,d,high\n", `a.csv:2: score "high" is not a number`},
		"NaN":      {"a.csv", "a,b,NaN\n", `a.csv:1: score "NaN" is not a number`},
		"columns":  {"a.csv", "a,b,1\nc,d\n", `a.csv:2: 2 columns, no "score"`},
		"empty":    {"a.tsv", "score\tsentence1\tsentence2\n1\t\tb\n", "a.tsv:2: a sentence is empty"},
		"header":   {"a.tsv", "score\tsentence1\n", `a.tsv:1: no column "sentence2"`},
		"no lines": {"a.csv", "", "no column"},
	} {
		_, err := ReadSTS(write(t, c.file, c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := ReadSTS(filepath.Join(t.TempDir(), "none.csv")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestReadInferences(t *testing.T) {
	want := []Inference{{`a "b"`, "c", Entailment}, {"d", "e", Contradiction}}
	for name, c := range map[string]struct {
		file, text string
		quoted     bool
	}{
		"csv":        {"x.csv", "index,premise,hypothesis,label\n0,\"a \"\"b\"\"\",c,entailment\n1,d,e,contradiction\n", false},
		"tsv":        {"x.tsv", "sentence1\tsentence2\tgold_label\na \"b\"\tc\tentailment\nf\tg\t-\nd\te\tContradiction\n", false},
		"quoted tsv": {"x.tsv", "prem\thyp\tlabel\tannotated_label\n\"a \"\"b\"\"\"\tc\tentailment\tneutral\nd\te\tcontradiction\tneutral\n", true},
		"json":       {"x.json", `[{"premise":"a \"b\"","hypothesis":"c","gold_label":"entailment","n":1},{"premise":"d","hypothesis":"e","gold_label":"contradiction"}]`, false},
	} {
		got, err := ReadInferences(write(t, c.file, c.text), c.quoted)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for text, wantErr := range map[string]string{
		"premise,hypothesis\na,b\n":             "x.csv:1: unclear columns: no column label or gold_label",
		"premise,hypothesis,label\na,b,maybe\n": `x.csv:2: unknown label "maybe"`,
	} {
		if _, err := ReadInferences(write(t, "x.csv", text), false); err == nil || !strings.Contains(err.Error(), wantErr) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestLabels(t *testing.T) {
	for l := Entailment; l <= Contradiction; l++ {
		if got, ok := ParseLabel(" " + strings.ToUpper(l.String())); !ok || got != l {
			t.Errorf("%v reads as %v, %v", l, got, ok)
		}
	}
	if _, ok := ParseLabel("0"); ok {
		t.Error("a number is read as a label")
	}
}

// angles encodes a text as the unit vector of the angle it spells, with a third
// dimension that only full width sees.
func angles(_ context.Context, texts []string) ([][]float32, error) {
	at := map[string]float64{"0": 0, "10": 10, "50": 50, "90": 90}
	third := map[string]float32{"10": 100}
	out := make([][]float32, len(texts))
	for i, s := range texts {
		a := at[s] * math.Pi / 180
		out[i] = []float32{float32(math.Cos(a)), float32(math.Sin(a)), third[s]}
	}
	return out, nil
}

func TestEvalSTS(t *testing.T) {
	pairs := []Scored{{"0", "90", 0}, {"0", "50", 2}, {"0", "10", 4}, {"0", "0", 5}}
	got, err := EvalSTS(context.Background(), EncoderFunc(angles), pairs, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Dims != 2 || got[0].Pairs != 4 || math.Abs(got[0].Spearman-1) > 1e-12 {
		t.Errorf("two dimensions: %+v", got[0])
	}
	if got[0].Pearson < .95 || got[0].Pearson >= 1 {
		t.Errorf("Pearson of cosines %v", got[0].Pearson)
	}
	if got[1].Spearman >= got[0].Spearman {
		t.Errorf("the third dimension spoils the order, yet %+v", got[1])
	}
	if _, err := EvalSTS(context.Background(), EncoderFunc(angles), pairs, 4); err == nil {
		t.Error("more dimensions than the vectors have")
	}
	short := EncoderFunc(func(context.Context, []string) ([][]float32, error) { return nil, nil })
	if _, err := EvalSTS(context.Background(), short, pairs); err == nil {
		t.Error("an encoder that loses texts")
	}
	if _, err := EvalSTS(context.Background(), EncoderFunc(angles), nil); err == nil {
		t.Error("no pairs")
	}
}

func TestEvalOverlap(t *testing.T) {
	pairs := []Scored{
		{"The dog runs.", "the DOG runs", 5},
		{"A dog runs", "a dog sleeps", 3}, // 2 of 4
		{"one two", "three four", 0},
	}
	s, err := EvalOverlap(pairs, Words)
	if err != nil || math.Abs(s.Spearman-1) > 1e-12 || s.Pairs != 3 {
		t.Errorf("%+v, %v", s, err)
	}
	if j := jaccard(Words("a dog runs"), Words("a dog sleeps")); j != .5 {
		t.Errorf("overlap %v, want 0.5", j)
	}
	if got := Words("한국어를 배우다! (2nd)"); !slices.Equal(got, []string{"한국어를", "배우다", "2nd"}) {
		t.Errorf("words %q", got)
	}
}

func TestCosine(t *testing.T) {
	if c := Cosine([]float32{3, 4}, []float32{4, 3}); math.Abs(c-.96) > 1e-12 {
		t.Errorf("cosine %v, want 0.96", c)
	}
	if c := Cosine([]float32{0, 0}, []float32{1, 0}); c != 0 {
		t.Errorf("cosine with zero %v", c)
	}
}

// dataDir is the folder of public corpora, which not every machine has.
func dataDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SEMDEX_CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no corpora at %s: set SEMDEX_CORPORA", dir)
	}
	return dir
}

func TestReadCorpora(t *testing.T) {
	dir := dataDir(t)
	for path, rows := range map[string]int{
		"sts/en/stsb/stsb-en-train.csv": 5749, "sts/en/stsb/stsb-en-dev.csv": 1500, "sts/en/stsb/stsb-en-test.csv": 1379,
		"sts/ko/korsts/sts-train.tsv": 5749, "sts/ko/korsts/sts-dev.tsv": 1500, "sts/ko/korsts/sts-test.tsv": 1379,
	} {
		got, err := ReadSTS(filepath.Join(dir, path))
		if err != nil || len(got) != rows {
			t.Errorf("%s: %d rows, %v, want %d", path, len(got), err, rows)
		}
	}
	for path, rows := range map[string]int{
		"nli/en/misc/mnli/dev.csv": 19647, "nli/en/taxinli/taxinli10k.tsv": 10071, "nli/en/cad-nli/all_combined.train.tsv": 8330,
		"nli/ko/klue/klue-nli-train.csv": 24998, "nli/ko/klue/klue-nli-v1.1_dev.json": 3000, "nli/ko/kornli/xnli.test.ko.tsv": 5010,
	} {
		quoted := strings.Contains(path, "cad-nli") || strings.Contains(path, "taxinli")
		got, err := ReadInferences(filepath.Join(dir, path), quoted)
		if err != nil || len(got) != rows {
			t.Errorf("%s: %d rows, %v, want %d", path, len(got), err, rows)
		}
	}
}
