package model

import "fmt"

// classifierWeight is the last layer of a sequence classifier: [classes, hidden].
const classifierWeight = "classifier.weight"

// Labels are the classes of m's sequence classifier in order of their numbers,
// one for a model that gives a score; nil if m has no classifier. Classes that
// config.json does not name are LABEL_0, LABEL_1 and so on, as in transformers.
func (m *Model) Labels() []string {
	w := m.Heads[classifierWeight]
	if w == nil || len(w.Shape) != 2 || w.Cols() != m.Config.Hidden {
		return nil
	}
	if n := w.Rows(); len(m.Config.Labels) != n {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("LABEL_%d", i)
		}
		return names
	}
	return m.Config.Labels
}
