package nli

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// official are the first rows of corpora in the forms that their authors
// publish.
var official = map[string]struct {
	file, text string
	kind       Kind
	want       []Row
	header     bool
	quoted     bool
}{
	"SNLI txt": {
		"snli_1.0_dev.txt", "gold_label\tsentence1_binary_parse\tsentence1\tsentence2\tcaptionID\tpairID\tlabel1\nneutral\t( x )\tTwo \"women\".\tThey hug.\tc1\tp1n\tneutral\n-\t( x )\ta\tb\tc\tp\tneutral\n",
		Labels,
		[]Row{{"Two \"women\".", "They hug.", "neutral", "p1n", 2}},
		true, false,
	},
	"MultiNLI jsonl": {
		"multinli_1.0_dev_matched.jsonl", `{"annotator_labels": ["entailment"], "gold_label": "entailment", "pairID": "7", "sentence1": "a b", "sentence2": "c"}` + "\n",
		Labels,
		[]Row{{"a b", "c", "entailment", "7", 1}},
		true, false,
	},
	"KorNLI": {
		"multinli.train.ko.tsv", "sentence1\tsentence2\tgold_label\r\n\"가\" 나\t다\tcontradiction\r\n",
		Labels,
		[]Row{{"\"가\" 나", "다", "contradiction", "", 2}},
		true, false,
	},
	"KorNLI without a header": {
		"snli.tsv", "한 남자\t남자\tentailment\n개가 뛴다\t고양이\tneutral\n",
		Labels,
		[]Row{{"한 남자", "남자", "entailment", "", 1}, {"개가 뛴다", "고양이", "neutral", "", 2}},
		false, false,
	},
	"label first": {
		"x.tsv", "neutral\ta long premise\tshort\nentailment\tanother one\tsome\n",
		Labels,
		[]Row{{"a long premise", "short", "neutral", "", 1}, {"another one", "some", "entailment", "", 2}},
		false, false,
	},
	"KLUE-NLI": {
		"klue-nli-v1.1_dev.json", `[{"guid": "klue-nli-v1_dev_00000", "premise": "가", "hypothesis": "나", "gold_label": "neutral", "label2": "entailment"}]`,
		Labels,
		[]Row{{"가", "나", "neutral", "klue-nli-v1_dev_00000", 1}},
		true, false,
	},
	"KLUE-STS": {
		"klue-sts-v1.1_dev.json", `[{"guid": "g0", "sentence1": "가", "sentence2": "나", "labels": {"label": 4.9, "real-label": 4.857142857142857, "binary-label": 1}}]`,
		Scores,
		[]Row{{"가", "나", "4.857142857142857", "g0", 1}},
		true, false,
	},
	"STS-B, official": {
		"sts-dev.csv", "main-captions\tMSRvid\t2012test\t0000\t5.000\tA \"man\" in a hard hat dances in the street.\tA man who wears a hard hat is dancing.\nmain-news\theadlines\t2014\t0901\t0.250\tStocks fall after a long and quiet summer\tBirds fly south before the first snow\tsource\tlicence\n",
		Scores,
		[]Row{{"A \"man\" in a hard hat dances in the street.", "A man who wears a hard hat is dancing.", "5.000", "", 1}, {"Stocks fall after a long and quiet summer", "Birds fly south before the first snow", "0.250", "", 2}},
		false, false,
	},
	"KorSTS": {
		"sts-dev.tsv", "genre\tfilename\tyear\tid\tscore\tsentence1\tsentence2\nm\tf\t2012\t0001\t3.2\t가\t나\n",
		Scores,
		[]Row{{"가", "나", "3.2", "0001", 2}},
		true, false,
	},
	"SICK, labels": {
		"SICK.txt", "pair_ID\tsentence_A\tsentence_B\tentailment_label\trelatedness_score\n1\tA group\tNo group\tNEUTRAL\t4.5\n",
		Labels,
		[]Row{{"A group", "No group", "NEUTRAL", "1", 2}},
		true, false,
	},
	"SICK, scores": {
		"SICK.txt", "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n1\tA group\tNo group\t4.5\tNEUTRAL\n",
		Scores,
		[]Row{{"A group", "No group", "4.5", "1", 2}},
		true, false,
	},
	"a data frame's quotes": {
		"x.tsv", "prem\thyp\tlabel\n\"say \"\"hi\"\"\"\tb\tentailment\nc\td\tneutral\n",
		Labels,
		[]Row{{`say "hi"`, "b", "entailment", "", 2}, {"c", "d", "neutral", "", 3}},
		true, true,
	},
	"a quotation is no quoting": {
		"x.tsv", "premise\thypothesis\tlabel\n\"Hello.\"\tb\tentailment\n",
		Labels,
		[]Row{{`"Hello."`, "b", "entailment", "", 2}},
		true, false,
	},
	"everything quoted": {
		"x.tsv", "\"premise\"\t\"hypothesis\"\t\"label\"\n\"a\"\t\"b\"\t\"neutral\"\n",
		Labels,
		[]Row{{"a", "b", "neutral", "", 2}},
		true, true,
	},
	"relevance": {
		"r.jsonl", `{"query": "q", "passage": "p", "label": 1}` + "\n" + `{"query": "q", "passage": "r", "label": 0}`,
		Scores,
		[]Row{{"q", "p", "1", "", 1}, {"q", "r", "0", "", 2}},
		true, false,
	},
}

