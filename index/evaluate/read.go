package evaluate

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"semdex/index"
	"semdex/internal/metric"
)

// Load reads the judged sets at a path, in whichever of the forms it is:
//
//   - a BEIR folder: corpus.jsonl, queries.jsonl, qrels/<split>.tsv
//   - an AutoRAG folder: corpus.jsonl (doc_id, contents), qa.jsonl
//   - a folder of pages: pages.jsonl, <name>.queries.jsonl, <name>.qrels.pages.tsv,
//     which gives one set for each name
//   - a file in SQuAD's form: each question is to find its paragraph
//
// Every file may be gzipped, with ".gz" at the end of its name. An empty split
// means "test"; only BEIR folders have splits.
func Load(path, split string) ([]*Set, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	one := func(s *Set, err error) ([]*Set, error) {
		if err != nil {
			return nil, err
		}
		return []*Set{s}, nil
	}
	if !info.IsDir() {
		return one(ReadSQuAD(path))
	}
	switch {
	case exists(filepath.Join(path, "qa.jsonl")):
		return one(ReadAutoRAG(path))
	case exists(filepath.Join(path, "pages.jsonl")):
		return ReadPages(path)
	case exists(filepath.Join(path, "corpus.jsonl")):
		return one(ReadBEIR(path, split))
	}
	return nil, fmt.Errorf("%s has neither corpus.jsonl nor pages.jsonl: not a retrieval set", path)
}

// ReadBEIR reads a folder in BEIR's form; an empty split means "test".
func ReadBEIR(dir, split string) (*Set, error) {
	if split == "" {
		split = "test"
	}
	s := newSet(baseName(dir))
	if err := s.readDocuments(filepath.Join(dir, "corpus.jsonl")); err != nil {
		return nil, err
	}
	if err := s.readQrels(filepath.Join(dir, "qrels", split+".tsv")); err != nil {
		return nil, err
	}
	if err := s.readQueries(filepath.Join(dir, "queries.jsonl")); err != nil {
		return nil, err
	}
	return s.finish()
}

// ReadPages reads a folder of pages with one or more judged query sets.
func ReadPages(dir string) ([]*Set, error) {
	corpus := newSet(baseName(dir))
	if err := corpus.readDocuments(filepath.Join(dir, "pages.jsonl")); err != nil {
		return nil, err
	}
	const suffix = ".queries.jsonl"
	files, err := filepath.Glob(filepath.Join(dir, "*"+suffix+"*"))
	if err != nil {
		return nil, err
	}
	var sets []*Set
	for _, file := range files {
		name, ok := strings.CutSuffix(strings.TrimSuffix(filepath.Base(file), ".gz"), suffix)
		if !ok {
			continue
		}
		s := newSet(corpus.Name + "/" + name)
		s.Documents, s.Empty = corpus.Documents, corpus.Empty
		if err := s.readQrels(filepath.Join(dir, name+".qrels.pages.tsv")); err != nil {
			return nil, err
		}
		if err := s.readQueries(filepath.Join(dir, name+suffix)); err != nil {
			return nil, err
		}
		if s, err = s.finish(); err != nil {
			return nil, err
		}
		sets = append(sets, s)
	}
	if len(sets) == 0 {
		return nil, fmt.Errorf("%s has no *%s", dir, suffix)
	}
	return sets, nil
}

