package evaluate

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"semdex/index"
	"semdex/internal/metric"
)

// write makes files in a new folder; names that end in .gz are zipped.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "set")
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".gz") {
			z := gzip.NewWriter(f)
			_, err = z.Write([]byte(text))
			if cerr := z.Close(); err == nil {
				err = cerr
			}
		} else {
			_, err = f.WriteString(text)
		}
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const beirCorpus = "\ufeff" + `{"_id": "1", "title": "T", "text": "one"}
{"_id": "2", "text": "둘", "metadata": {"x": 1}}

{"_id": "3", "title": " ", "text": ""}
`

func TestLoad(t *testing.T) {
	docs := []index.Document{{ID: "1", Title: "T", Text: "one"}, {ID: "2", Text: "둘"}}
	beir := func(qrels string) map[string]string {
		return map[string]string{
			"corpus.jsonl.gz": beirCorpus,
			"queries.jsonl":   `{"_id": "q1", "text": "first"}` + "\n" + `{"_id": "q2", "text": "not judged"}` + "\r\n" + `{"_id": "q3", "text": "judged irrelevant"}`,
			"qrels/test.tsv":  qrels,
		}
	}
	judged := map[string]metric.Judgements{"q1": {"1": 2, "2": 1, "9": 1}, "q3": {"1": 0}}
	for name, c := range map[string]struct {
		files map[string]string
		path  string
		want  []*Set
	}{
		"BEIR": {beir("query-id\tcorpus-id\tscore\nq1\t1\t2\nq1\t2\t1\nq1\t9\t1\nq3\t1\t0\n"), "", []*Set{
			{Name: "set", Documents: docs, Queries: []Query{{"q1", "first"}}, Judgements: judged, Missing: 1, Empty: 1},
		}},
		"BEIR without header": {beir("q1\t1\t2\nq1\t2\t1\nq1\t9\t1\nq3\t1\t0"), "", []*Set{
			{Name: "set", Documents: docs, Queries: []Query{{"q1", "first"}}, Judgements: judged, Missing: 1, Empty: 1},
		}},
		"pages": {map[string]string{
			"pages.jsonl.gz": beirCorpus, "a.queries.jsonl": `{"_id": "q", "text": "A"}`, "a.qrels.pages.tsv": "q\t1\t1",
			"b.queries.jsonl.gz": `{"_id": "q", "text": "B"}`, "b.qrels.pages.tsv": "q\t2\t1",
		}, "", []*Set{
			{Name: "set/a", Documents: docs, Queries: []Query{{"q", "A"}}, Judgements: map[string]metric.Judgements{"q": {"1": 1}}, Empty: 1},
			{Name: "set/b", Documents: docs, Queries: []Query{{"q", "B"}}, Judgements: map[string]metric.Judgements{"q": {"2": 1}}, Empty: 1},
		}},
		"AutoRAG": {map[string]string{
			"corpus.jsonl": `{"doc_id":"a.pdf - 1","contents":"글"}` + "\n" + `{"doc_id":"a.pdf - 2","contents":"text"}`,
			"qa.jsonl":     `{"qid":"0","query":"무엇?","generation_gt":["x"],"retrieval_gt":[["a.pdf - 2"],["a.pdf - 1"]]}`,
		}, "", []*Set{
			{
				Name: "set", Documents: []index.Document{{ID: "a.pdf - 1", Text: "글"}, {ID: "a.pdf - 2", Text: "text"}},
				Queries: []Query{{"0", "무엇?"}}, Judgements: map[string]metric.Judgements{"0": {"a.pdf - 1": 1, "a.pdf - 2": 1}},
			},
		}},
		"SQuAD": {map[string]string{
			"dev.json.gz": `{"version":"1","data":[{"title":"An_article","paragraphs":[
				{"context":"One.","qas":[{"id":"x","question":"Which?","answers":[{"text":"One","answer_start":0}]},
				                         {"id":"y","question":"Never?","answers":[],"is_impossible":true}]},
				{"context":"Two.","qas":[{"id":"z","question":"What?","answers":[{"text":"Two","answer_start":0}]}]}]}]}`,
		}, "dev.json.gz", []*Set{
			{
				Name: "dev", Documents: []index.Document{{ID: "0-0", Title: "An article", Text: "One."}, {ID: "0-1", Title: "An article", Text: "Two."}},
				Queries: []Query{{"x", "Which?"}, {"z", "What?"}}, Judgements: map[string]metric.Judgements{"x": {"0-0": 1}, "z": {"0-1": 1}},
			},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Load(filepath.Join(write(t, c.files), c.path), "")
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v\nwant %+v", *got[0], *c.want[0])
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	good := map[string]string{"corpus.jsonl": `{"_id":"1","text":"x"}`, "queries.jsonl": `{"_id":"q","text":"x"}`, "qrels/test.tsv": "q\t1\t1"}
	with := func(name, text string) map[string]string {
		files := make(map[string]string)
		for k, v := range good {
			files[k] = v
		}
		files[name] = text
		return files
	}
	for name, c := range map[string]struct {
		files map[string]string
		says  string
	}{
		"no set":           {map[string]string{"readme": "x"}, "not a retrieval set"},
		"no split":         {map[string]string{"corpus.jsonl": good["corpus.jsonl"]}, "test.tsv"},
		"not JSON":         {with("corpus.jsonl", good["corpus.jsonl"]+"\n{oops"), "corpus.jsonl, line 2"},
		"no id":            {with("corpus.jsonl", `{"id":"1","text":"x"}`), "line 1: a document has no id"},
		"twice":            {with("corpus.jsonl", good["corpus.jsonl"]+"\n"+good["corpus.jsonl"]), `"1" is there twice`},
		"query twice":      {with("queries.jsonl", good["queries.jsonl"]+"\n"+good["queries.jsonl"]), `"q" is there twice`},
		"no such query":    {with("qrels/test.tsv", "q\t1\t1\nr\t1\t1"), `"r" has judgements but no text`},
		"columns":          {with("qrels/test.tsv", "q 1 1"), "line 1: 1 columns"},
		"score":            {with("qrels/test.tsv", "q\t1\t1\nq\t1\tx"), `line 2: score "x"`},
		"nothing relevant": {with("qrels/test.tsv", "q\t1\t0"), "0 judged queries"},
		"wrong type":       {map[string]string{"corpus.jsonl": "", "qa.jsonl": `{"qid": 7}`}, "qa.jsonl, line 1"},
	} {
		if _, err := Load(write(t, c.files), ""); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "nope"), ""); err == nil {
		t.Error("nothing there is no error")
	}
	dir := write(t, map[string]string{"dev.json": `[1]`, "cut.json": `{"data":[{`})
	for _, name := range []string{"dev.json", "cut.json"} {
		if _, err := Load(filepath.Join(dir, name), ""); err == nil || !strings.Contains(err.Error(), "SQuAD's form") {
			t.Errorf("%s: %v", name, err)
		}
	}
	cut := filepath.Join(dir, "x.json.gz")
	if err := os.WriteFile(cut, []byte("not gzip"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(cut, ""); err == nil || !strings.Contains(err.Error(), "x.json.gz") {
		t.Errorf("not gzip: %v", err)
	}
}

// TestLoadPublicSets reads the sets of the evaluation table.
func TestLoadPublicSets(t *testing.T) {
	data := os.Getenv("SEMDEX_CORPORA")
	if data == "" {
		data = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(data); err != nil {
		t.Skip("no data folder; set SEMDEX_CORPORA to read the public sets")
	}
	for path, want := range map[string]struct{ sets, documents, queries, missing, empty int }{
		"retrieval/en/scifact":                   {1, 5183, 300, 0, 0},
		"retrieval/en/cranfield":                 {1, 1398, 225, 1, 2},
		"retrieval/ko/autorag":                   {1, 720, 114, 0, 0},
		"retrieval/ko/wiki-pages":                {2, 7112, 866, 15, 0},
		"qa/ko/korquad/KorQuAD_v1.0_dev.json.gz": {1, 964, 5774, 0, 0},
	} {
		sets, err := Load(filepath.Join(data, filepath.FromSlash(path)), "")
		if err != nil {
			t.Error(err)
			continue
		}
		s := sets[0]
		if len(sets) != want.sets || len(s.Documents) != want.documents || len(s.Queries) != want.queries || s.Missing != want.missing || s.Empty != want.empty {
			t.Errorf("%s: %d sets, %d documents, %d queries, %d missing, %d empty", path, len(sets), len(s.Documents), len(s.Queries), s.Missing, s.Empty)
		}
	}
}
