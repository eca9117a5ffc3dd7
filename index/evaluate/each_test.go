package evaluate

import (
	"context"
	"errors"
	"math"
	"reflect"
	"testing"
)

// The means of the queries' rows are what Run reports, and every query has its own.
func TestRunEach(t *testing.T) {
	fixed := func(name string, answers map[string][]string) System {
		return System{Name: name, Search: func(_ context.Context, q string, _ int) ([]string, error) { return answers[q], nil }}
	}
	systems := []System{
		fixed("one", map[string][]string{"one": {"b2", "x", "a", "b"}, "two": {"c", "b"}, "three": {"a"}}),
		fixed("two", map[string][]string{"three": {"c"}}),
	}
	report, rows, err := RunEach(t.Context(), handSet(), systems, nil)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Run(t.Context(), handSet(), systems, nil)
	if err != nil || !reflect.DeepEqual(report, plain) {
		t.Errorf("report %+v, Run says %+v (%v)", report, plain, err)
	}
	for i, system := range systems {
		if got := mean(system.Name, rows[i]); got != report.Rows[i] {
			t.Errorf("%s: mean %+v, report %+v", system.Name, got, report.Rows[i])
		}
	}
	if q := rows[0][1]; !near(q.NDCG10, 1/math.Log2(3)) || q.MRR10 != .5 || q.Recall10 != 1 || q.System != "one" {
		t.Errorf("query two: %+v", q)
	}
	if rows[1][0].NDCG10 != 0 || rows[1][2].NDCG10 != 1 {
		t.Errorf("system two: %+v", rows[1])
	}
	broken := errors.New("broken")
	systems[1].Search = func(context.Context, string, int) ([]string, error) { return nil, broken }
	if _, _, err := RunEach(t.Context(), handSet(), systems, nil); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}