// ReadAutoRAG reads a folder in AutoRAG's form. All passages that a question
// names are relevant.
func ReadAutoRAG(dir string) (*Set, error) {
	s := newSet(baseName(dir))
	err := eachLine(filepath.Join(dir, "corpus.jsonl"), func(line []byte) error {
		var d struct {
			ID       string `json:"doc_id"`
			Contents string `json:"contents"`
		}
		if err := json.Unmarshal(line, &d); err != nil {
			return err
		}
		return s.add(index.Document{ID: d.ID, Text: d.Contents})
	})
	if err != nil {
		return nil, err
	}
	err = eachLine(filepath.Join(dir, "qa.jsonl"), func(line []byte) error {
		var q struct {
			ID    string     `json:"qid"`
			Query string     `json:"query"`
			Truth [][]string `json:"retrieval_gt"`
		}
		if err := json.Unmarshal(line, &q); err != nil {
			return err
		}
		for _, group := range q.Truth {
			for _, id := range group {
				s.judge(q.ID, id, 1)
			}
		}
		s.Queries = append(s.Queries, Query{ID: q.ID, Text: q.Query})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.finish()
}

// ReadSQuAD reads a file in the form of SQuAD and KorQuAD. Paragraphs are the
// documents, titled by their article; questions without an answer are left out.
func ReadSQuAD(path string) (*Set, error) {
	var file struct {
		Data []struct {
			Title      string `json:"title"`
			Paragraphs []struct {
				Context   string `json:"context"`
				Questions []struct {
					ID         string            `json:"id"`
					Question   string            `json:"question"`
					Impossible bool              `json:"is_impossible"`
					Answers    []json.RawMessage `json:"answers"`
				} `json:"qas"`
			} `json:"paragraphs"`
		} `json:"data"`
	}
	r, err := open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if err := json.NewDecoder(r).Decode(&file); err != nil {
		return nil, fmt.Errorf("%s is not in SQuAD's form: %w", path, err)
	}
	s := newSet(baseName(path))
	for i, article := range file.Data {
		for j, p := range article.Paragraphs {
			d := index.Document{ID: fmt.Sprintf("%d-%d", i, j), Title: strings.ReplaceAll(article.Title, "_", " "), Text: p.Context}
			if err := s.add(d); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			for _, q := range p.Questions {
				if q.Impossible || len(q.Answers) == 0 {
					continue
				}
				s.Queries = append(s.Queries, Query{ID: q.ID, Text: q.Question})
				s.judge(q.ID, d.ID, 1)
			}
		}
	}
	return s.finish()
}

func newSet(name string) *Set {
	return &Set{Name: name, Judgements: make(map[string]metric.Judgements)}
}

func (s *Set) add(d index.Document) error {
	if d.ID == "" {
		return errors.New("a document has no id")
	}
	if strings.TrimSpace(d.Title) == "" && strings.TrimSpace(d.Text) == "" {
		s.Empty++
		return nil
	}
	s.Documents = append(s.Documents, d)
	return nil
}

func (s *Set) judge(query, document string, gain float64) {
	if s.Judgements[query] == nil {
		s.Judgements[query] = make(metric.Judgements)
	}
	s.Judgements[query][document] = gain
}

func (s *Set) readDocuments(path string) error {
	return eachLine(path, func(line []byte) error {
		var d struct {
			ID    string `json:"_id"`
			Title string `json:"title"`
			Text  string `json:"text"`
		}
		if err := json.Unmarshal(line, &d); err != nil {
			return err
		}
		return s.add(index.Document{ID: d.ID, Title: d.Title, Text: d.Text})
	})
}

func (s *Set) readQueries(path string) error {
	return eachLine(path, func(line []byte) error {
		var q struct {
			ID   string `json:"_id"`
			Text string `json:"text"`
		}
		if err := json.Unmarshal(line, &q); err != nil {
			return err
		}
		s.Queries = append(s.Queries, Query(q))
		return nil
	})
}

// readQrels reads query, document and gain, with or without a header.
func (s *Set) readQrels(path string) error {
	first := true
	return eachLine(path, func(line []byte) error {
		header := first
		first = false
		fields := strings.Split(string(line), "\t")
		if len(fields) != 3 {
			return fmt.Errorf("%d columns, not query, document and score", len(fields))
		}
		gain, err := strconv.ParseFloat(strings.TrimSpace(fields[2]), 64)
		if err != nil {
			if header {
				return nil
			}
			return fmt.Errorf("score %q is not a number", fields[2])
		}
		s.judge(fields[0], fields[1], gain)
		return nil
	})
}

// finish keeps the queries that have relevant documents and checks that every
// judged query is there.
func (s *Set) finish() (*Set, error) {
	have := make(map[string]bool, len(s.Documents))
	for _, d := range s.Documents {
		if have[d.ID] {
			return nil, fmt.Errorf("set %s: document %q is there twice", s.Name, d.ID)
		}
		have[d.ID] = true
	}
	asked := make(map[string]bool, len(s.Queries))
	kept := s.Queries[:0]
	for _, q := range s.Queries {
		if asked[q.ID] {
			return nil, fmt.Errorf("set %s: query %q is there twice", s.Name, q.ID)
		}
		asked[q.ID] = true
		if s.Judgements[q.ID].Relevant() > 0 {
			kept = append(kept, q)
		}
	}
	s.Queries = kept
	for query, judgements := range s.Judgements {
		if !asked[query] {
			return nil, fmt.Errorf("set %s: query %q has judgements but no text", s.Name, query)
		}
		for id := range judgements {
			if !have[id] {
				s.Missing++
			}
		}
	}
	if len(s.Queries) == 0 || len(s.Documents) == 0 {
		return nil, fmt.Errorf("set %s has %d documents and %d judged queries", s.Name, len(s.Documents), len(s.Queries))
	}
	return s, nil
}

// open opens a file, or the gzipped one of that name.
func open(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if zipped, zerr := os.Open(path + ".gz"); zerr == nil {
			f, err, path = zipped, nil, path+".gz"
		}
	}
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(path, ".gz") {
		return f, nil
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{z, f}, nil
}

func exists(path string) bool {
	for _, p := range []string{path, path + ".gz"} {
		if _, err := os.Stat(p); err == nil {
			return true
		}
	}
	return false
}

// eachLine calls f for each line that is not blank; errors name file and line.
func eachLine(path string, f func(line []byte) error) error {
	r, err := open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	lines := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if line := bytes.Trim(line, "\r\n"); len(bytes.TrimSpace(line)) > 0 {
			if err := f(line); err != nil {
				return fmt.Errorf("%s, line %d: %w", path, n, err)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
}

// baseName names a set after its file or folder, without endings.
func baseName(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	name := strings.TrimSuffix(filepath.Base(path), ".gz")
	return strings.TrimSuffix(name, ".json")
}
