// Package evaluate measures retrieval: it reads judged collections (BEIR,
// SQuAD, AutoRAG and page-judged forms), asks search systems their queries, and
// reports nDCG, MRR and recall in tables.
package evaluate

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"semdex/index"
	"semdex/internal/metric"
)

// Query is a question to a collection.
type Query struct {
	ID   string
	Text string
}

// Set is a judged collection.
type Set struct {
	Name      string
	Documents []index.Document
	// Queries are those with at least one relevant document.
	Queries []Query
	// Judgements are the gains of documents by query id.
	Judgements map[string]metric.Judgements
	// Missing counts judgements of documents that are not in the collection:
	// no system can find them, and recall counts them all the same.
	Missing int
	// Empty counts documents left out because they have neither title nor text.
	Empty int
}

// System is one way to search: it returns the ids of at most k documents, best
// first. It is called from several goroutines.
type System struct {
	Name   string
	Search func(ctx context.Context, query string, k int) ([]string, error)
}

// Searcher is what Systems needs of index.Service.
type Searcher interface {
	Search(ctx context.Context, collection string, q index.Query) (index.Result, error)
}

// Systems returns one system for each mode of searching a collection, named by
// the mode. A hybrid search that loses its dense leg is an error here: it would
// be measured as what it is not.
func Systems(s Searcher, collection string, f index.Fusion, modes ...index.Mode) []System {
	systems := make([]System, len(modes))
	for i, mode := range modes {
		systems[i] = System{Name: string(mode), Search: func(ctx context.Context, query string, k int) ([]string, error) {
			r, err := s.Search(ctx, collection, index.Query{Text: query, TopK: k, Mode: mode, Fusion: f})
			if err != nil {
				return nil, err
			}
			if r.Stats.Degraded != "" {
				return nil, fmt.Errorf("%s search ran without vectors: %s", mode, r.Stats.Degraded)
			}
			ids := make([]string, len(r.Hits))
			for j, h := range r.Hits {
				ids[j] = h.DocumentID
			}
			return ids, nil
		}}
	}
	return systems
}

// Depth is how many documents Run asks for: recall at 100 needs them.
const Depth = 100

// Report holds a set's figures, one row for each system.
type Report struct {
	Set       string `json:"set"`
	Documents int    `json:"documents"`
	Queries   int    `json:"queries"`
	Rows      []Row  `json:"rows"`
}

// Row holds one system's means over a set's queries, each between 0 and 1.
type Row struct {
	System    string  `json:"system"`
	NDCG10    float64 `json:"ndcg@10"`
	MRR10     float64 `json:"mrr@10"`
	Recall10  float64 `json:"recall@10"`
	Recall100 float64 `json:"recall@100"`
}

// Run asks every system all queries, on as many goroutines as there are
// processors, and averages over the queries in their order, so that the same
// answers give the same figures. onQuery, if not nil, is called after each
// answer with the number of those so far, never at the same time twice.
//
// Documents of the same text count as one: finding any copy of a relevant
// document is a hit.
func Run(ctx context.Context, set *Set, systems []System, onQuery func(done, total int)) (Report, error) {
	report := Report{Set: set.Name, Documents: len(set.Documents), Queries: len(set.Queries)}
	if len(set.Queries) == 0 {
		return report, fmt.Errorf("set %s has no judged queries", set.Name)
	}
	first := firstCopies(set.Documents)
	total := len(set.Queries) * len(systems)
	var mu sync.Mutex
	done := 0
	for _, system := range systems {
		scores := make([]Row, len(set.Queries))
		g, asking := errgroup.WithContext(ctx)
		g.SetLimit(runtime.GOMAXPROCS(0))
		for i, q := range set.Queries {
			g.Go(func() error {
				if err := asking.Err(); err != nil {
					return err
				}
				ids, err := system.Search(asking, q.Text, Depth)
				if err != nil {
					return fmt.Errorf("set %s, %s, query %q: %w", set.Name, system.Name, q.ID, err)
				}
				scores[i] = score(ids, set.Judgements[q.ID], first)
				mu.Lock()
				defer mu.Unlock()
				done++
				if onQuery != nil {
					onQuery(done, total)
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			return report, err
		}
		report.Rows = append(report.Rows, mean(system.Name, scores))
	}
	return report, nil
}

// firstCopies maps the id of each document that repeats another one's text to
// the id of the first.
func firstCopies(docs []index.Document) map[string]string {
	byText := make(map[string]string, len(docs))
	first := make(map[string]string)
	for _, d := range docs {
		text := strings.Join(strings.Fields(d.Text), " ")
		if text == "" {
			continue
		}
		if id, ok := byText[text]; ok {
			first[d.ID] = id
			continue
		}
		byText[text] = d.ID
	}
	return first
}

func score(ids []string, judgements metric.Judgements, first map[string]string) Row {
	ranked := make([]string, len(ids))
	for i, id := range ids {
		ranked[i] = canonical(id, first)
	}
	gains := make(metric.Judgements, len(judgements))
	for id, gain := range judgements {
		id = canonical(id, first)
		if old, ok := gains[id]; !ok || gain > old {
			gains[id] = gain
		}
	}
	return Row{
		NDCG10:    metric.NDCG(ranked, gains, 10),
		MRR10:     metric.ReciprocalRank(ranked, gains, 10),
		Recall10:  metric.Recall(ranked, gains, 10),
		Recall100: metric.Recall(ranked, gains, 100),
	}
}

func canonical(id string, first map[string]string) string {
	if other, ok := first[id]; ok {
		return other
	}
	return id
}

func mean(system string, scores []Row) Row {
	m := Row{System: system}
	for _, s := range scores {
		m.NDCG10 += s.NDCG10
		m.MRR10 += s.MRR10
		m.Recall10 += s.Recall10
		m.Recall100 += s.Recall100
	}
	n := float64(len(scores))
	m.NDCG10 /= n
	m.MRR10 /= n
	m.Recall10 /= n
	m.Recall100 /= n
	return m
}
