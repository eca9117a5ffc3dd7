package index

import "context"

// Corrector is the part of a Collection that knows its words.
type Corrector interface {
	// Correct replaces Latin words of 4 to 24 letters that no passage has by a
	// word of one edit (a letter put in, left out, replaced, or two swapped; the
	// first stays) that passages have, the commonest. Changes are by the word
	// as it stands in text; nil if there are none.
	Correct(ctx context.Context, text string) (corrected string, changes map[string]string, err error)
}

// correct corrects the text of a prepared query, once.
func (q Query) correct(ctx context.Context, c Collection) (Query, error) {
	if !q.Correct {
		return q, nil
	}
	text, changes, err := c.Correct(ctx, q.Text)
	if err != nil {
		return q, err
	}
	q.Text, q.corrected, q.Correct = text, changes, false
	return q, nil
}
