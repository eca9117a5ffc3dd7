package index

import (
	"encoding/json"
	"testing"
	"time"
)

func TestStatsInMilliseconds(t *testing.T) {
	got, err := json.Marshal(Result{Stats: Stats{
		Mode: Hybrid, Encode: 1500 * time.Microsecond, Total: 2 * time.Second,
		Dense: &LegStats{Plan: "exact", Examined: 3, Took: 250 * time.Microsecond},
	}}.Stats)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"mode":"hybrid","dense":{"plan":"exact","examined":3,"candidates":0,"took_ms":0.25},` +
		`"encode_ms":1.5,"search_ms":0,"took_ms":2000}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
