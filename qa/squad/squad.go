// Package squad reads questions with answers in the form of SQuAD and KorQuAD.
// Answers are found by the offset that the file gives and nowhere else, unless
// repair is asked for; none is lost unseen.
package squad

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"semdex/qa/score"
)

// ErrFormat marks a file that is not in SQuAD's form.
var ErrFormat = errors.New("not in SQuAD's form")

// ErrOffset marks an answer that does not stand at its offset, under Fail.
var ErrOffset = errors.New("answer does not stand at its offset")

// Set is the questions of a file.
type Set struct {
	Name      string
	Version   string // as the file states it
	Style     score.Style
	Contexts  []string
	Questions []Question
	Report    Report
}

// Question is asked of one context.
type Question struct {
	ID      string
	Text    string
	Title   string // of the article
	Article int    // its number in the file
	Context int    // the number of the context in Set.Contexts
	Answers []Answer
	// Impossible says that the context holds no answer; Answers is then empty.
	Impossible bool
}

// Answer is runes [Start, End) of the context, or a text that was not found
// there, with a Start of -1.
type Answer struct {
	Text       string
	Start, End int
}

// Golds are the texts of the answers.
func (q *Question) Golds() []string {
	golds := make([]string, len(q.Answers))
	for i, a := range q.Answers {
		golds[i] = a.Text
	}
	return golds
}

// Span is the first answer that stands in the context.
func (q *Question) Span() (a Answer, ok bool) {
	for _, a := range q.Answers {
		if a.Start >= 0 {
			return a, true
		}
	}
	return Answer{}, false
}

// Misplaced says what becomes of an answer that does not stand at its offset.
type Misplaced string

// The policies. Skip leaves the answer out, and the question if it has no
// other. Repair moves it to the nearest place where its text stands, and skips
// it if there is none. Fail is ErrOffset. Keep keeps the text without a place:
// for scoring, which must count every question.
const (
	Skip   Misplaced = "skip"
	Repair Misplaced = "repair"
	Fail   Misplaced = "fail"
	Keep   Misplaced = "keep"
)

// Options of reading. The zero value skips misplaced answers.
type Options struct {
	Misplaced Misplaced
}

// ReadFile reads a file, plain or gzipped; a path that names neither stands for
// itself with .gz. Errors wrap ErrFormat or ErrOffset, or are the file's.
func ReadFile(path string, o Options) (*Set, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if packed, err2 := os.Open(path + ".gz"); err2 == nil {
			f, err = packed, nil
		}
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	buffered := bufio.NewReaderSize(f, 1<<16)
	var r io.Reader = buffered
	if magic, _ := buffered.Peek(2); string(magic) == "\x1f\x8b" {
		if r, err = gzip.NewReader(buffered); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	s, err := Read(r, baseName(path), o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func baseName(path string) string {
	return strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".gz"), ".json")
}

// file is the JSON form.
type file struct {
	Version string `json:"version"`
	Data    []struct {
		Title      string `json:"title"`
		Paragraphs []struct {
			Context   *string    `json:"context"`
			Questions []question `json:"qas"`
		} `json:"paragraphs"`
	} `json:"data"`
}

type question struct {
	ID         string `json:"id"`
	Text       string `json:"question"`
	Impossible bool   `json:"is_impossible"`
	Answers    []struct {
		Text  string `json:"text"`
		Start *int   `json:"answer_start"`
	} `json:"answers"`
}

// Read reads one JSON value. Offsets count Unicode code points, as Python does
// and as Go's runes do.
func Read(r io.Reader, name string, o Options) (*Set, error) {
	switch o.Misplaced {
	case "":
		o.Misplaced = Skip
	case Skip, Repair, Fail, Keep:
	default:
		return nil, fmt.Errorf("unknown policy %q for misplaced answers", o.Misplaced)
	}
	var f file
	if err := json.NewDecoder(r).Decode(&f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if f.Data == nil {
		return nil, fmt.Errorf(`%w: it has no "data"`, ErrFormat)
	}
	s := &Set{Name: name, Version: f.Version}
	b := builder{Set: s, policy: o.Misplaced, ids: make(map[string]bool)}
	for i, article := range f.Data {
		for j, p := range article.Paragraphs {
			if p.Context == nil {
				return nil, fmt.Errorf("%w: paragraph %d of article %d has no context", ErrFormat, j, i)
			}
			s.Contexts = append(s.Contexts, *p.Context)
			b.runes = []rune(*p.Context)
			for _, q := range p.Questions {
				if err := b.add(q, i, article.Title); err != nil {
					return nil, err
				}
			}
		}
	}
	s.Style = s.style()
	return s, nil
}

// style is the script that scores the set: KorQuAD says so, and SQuAD 2.0 has
// questions without an answer.
func (s *Set) style() score.Style {
	if strings.HasPrefix(strings.ToLower(s.Version), "korquad") {
		return score.KorQuAD
	}
	if strings.TrimPrefix(s.Version, "v") == "2.0" || s.Report.Impossible > 0 {
		return score.SQuAD2
	}
	return score.SQuAD1
}

// Split parts the set by articles, so that no context stands in both: about
// share of the questions go to the second. The same seed gives the same parts.
func (s *Set) Split(share float64, seed uint64) (rest, held *Set) {
	counts := make(map[int]int)
	var articles []int
	for _, q := range s.Questions {
		if counts[q.Article] == 0 {
			articles = append(articles, q.Article)
		}
		counts[q.Article]++
	}
	rng := rand.New(rand.NewPCG(seed, 0x73717561))
	rng.Shuffle(len(articles), func(i, j int) { articles[i], articles[j] = articles[j], articles[i] })
	out, taken := make(map[int]bool), 0
	for _, a := range articles {
		if float64(taken) >= share*float64(len(s.Questions)) || len(out) == len(articles)-1 {
			break
		}
		out[a] = true
		taken += counts[a]
	}
	return s.filter(func(q *Question) bool { return !out[q.Article] }),
		s.filter(func(q *Question) bool { return out[q.Article] })
}

// Sample is n of the questions, drawn by seed and in their order; all of them
// if n is 0 or there are no more.
func (s *Set) Sample(n int, seed uint64) *Set {
	if n <= 0 || n >= len(s.Questions) {
		return s
	}
	chosen := make(map[int]bool, n)
	rng := rand.New(rand.NewPCG(seed, 0x73616d70))
	for _, i := range rng.Perm(len(s.Questions))[:n] {
		chosen[i] = true
	}
	at := -1
	return s.filter(func(*Question) bool { at++; return chosen[at] })
}

// filter is the set with the questions that keep accepts, over the same
// contexts.
func (s *Set) filter(keep func(*Question) bool) *Set {
	out := &Set{Name: s.Name, Version: s.Version, Style: s.Style, Contexts: s.Contexts}
	for i := range s.Questions {
		if keep(&s.Questions[i]) {
			out.Questions = append(out.Questions, s.Questions[i])
			out.Report.count(&s.Questions[i])
		}
	}
	return out
}
