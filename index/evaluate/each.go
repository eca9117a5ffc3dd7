package evaluate

import (
	"context"
	"sync"
)

// RunEach is Run that also gives the figures of every single query: for each
// system a list in the order of the set's queries, whose means are the report's
// rows. Systems are asked once.
func RunEach(ctx context.Context, set *Set, systems []System, onQuery func(done, total int)) (Report, [][]Row, error) {
	recorders := make([]*recorder, len(systems))
	recorded := make([]System, len(systems))
	for i, s := range systems {
		recorders[i] = &recorder{system: s, answers: make(map[string][]string, len(set.Queries))}
		recorded[i] = System{Name: s.Name, Search: recorders[i].search}
	}
	report, err := Run(ctx, set, recorded, onQuery)
	if err != nil {
		return report, nil, err
	}
	first := firstCopies(set.Documents)
	rows := make([][]Row, len(systems))
	for i, r := range recorders {
		rows[i] = make([]Row, len(set.Queries))
		for j, q := range set.Queries {
			rows[i][j] = score(r.answers[q.Text], set.Judgements[q.ID], first)
			rows[i][j].System = r.system.Name
		}
	}
	return report, rows, nil
}

// recorder keeps what a system answers. Queries of the same text share their
// answer.
type recorder struct {
	system System

	mu      sync.Mutex
	answers map[string][]string // by query
}

func (r *recorder) search(ctx context.Context, query string, k int) ([]string, error) {
	ids, err := r.system.Search(ctx, query, k)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers[query] = ids
	return ids, nil
}
