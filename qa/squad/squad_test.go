package squad_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"semdex/qa/score"
	"semdex/qa/squad"
)

// example has every fault that a file of this form can have.
const example = `{"version": "1.1", "data": [
 {"title": "강", "paragraphs": [
  {"context": "한강은 서울을 지난다. 길이는 494km이다.", "qas": [
   {"id": "start", "question": "무엇이 서울을 지나나?", "answers": [{"text": "한강", "answer_start": 0}]},
   {"id": "end", "question": "길이는?", "answers": [{"text": "494km이다.", "answer_start": 17}]},
   {"id": "off by one", "question": "어디를 지나나?", "answers": [{"text": "서울", "answer_start": 5}]},
   {"id": "two", "question": "어디?", "answers": [{"text": "서울", "answer_start": 40}, {"text": "서울을", "answer_start": 4}]},
   {"id": "nowhere", "question": "어디?", "answers": [{"text": "부산", "answer_start": 4}]},
   {"id": "no offset", "question": "어디?", "answers": [{"text": "서울"}]},
   {"id": "empty answer", "question": "어디?", "answers": [{"text": "", "answer_start": 4}]},
   {"id": "no question", "question": " ", "answers": [{"text": "서울", "answer_start": 4}]}]}]},
 {"title": "emoji", "paragraphs": [
  {"context": "😀😀 cat and cat", "qas": [
   {"id": "astral", "question": "who?", "answers": [{"text": "cat", "answer_start": 3}]},
   {"id": "none", "question": "what?", "answers": [], "is_impossible": true}]}]}]}`

