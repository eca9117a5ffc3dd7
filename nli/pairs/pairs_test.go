package pairs

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// folder writes a tiny data folder: file names with their contents. Names that
// end in .gz are compressed.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		data := []byte(text)
		if strings.HasSuffix(name, ".gz") {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			if _, err := z.Write(data); err != nil {
				t.Fatal(err)
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			data = b.Bytes()
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// small is a data folder with one file of nearly every kind. Texts that are
// held out carry the word "secret".
func small() map[string]string {
	var squad, wiki strings.Builder
	squad.WriteString(`{"data":[{"paragraphs":[`)
	for i := range 30 {
		if i > 0 {
			squad.WriteByte(',')
		}
		fmt.Fprintf(&squad, `{"context":"Paragraph %d tells of river %d. It is long.","qas":[{"question":"Which river is number %d?"},{"question":"How long is river %d?"}]}`, i, i, i, i)
	}
	squad.WriteString(`,{"context":"Another paragraph.","qas":[{"question":"What is secret to the dev set?"}]}]}]}`)
	for i := range 20 {
		fmt.Fprintf(&wiki, `{"id":"%d","title":"Town %d","text":"Town %d (, ) lies by a lake , far away. It has %d streets and a mill. People fish there.\nHistory.\nThe mill was built in %d. It burnt down twice, and was built again."}`+"\n", i, i, i, i, 1800+i)
	}
	wiki.WriteString(`{"id":"x","title":"Spoiled","text":"A secret sentence that stands in a dev paragraph of SQuAD. And one more sentence."}` + "\n")
	return map[string]string{
		"sts/en/stsb/stsb-en-train.csv": "A cat sits.,A cat is sitting.,4.5\nA dog runs.,A bird sings.,0.5\nsecret test a,A fox.,5\n",
		"sts/ko/korsts/sts-train.tsv":   "score\tsentence1\tsentence2\n4.500\t고양이가 앉는다.\t고양이가 앉아 있다.\n3.0\t개가 달린다.\t새가 노래한다.\n5\t비밀\t여우.\n",
		"sts/en/stsb/stsb-en-dev.csv":   "secret dev a,secret dev b,1\nsecret dev c,secret dev d,2\n",
		"sts/en/stsb/stsb-en-test.csv":  "Secret TEST a!,secret test b,1\n",
		"nli/en/misc/mnli/dev.csv.gz":   "premise,hypothesis,label\nA man plays a flute.,A man makes music.,entailment\nA man plays.,Nobody plays.,contradiction\nsecret dev a,One.,entailment\nOne two.,one  TWO,entailment\n",
		"nli/ko/kornli/xnli.dev.ko.tsv": "sentence1\tsentence2\tgold_label\n\"그는 왔다\t그가 도착했다\tentailment\n",
		"pairs/ko/parakqc/paraKQC_v1.txt": strings.Repeat("0\t0\t하나\n", 1) + "0\t0\t둘\n0\t0\t셋\n0\t0\t넷\n0\t0\t다섯\n0\t0\t여섯\n0\t0\t일곱\n0\t0\t여덟\n0\t0\t아홉\n0\t0\t열\n" +
			"1\t0\t개\n1\t0\t말\n",
		"pairs/ko/question-pair/kor_pair_train.csv":            "\ufeffid,qid1,qid2,question1,question2,is_duplicate\n1,1,2,왜 그래,왜 그러니,1\n2,3,4,뭐 해,어디 가,0\n",
		"pairs/en-ko/news/jhe-dev.en":                          "Good news.\n\nBad news.\n",
		"pairs/en-ko/news/jhe-dev.ko":                          "좋은 소식.\n빈 줄\n나쁜 소식.\n",
		"pairs/en-ko/tatoeba/tatoeba.kor-eng.eng":              "A secret parallel sentence.\n",
		"pairs/en-ko/tatoeba/tatoeba.kor-eng.kor":              "나란한 문장.\n",
		"qa/en/squad/train-v1.1.from-html.json":                squad.String(),
		"qa/en/squad/dev-v1.1.from-html.json":                  `{"data":[{"paragraphs":[{"context":"A secret sentence that stands in a dev paragraph of SQuAD. Short.","qas":[{"question":"What is secret to the dev set?"}]}]}]}`,
		"text/wiki-en.jsonl.gz":                                wiki.String(),
		"retrieval/ko/wiki-pages/pages.jsonl":                  `{"_id":"1","title":"강","text":"강은 흐르는 물이다."}` + "\n" + `{"_id":"2","title":"산","text":"산은 높은 땅이다."}` + "\n",
		"retrieval/ko/wiki-pages/miracl-train.queries.jsonl":   `{"_id":"7","text":"강은 무엇인가?"}` + "\n" + `{"_id":"8","text":"산은 무엇인가?"}` + "\n",
		"retrieval/ko/wiki-pages/miracl-train.qrels.pages.tsv": "query-id\tpage-id\tscore\n7\t1\t1\n8\t2\t1\n8\t1\t0\n",
	}
}

func open(t *testing.T, files map[string]string, o Options) *Data {
	t.Helper()
	o.Log = t.Logf
	d, err := Open(t.Context(), folder(t, files), o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// texts draws every example of a source once.
func texts(d *Data, s *Source) []string {
	rng := rand.New(rand.NewPCG(1, 2))
	var out []string
	for i := range s.Len() {
		e := s.Draw(i, rng)
		out = append(out, d.Text(e.A)+" | "+d.Text(e.B))
	}
	return out
}

func find(t *testing.T, d *Data, name string) *Source {
	t.Helper()
	for _, s := range d.Sources {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no source %s", name)
	return nil
}

func TestOpenSmallFolder(t *testing.T) {
	d := open(t, small(), Options{})
	for name, want := range map[string][]string{
		"nli-en":            {"A man plays a flute. | A man makes music."},
		"nli-ko":            {`"그는 왔다 | 그가 도착했다`},
		"parallel-sts":      {"A cat sits. | 고양이가 앉는다.", "A cat is sitting. | 고양이가 앉아 있다.", "A fox. | 여우."},
		"sts-similar":       {"A cat sits. | A cat is sitting.", "고양이가 앉는다. | 고양이가 앉아 있다.", "비밀 | 여우."},
		"parallel-news":     {"Good news. | 좋은 소식.", "Bad news. | 나쁜 소식."},
		"question-pairs-ko": {"왜 그래 | 왜 그러니"},
	} {
		if got := texts(d, find(t, d, name)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	kqc := find(t, d, "parakqc")
	if kqc.Len() != 30+2 {
		t.Errorf("paraphrases: %d pairs, want three for each of ten, one for each of two", kqc.Len())
	}
	groups := map[int32]int{}
	for i := range kqc.Len() {
		groups[kqc.Draw(i, nil).Group]++
	}
	if !maps.Equal(groups, map[int32]int{1: 30, 2: 2}) {
		t.Errorf("groups of paraphrases: %v", groups)
	}
	if len(d.Dev.STS) != 1 || len(d.Dev.STS[0].Pairs) != 2 || len(d.Dev.Parallel) != 1 {
		t.Errorf("dev sets %+v", d.Dev)
	}
	if !slices.Contains(d.Missing, "sts/ko/korsts/sts-dev.tsv") || slices.Contains(d.Missing, "text/wiki-en.jsonl") {
		t.Errorf("missing %q", d.Missing)
	}
}

// No text of an evaluation set comes out of any source, in whatever case or
// punctuation, nor a passage with a sentence of one.
func TestNothingHeldOutIsTrainedOn(t *testing.T) {
	d := open(t, small(), Options{})
	for _, s := range d.Sources {
		for _, pair := range texts(d, s) {
			if strings.Contains(strings.ToLower(pair), "secret") {
				t.Errorf("%s: %s", s.Name, pair)
			}
		}
	}
	squad := d.Dev.Retrieval[0]
	if squad.Name != "squad-held-out" || len(squad.Queries) != 3 || len(squad.Documents) != 30+1 {
		t.Fatalf("%s: %d queries, %d documents", squad.Name, len(squad.Queries), len(squad.Documents))
	}
	trained := strings.Join(texts(d, find(t, d, "squad")), "\n")
	for i, q := range squad.Queries {
		document := squad.Documents[squad.Relevant[i][0]]
		if strings.Contains(trained, q) || strings.Contains(trained, document) {
			t.Errorf("held out, yet trained on: %s %s", q, document)
		}
	}
}

func TestKoreanQuestionsAreHeldOutByPage(t *testing.T) {
	files := small()
	var pages, queries, judgements strings.Builder
	judgements.WriteString("query-id\tpage-id\tscore\n")
	for i := range 40 {
		fmt.Fprintf(&pages, `{"_id":"%d","title":"문서 %d","text":"내용 %d."}`+"\n", i, i, i)
		fmt.Fprintf(&queries, `{"_id":"%d","text":"질문 %d?"}`+"\n", i, i)
		fmt.Fprintf(&judgements, "%d\t%d\t1\n%d\t%d\t1\n", i, i, i, (i+1)%40)
	}
	const at = "retrieval/ko/wiki-pages/"
	files[at+"pages.jsonl"], files[at+"miracl-train.queries.jsonl"], files[at+"miracl-train.qrels.pages.tsv"] =
		pages.String(), queries.String(), judgements.String()
	d := open(t, files, Options{HeldOut: 20})
	dev := d.Dev.Retrieval[1]
	if len(dev.Queries) < 5 || len(dev.Documents) != 40 {
		t.Fatalf("%d queries, %d documents", len(dev.Queries), len(dev.Documents))
	}
	trained := strings.Join(texts(d, find(t, d, "wiki-questions-ko")), "\n")
	for i, q := range dev.Queries {
		if strings.Contains(trained, q+" |") {
			t.Errorf("held out, yet trained on: %s", q)
		}
		if len(dev.Relevant[i]) != 2 {
			t.Errorf("%s has pages %v", q, dev.Relevant[i])
		}
	}
}

func TestWikipediaViews(t *testing.T) {
	d := open(t, small(), Options{})
	for _, pair := range texts(d, find(t, d, "wiki-en-title")) {
		if !strings.HasPrefix(pair, "Town ") || strings.Contains(pair, "History") || strings.Contains(pair, "(") {
			t.Errorf("title view %q", pair)
		}
	}
	cloze := find(t, d, "wiki-en-cloze")
	rng := rand.New(rand.NewPCG(5, 5))
	inside := 0
	for i := range 2000 {
		e := cloze.Draw(i%cloze.Len(), rng)
		if e.A.Len() != 1 || e.Group == 0 {
			t.Fatalf("%+v", e)
		}
		if strings.Contains(d.Text(e.B), d.Text(e.A)) {
			inside++
		} else if e.B.Len() < 1 {
			t.Fatalf("an empty rest: %+v", e)
		}
	}
	if inside < 120 || inside > 280 { // 200 expected, standard deviation 13
		t.Errorf("the sentence stayed in %d of 2000 passages, want about a tenth", inside)
	}
	next := find(t, d, "wiki-en-next")
	for i := range next.Len() {
		e := next.Draw(i, rng)
		if e.A.Len() < 1 || e.B.Len() < 1 || e.A.End != e.B.First {
			t.Fatalf("%+v", e)
		}
	}
}

func TestSameSeedSameData(t *testing.T) {
	files := small()
	a, b, c := open(t, files, Options{Seed: 1}), open(t, files, Options{Seed: 1}), open(t, files, Options{Seed: 2})
	if !slices.Equal(a.Texts, b.Texts) {
		t.Error("one seed, two pools of texts")
	}
	if slices.Equal(a.Texts, c.Texts) {
		t.Error("two seeds, one pool of texts")
	}
}

func TestOwnFiles(t *testing.T) {
	dir := folder(t, map[string]string{
		"own.tsv":    "What is it?\tA \"thing\".\nWhy?\tBecause.\n",
		"more.csv":   "\"a, b\",c d\n",
		"deep.jsonl": `{"a":"one","b":"two","group":"x"}` + "\n\n" + `{"a":"three","b":"four","group":"x"}` + "\n" + `{"a":"five","b":"six"}` + "\n",
	})
	at := func(n string) string { return filepath.Join(dir, n) }
	d, err := Open(t.Context(), "", Options{Files: []string{at("own.tsv"), at("more.csv"), at("deep.jsonl")}, FileWeight: 3})
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(d, find(t, d, "own")); !slices.Equal(got, []string{`What is it? | A "thing".`, "Why? | Because."}) {
		t.Errorf("own: %q", got)
	}
	if got := texts(d, find(t, d, "more")); !slices.Equal(got, []string{"a, b | c d"}) {
		t.Errorf("more: %q", got)
	}
	deep := find(t, d, "deep")
	if deep.Weight != 3 || deep.Draw(0, nil).Group != deep.Draw(1, nil).Group || deep.Draw(2, nil).Group != 0 {
		t.Errorf("groups of %+v", deep)
	}
	for name, want := range map[string]string{"a\tb\tc\n": "bad.tsv:1: 3 columns", "a\n": "bad.tsv:1: 1 columns"} {
		bad := folder(t, map[string]string{"bad.tsv": name})
		if _, err := Open(t.Context(), "", Options{Files: []string{filepath.Join(bad, "bad.tsv")}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	bad := folder(t, map[string]string{"bad.jsonl": `{"a":"x","b":"y"}` + "\n" + `{"a":"x"}` + "\n"})
	if _, err := Open(t.Context(), "", Options{Files: []string{filepath.Join(bad, "bad.jsonl")}}); err == nil || !strings.Contains(err.Error(), "bad.jsonl:2:") {
		t.Errorf("half a pair: %v", err)
	}
	if _, err := Open(t.Context(), "", Options{Files: []string{at("none.tsv")}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file of the user's own: %v", err)
	}
}

func TestOpenErrors(t *testing.T) {
	if _, err := Open(t.Context(), t.TempDir(), Options{}); err == nil || !strings.Contains(err.Error(), "no training pairs") {
		t.Errorf("an empty folder: %v", err)
	}
	dir := folder(t, small())
	if _, err := Open(t.Context(), dir, Options{Weights: map[string]float64{"nli-fr": 1}}); err == nil || !strings.Contains(err.Error(), "nli-fr") {
		t.Errorf("unknown source: %v", err)
	}
	if _, err := Open(t.Context(), dir, Options{Weights: map[string]float64{"nli-en": -1}}); err == nil {
		t.Error("negative weight")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, dir, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for name, text := range map[string]string{
		"nli/en/misc/mnli/dev.csv.gz":               "premise,hypothesis,label\na,b,perhaps\n",
		"qa/en/squad/train-v1.1.from-html.json":     "{",
		"pairs/en-ko/news/jhe-dev.ko":               "한 줄\n",
		"text/wiki-en.jsonl.gz":                     "not json\n",
		"retrieval/ko/wiki-pages/pages.jsonl":       `{"_id":1}`,
		"sts/en/stsb/stsb-en-test.csv":              "a,b,x\n",
		"pairs/ko/question-pair/kor_pair_train.csv": "question1,question2\n",
	} {
		files := small()
		files[name] = text
		if _, err := Open(t.Context(), folder(t, files), Options{}); err == nil {
			t.Errorf("a broken %s goes unnoticed", name)
		}
	}
}

func TestWeights(t *testing.T) {
	d := open(t, small(), Options{Weights: map[string]float64{"nli-en": 0, "squad": 2.5}})
	if find(t, d, "squad").Weight != 2.5 {
		t.Error("the weight of squad")
	}
	if slices.ContainsFunc(d.Sources, func(s *Source) bool { return s.Name == "nli-en" }) {
		t.Error("nli-en has weight 0 and is there")
	}
}

// The public corpora, where they are at hand.
func TestOpenCorpora(t *testing.T) {
	dir := os.Getenv("SEMDEX_CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no corpora at %s: set SEMDEX_CORPORA", dir)
	}
	if testing.Short() {
		t.Skip("reads 140 MB of text")
	}
	files := map[string]string{}
	for _, name := range []string{"sts", "nli", "pairs", "qa", "retrieval"} { // not text: it takes longest
		files[name] = filepath.Join(dir, name)
	}
	link := t.TempDir()
	for name, target := range files {
		target, err := filepath.Abs(target)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(link, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	d, err := Open(t.Context(), link, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, least := range map[string]int{"nli-en": 10000, "nli-ko": 9000, "parallel-sts": 9000, "squad": 80000, "parakqc": 29000} {
		if n := find(t, d, name).Len(); n < least {
			t.Errorf("%s: %d pairs, want %d or more", name, n, least)
		}
	}
	if !slices.Equal(d.Missing, []string{"text/wiki-en.jsonl", "text/wiki-ko.jsonl"}) {
		t.Errorf("missing %q", d.Missing)
	}
	if len(d.Dev.STS) != 2 || len(d.Dev.Retrieval) != 2 || len(d.Dev.Parallel) != 2 {
		t.Errorf("dev sets: %d, %d, %d", len(d.Dev.STS), len(d.Dev.Retrieval), len(d.Dev.Parallel))
	}
}
