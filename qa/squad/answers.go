package squad

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Report is what was found in a file.
type Report struct {
	Questions  int       `json:"questions"` // kept
	Impossible int       `json:"impossible"`
	Answers    int       `json:"answers"`
	Skipped    int       `json:"skipped,omitempty"` // questions left out
	Problems   []Problem `json:"problems,omitempty"`
}

func (r *Report) count(q *Question) {
	r.Questions++
	r.Answers += len(q.Answers)
	if q.Impossible {
		r.Impossible++
	}
}

// Problem is a question or an answer that is not as it should be.
type Problem struct {
	ID     string `json:"id"`
	What   string `json:"what"`
	Answer string `json:"answer,omitempty"`
	Offset int    `json:"offset,omitempty"` // as the file states it
}

func (p Problem) String() string {
	if p.Answer == "" {
		return fmt.Sprintf("question %s: %s", p.ID, p.What)
	}
	return fmt.Sprintf("question %s: answer %q at %d: %s", p.ID, p.Answer, p.Offset, p.What)
}

// builder adds the questions of a file to its set.
type builder struct {
	*Set
	policy Misplaced
	runes  []rune // of the current context
	ids    map[string]bool
}

func (b *builder) problem(id, format string, v ...any) {
	b.Report.Problems = append(b.Report.Problems, Problem{ID: id, What: fmt.Sprintf(format, v...)})
}

func (b *builder) add(q question, article int, title string) error {
	out := Question{ID: q.ID, Text: q.Text, Title: title, Article: article, Context: len(b.Contexts) - 1}
	if b.ids[q.ID] {
		b.problem(q.ID, "another question has this id")
	}
	b.ids[q.ID] = true
	if strings.TrimSpace(q.Text) == "" {
		b.problem(q.ID, "it has no text and is left out")
		b.Report.Skipped++
		return nil
	}
	out.Impossible = q.Impossible || len(q.Answers) == 0
	if q.Impossible && len(q.Answers) > 0 {
		b.problem(q.ID, "it is marked impossible and has answers, which are left out")
	}
	if !out.Impossible {
		for _, a := range q.Answers {
			start := -1
			if a.Start != nil {
				start = *a.Start
			}
			found, ok, err := b.place(q.ID, a.Text, start)
			if err != nil {
				return err
			}
			if ok {
				out.Answers = append(out.Answers, found)
			}
		}
		if len(out.Answers) == 0 {
			b.problem(q.ID, "none of its answers can be used, so it is left out")
			b.Report.Skipped++
			return nil
		}
	}
	b.Questions = append(b.Questions, out)
	b.Report.count(&out)
	return nil
}

// place finds an answer at its offset, or does with it what the policy says.
func (b *builder) place(id, text string, start int) (a Answer, ok bool, err error) {
	n := utf8.RuneCountInString(text)
	if n > 0 && start >= 0 && start <= len(b.runes)-n && string(b.runes[start:start+n]) == text {
		return Answer{text, start, start + n}, true, nil
	}
	p := Problem{ID: id, Answer: text, Offset: start}
	at := -1
	switch {
	case n == 0:
		p.What = "it is empty"
	case b.policy == Fail:
		return a, false, fmt.Errorf("%w: question %s: %q at %d", ErrOffset, id, text, start)
	case b.policy == Repair:
		if at = nearest(b.runes, []rune(text), start); at >= 0 {
			p.What = fmt.Sprintf("it does not stand there; moved to %d", at)
			break
		}
		p.What = "it stands nowhere in the context; left out"
	default:
		p.What = "it does not stand there"
	}
	b.Report.Problems = append(b.Report.Problems, p)
	switch {
	case at >= 0:
		return Answer{text, at, at + n}, true, nil
	case b.policy == Keep:
		return Answer{text, -1, -1}, true, nil
	}
	return a, false, nil
}

// nearest is the place of text in runes that is nearest to start, the first of
// two, or -1.
func nearest(runes, text []rune, start int) int {
	best, distance := -1, 0
	for i := 0; i+len(text) <= len(runes); i++ {
		if !slices.Equal(runes[i:i+len(text)], text) {
			continue
		}
		if d := max(i-start, start-i); best < 0 || d < distance {
			best, distance = i, d
		}
	}
	return best
}