func read(t *testing.T, policy squad.Misplaced) *squad.Set {
	t.Helper()
	s, err := squad.Read(strings.NewReader(example), "example", squad.Options{Misplaced: policy})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// spans writes the questions and where their answers stand.
func spans(s *squad.Set) string {
	var parts []string
	for _, q := range s.Questions {
		part := q.ID
		for _, a := range q.Answers {
			part += fmt.Sprintf(" %d-%d", a.Start, a.End)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func TestPolicies(t *testing.T) {
	for _, tt := range []struct {
		policy  squad.Misplaced
		want    string
		skipped int
	}{
		{squad.Skip, "start 0-2, end 17-25, two 4-7, astral 3-6, none", 5},
		{squad.Repair, "start 0-2, end 17-25, off by one 4-6, two 4-6 4-7, no offset 4-6, astral 3-6, none", 3},
		{squad.Keep, "start 0-2, end 17-25, off by one -1--1, two -1--1 4-7, nowhere -1--1, no offset -1--1, empty answer -1--1, astral 3-6, none", 1},
	} {
		s := read(t, tt.policy)
		if got := spans(s); got != tt.want || s.Report.Skipped != tt.skipped {
			t.Errorf("%s: %s, %d skipped\nwant %s, %d", tt.policy, got, s.Report.Skipped, tt.want, tt.skipped)
		}
		for _, id := range []string{"off by one", "two", "nowhere", "no offset", "empty answer", "no question"} {
			if !reported(s, id) {
				t.Errorf("%s: %q is not reported: %v", tt.policy, id, s.Report.Problems)
			}
		}
	}
	_, err := squad.Read(strings.NewReader(example), "", squad.Options{Misplaced: squad.Fail})
	if !errors.Is(err, squad.ErrOffset) || !strings.Contains(err.Error(), "off by one") {
		t.Errorf("fail: %v", err)
	}
}

func reported(s *squad.Set, id string) bool {
	for _, p := range s.Report.Problems {
		if p.ID == id {
			return true
		}
	}
	return false
}

func TestRepairTakesTheNearest(t *testing.T) {
	const text = `{"data":[{"paragraphs":[{"context":"x x x x","qas":[{"id":"1","question":"?","answers":[{"text":"x","answer_start":%d}]}]}]}]}`
	for start, want := range map[int]int{1: 0, 3: 2, 5: 4, 100: 6, -7: 0} {
		s, err := squad.Read(strings.NewReader(fmt.Sprintf(text, start)), "", squad.Options{Misplaced: squad.Repair})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Questions[0].Answers[0].Start; got != want {
			t.Errorf("from %d to %d, want %d", start, got, want)
		}
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write([]byte(example))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"plain.json": []byte(example), "packed.json.gz": packed.Bytes(), "broken.json": []byte(example[:900])} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"plain.json", "packed.json", "packed.json.gz"} {
		s, err := squad.ReadFile(filepath.Join(dir, name), squad.Options{})
		if err != nil || len(s.Questions) != 5 || s.Style != score.SQuAD2 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := squad.ReadFile(filepath.Join(dir, "broken.json"), squad.Options{}); !errors.Is(err, squad.ErrFormat) {
		t.Errorf("a file that is cut off: %v", err)
	}
	if _, err := squad.ReadFile(filepath.Join(dir, "none.json"), squad.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	for _, text := range []string{"", "{}", "[]", `{"data":[{"paragraphs":[{}]}]}`, `{"data":[{"paragraphs":[{"context":"x","qas":[{"id":7}]}]}]}`} {
		if _, err := squad.Read(strings.NewReader(text), "", squad.Options{}); !errors.Is(err, squad.ErrFormat) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSplitAndSample(t *testing.T) {
	s := read(t, squad.Keep)
	rest, held := s.Split(0.1, 1)
	if len(rest.Questions)+len(held.Questions) != len(s.Questions) || len(held.Questions) == 0 || len(rest.Questions) == 0 {
		t.Fatalf("%d and %d of %d questions", len(rest.Questions), len(held.Questions), len(s.Questions))
	}
	for _, a := range rest.Questions {
		for _, b := range held.Questions {
			if a.Article == b.Article {
				t.Fatalf("article %d stands in both parts", a.Article)
			}
		}
	}
	few := s.Sample(3, 1)
	if len(few.Questions) != 3 || few.Report.Questions != 3 || spans(few) != spans(s.Sample(3, 1)) {
		t.Errorf("a sample of 3: %s", spans(few))
	}
}

// TestCorpora: no answer of the public files is lost, least of all those that
// begin at 0.
func TestCorpora(t *testing.T) {
	dir := os.Getenv("SEMDEX_CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(dir, "qa")); err != nil {
		t.Skipf("no corpora at %s: set SEMDEX_CORPORA", dir)
	}
	for _, tt := range []struct {
		file                  string
		style                 score.Style
		questions, impossible int
		atStart               int
	}{
		{"qa/ko/korquad/KorQuAD_v1.0_dev.json", score.KorQuAD, 5774, 0, 241},
		{"qa/en/squad/dev-v1.1.from-html.json", score.SQuAD1, 10570, 0, -1},
		{"qa/en/squad/dev-v2.0.from-html.json", score.SQuAD2, 11873, 5945, -1},
	} {
		s, err := squad.ReadFile(filepath.Join(dir, tt.file), squad.Options{Misplaced: squad.Fail})
		if err != nil {
			t.Fatal(err)
		}
		atStart := 0
		for _, q := range s.Questions {
			if a, ok := q.Span(); ok && a.Start == 0 {
				atStart++
			}
		}
		r := s.Report
		if s.Style != tt.style || r.Questions != tt.questions || r.Impossible != tt.impossible || len(r.Problems) > 0 {
			t.Errorf("%s: %s, %+v", tt.file, s.Style, r)
		}
		if tt.atStart >= 0 && atStart != tt.atStart {
			t.Errorf("%s: %d answers begin at 0, want %d", tt.file, atStart, tt.atStart)
		}
	}
}

// FuzzRead: whatever the file, an answer with a place stands there.
func FuzzRead(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte(`{"data":[{"paragraphs":[{"context":"\ud83d a","qas":[{"id":"1","question":"?","answers":[{"text":"a","answer_start":2}]}]}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, policy := range []squad.Misplaced{squad.Skip, squad.Repair, squad.Keep} {
			s, err := squad.Read(bytes.NewReader(data), "fuzz", squad.Options{Misplaced: policy})
			if err != nil {
				continue
			}
			for _, q := range s.Questions {
				runes := []rune(s.Contexts[q.Context])
				for _, a := range q.Answers {
					if a.Start >= 0 && string(runes[a.Start:a.End]) != a.Text {
						t.Errorf("%s: %q is not at %d", q.ID, a.Text, a.Start)
					}
				}
				if q.Impossible == (len(q.Answers) > 0) {
					t.Errorf("%s: impossible %t with %d answers", q.ID, q.Impossible, len(q.Answers))
				}
			}
			if _, err := json.Marshal(s.Report); err != nil {
				t.Error(err)
			}
		}
	})
}