func TestRead(t *testing.T) {
	for name, c := range official {
		d, err := Read(write(t, c.file, c.text), Format{Kind: c.kind})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(d.Rows, c.want) || d.Header != c.header || d.Quoted != c.quoted {
			t.Errorf("%s: %+v, header %v, quoted %v", name, d.Rows, d.Header, d.Quoted)
		}
	}
}

func TestReadAsAsked(t *testing.T) {
	text := "x y\tz\tneutral\t3\nv w\tu\tentailment\t4\n"
	d, err := Read(write(t, "x.tsv", text), Format{Columns: []string{"2", "1", "3"}})
	if err != nil || d.Rows[0].A != "z" || d.Rows[0].B != "x y" || len(d.Rows) != 2 {
		t.Errorf("by number: %+v, %v", d, err)
	}
	d, err = Read(write(t, "x.csv", "left,right,verdict\na,b,neutral\n"), Format{Columns: []string{"left", "right", "verdict"}})
	if err != nil || len(d.Rows) != 1 || d.Rows[0].Gold != "neutral" {
		t.Errorf("by name: %+v, %v", d, err)
	}
	d, err = Read(write(t, "x.csv", "premise,hypothesis,neutral\n"), Format{Columns: []string{"1", "2", "3"}, NoHeader: true})
	if err != nil || len(d.Rows) != 1 {
		t.Errorf("a row that looks like a header: %+v, %v", d, err)
	}
	d, err = Read(write(t, "x.tsv", "premise\thypothesis\tlabel\n\"a\"\tb\tneutral\n"), Format{Quotes: QuotesCSV})
	if err != nil || d.Rows[0].A != "a" {
		t.Errorf("quotes: %+v, %v", d, err)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		file, text string
		format     Format
		want       error
		says       string
	}{
		"empty":          {"x.tsv", "", Format{}, ErrLayout, "the file is empty"},
		"no label":       {"x.tsv", "a\tb\nc\td\n", Format{}, ErrLayout, "2 columns"},
		"two labels":     {"x.tsv", "a\tb\tneutral\tentailment\n", Format{}, ErrLayout, "2 columns hold"},
		"three texts":    {"x.tsv", "some words\tmore words\tother words\tneutral\n", Format{}, ErrLayout, "both hold long texts"},
		"short row":      {"x.tsv", "premise\thypothesis\tlabel\na\tb\n", Format{}, ErrLayout, "x.tsv:2: unclear columns: 2 columns, no label"},
		"empty text":     {"x.tsv", "premise\thypothesis\tlabel\n \tb\tneutral\n", Format{}, ErrLayout, "x.tsv:2: unclear columns: a text is empty"},
		"empty label":    {"x.tsv", "premise\thypothesis\tlabel\na\tb\t\n", Format{}, ErrLabel, "x.tsv:2"},
		"other columns":  {"x.csv", "left,right,label\na,b,neutral\n", Format{Columns: []string{"premise", "right", "label"}}, ErrLayout, "no column premise"},
		"two names":      {"x.csv", "a,b,neutral\n", Format{Columns: []string{"1", "2"}}, ErrLayout, "2 columns are named"},
		"number outside": {"x.csv", "a,b,neutral\n", Format{Columns: []string{"1", "2", "4"}}, ErrLayout, "no 4"},
		"no JSON":        {"x.jsonl", "{\"premise\": \"a\"\n", Format{}, ErrLayout, "x.jsonl:1"},
		"no key":         {"x.jsonl", `{"premise": "a", "label": "neutral"}`, Format{}, ErrLayout, "x.jsonl:1: unclear columns: no key hypothesis"},
	} {
		_, err := Read(write(t, c.file, c.text), c.format)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none.tsv"), Format{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// TestLabelsByName: a file whose labels stand in another order, or are numbers,
// gives the same classes.
func TestLabelsByName(t *testing.T) {
	permuted := "premise,hypothesis,label\na,b,contradiction\nc,d,entailment\ne,f,neutral\n"
	d, err := Read(write(t, "x.csv", permuted), Format{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Inferences(nil)
	want := []Inference{{"a", "b", Contradiction}, {"c", "d", Entailment}, {"e", "f", Neutral}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	classes, err := d.Classes([]string{"NEUTRAL", "contradiction", "Entailment"}, nil)
	if err != nil || !slices.Equal(classes, []int32{1, 2, 0}) {
		t.Errorf("in a model's own order: %v, %v", classes, err)
	}
	numbers, err := Read(write(t, "x.csv", "premise,hypothesis,label\na,b,2\n"), Format{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := numbers.Inferences(nil); !errors.Is(err, ErrLabel) || !strings.Contains(err.Error(), `x.csv:2: unknown label "2"; known are entailment`) {
		t.Errorf("numbers without a map: %v", err)
	}
	if got, err := numbers.Inferences(LabelMap{"2": "contradiction"}); err != nil || got[0].Label != Contradiction {
		t.Errorf("numbers with a map: %v, %v", got, err)
	}
}

func TestScores(t *testing.T) {
	for _, name := range []string{"KLUE-STS", "SICK, scores"} {
		c := official[name]
		if got, err := ReadSTS(write(t, c.file, c.text)); err != nil || len(got) != 1 || got[0].Score < 4 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	d, err := Read(write(t, "x.csv", "sentence1,sentence2,score\na,b,4.5\n"), Format{Kind: Scores})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := d.Scored(0, 5); err != nil || got[0] != (Scored{"a", "b", 4.5}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := d.Scored(0, 1); !errors.Is(err, ErrScore) {
		t.Errorf("out of range: %v", err)
	}
}

func TestThreeFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"s1.dev": "a b\nc\n", "s2.dev": "d\ne\n", "labels.dev": "neutral\nentailment\n",
		"s1.test": "x\n", "s2.test": "y\n", "labels.test": "neutral\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"dev", "s1.dev", "labels.dev"} {
		d, err := Read(filepath.Join(dir, path), Format{})
		if err != nil || !slices.Equal(d.Rows, []Row{{"a b", "d", "neutral", "", 1}, {"c", "e", "entailment", "", 2}}) {
			t.Errorf("%s: %+v, %v", path, d, err)
		}
	}
	got, err := Expand(dir, "other.tsv")
	want := []string{filepath.Join(dir, "dev"), filepath.Join(dir, "test"), "other.tsv"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("expanded: %v, %v", got, err)
	}
	if _, err := Expand(t.TempDir()); !errors.Is(err, ErrLayout) {
		t.Errorf("an empty folder: %v", err)
	}
	// A table of that name is a table.
	if d, err := Read(write(t, "labels.tsv", "a\tb\tneutral\n"), Format{}); err != nil || len(d.Rows) != 1 {
		t.Errorf("labels.tsv: %+v, %v", d, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "s2.dev"), []byte("d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(filepath.Join(dir, "dev"), Format{}); !errors.Is(err, ErrLayout) {
		t.Errorf("files of different length: %v", err)
	}
}

// TestDetectCorpora reads the public corpora without being told their form.
func TestDetectCorpora(t *testing.T) {
	dir := dataDir(t)
	for path, want := range map[string]struct {
		rows, unlabelled int
		kind             Kind
		quoted           bool
	}{
		"sts/en/stsb/stsb-en-train.csv":         {5749, 0, Scores, true},
		"sts/ko/korsts/sts-train.tsv":           {5749, 0, Scores, false},
		"nli/en/misc/mnli/dev.csv":              {19647, 0, Labels, true},
		"nli/en/misc/mpe/dev.csv":               {1000, 0, Labels, true},
		"nli/en/taxinli/taxinli10k.tsv":         {10071, 0, Labels, true},
		"nli/en/cad-nli/all_combined.train.tsv": {8330, 0, Labels, true},
		"nli/en/snli/dev":                       {9842, 0, Labels, false},
		"nli/en/snli/test":                      {9824, 0, Labels, false},
		"nli/ko/klue/klue-nli-train.csv":        {24998, 0, Labels, true},
		"nli/ko/klue/klue-nli-v1.1_dev.json":    {3000, 0, Labels, false},
		"nli/ko/kornli/xnli.dev.ko.tsv":         {2490, 0, Labels, false},
		"nli/ko/kornli/xnli.test.ko.tsv":        {5010, 0, Labels, false},
	} {
		d, err := Read(filepath.Join(dir, path), Format{Kind: want.kind})
		if err != nil {
			t.Error(err)
			continue
		}
		if len(d.Rows) != want.rows || d.Unlabelled != want.unlabelled || d.Quoted != want.quoted {
			t.Errorf("%s: %d rows, %d unlabelled, quoted %v; want %+v", path, len(d.Rows), d.Unlabelled, d.Quoted, want)
		}
		if want.kind == Labels {
			_, err = d.Inferences(nil)
		} else {
			_, err = d.Scored(0, 5)
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// FuzzRead: no input breaks the reader, and what it reads is whole.
func FuzzRead(f *testing.F) {
	for _, c := range official {
		f.Add(c.file, c.text)
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		if name != filepath.Base(name) || strings.ContainsAny(name, "/\\\x00") || len(name) > 100 || name == "." || name == ".." {
			return
		}
		path := filepath.Join(t.TempDir(), "x"+filepath.Ext(name))
		if strings.HasSuffix(path, ".gz") {
			return
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := Read(path, Format{})
		if err != nil {
			return
		}
		for _, r := range d.Rows {
			if strings.TrimSpace(r.A) == "" || strings.TrimSpace(r.B) == "" || r.Gold == "" || r.Line < 1 {
				t.Errorf("row %+v", r)
			}
		}
	})
}
