package squad

import (
	"encoding/json"
	"io"
)

// Write writes a set in SQuAD's form, as Read reads it. Questions must be
// ordered by article and context, as Read leaves them; contexts without a
// question are left out.
func Write(w io.Writer, s *Set) error {
	type answer struct {
		Text  string `json:"text"`
		Start int    `json:"answer_start"`
	}
	type question struct {
		ID         string   `json:"id"`
		Text       string   `json:"question"`
		Impossible bool     `json:"is_impossible,omitempty"`
		Answers    []answer `json:"answers"`
	}
	type paragraph struct {
		Context   string     `json:"context"`
		Questions []question `json:"qas"`
	}
	type article struct {
		Title      string      `json:"title"`
		Paragraphs []paragraph `json:"paragraphs"`
	}
	data := []article{}
	for i := range s.Questions {
		q := &s.Questions[i]
		if i == 0 || q.Article != s.Questions[i-1].Article {
			data = append(data, article{Title: q.Title})
		}
		a := &data[len(data)-1]
		if len(a.Paragraphs) == 0 || q.Context != s.Questions[i-1].Context {
			a.Paragraphs = append(a.Paragraphs, paragraph{Context: s.Contexts[q.Context]})
		}
		out := question{ID: q.ID, Text: q.Text, Impossible: q.Impossible, Answers: []answer{}}
		for _, x := range q.Answers {
			if x.Start >= 0 {
				out.Answers = append(out.Answers, answer{x.Text, x.Start})
			}
		}
		p := &a.Paragraphs[len(a.Paragraphs)-1]
		p.Questions = append(p.Questions, out)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(map[string]any{"version": s.Version, "data": data})
}
