package local

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"semdex/index"
)

// Close waits for the calls under way: each ends well or says that the index is
// closed, and what ended well is there afterwards.
func TestCloseUnderLoad(t *testing.T) {
	s := newStore(t, Options{FileBytes: 4 << 10, CompactBytes: 2 << 10, CompactPassages: 8, TextPassages: 8})
	ctx := context.Background()
	const writers = 4
	m := model{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	started := make(chan struct{}, writers)
	for w := range writers {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprint(w, "-", i%10)
				err := s.c.Upsert(ctx, []index.Record{testRecord(id, i)})
				if err == nil {
					mu.Lock()
					m[id] = i
					mu.Unlock()
					_, err = s.c.Keyword(ctx, index.Words{Text: "문서"}, 5, nil)
				}
				if err == nil {
					_, err = s.c.Dense(ctx, []float32{1, 0, 0, 0}, 5, nil)
				}
				if err == nil {
					_, err = s.c.Fetch(ctx, []index.Ref{{Document: id}})
				}
				if err != nil {
					if !errors.Is(err, index.ErrClosed) {
						t.Error(err)
					}
					return
				}
				if i == 30 {
					started <- struct{}{}
				}
			}
		})
	}
	for range writers {
		<-started
	}
	s.close()
	wg.Wait()
	s.open()
	s.wantModel(m)
}

// Writers that wait share a batch; each gets its own answer.
func TestGroupCommit(t *testing.T) {
	fsys := newMemFS()
	s := newStore(t, Options{fsys: fsys})
	ctx := context.Background()
	s.put("first", 1)

	hold, held := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.c.do(&request{ctx: ctx, inspect: func() { close(held); <-hold }}); err != nil {
			t.Error(err)
		}
	})
	<-held
	const n = 20
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			r := testRecord(fmt.Sprint(i), i)
			if i%5 == 0 {
				r.Metadata["version"] = "not a number"
			}
			errs[i] = s.c.Upsert(ctx, []index.Record{r})
		})
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.c.do(&request{ctx: cancelled, ids: []string{"first"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled request: %v", err)
	}
	close(hold)
	wg.Wait()
	m := model{"first": 1}
	for i, err := range errs {
		if i%5 == 0 {
			if !errors.Is(err, index.ErrFieldType) {
				t.Errorf("writer %d: %v", i, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("writer %d: %v", i, err)
		}
		m[fmt.Sprint(i)] = i
	}
	s.wantModel(m)
	s.reopen()
	s.wantModel(m)
}

// The largest texts, and the most passages that they may have.
func TestLargeDocuments(t *testing.T) {
	s := newStore(t, Options{})
	text := strings.Repeat("한국어 문장 하나. ", 10<<20/len("한국어 문장 하나. "))
	r := testRecord("large", 1)
	r.Text = text
	n := utf8.RuneCountInString(text)
	r.Passages = nil
	for at := 0; at < n; at += 500 {
		r.Passages = append(r.Passages, index.Passage{Start: at, End: min(at+500, n), Vector: []float32{1, 2, 3, 4}})
	}
	if err := s.c.Upsert(t.Context(), []index.Record{testRecord("small", 1), r}); err != nil {
		t.Fatal(err)
	}
	s.reopen()
	d, err := s.c.Get(t.Context(), "large")
	if err != nil || d.Text != text {
		t.Errorf("%d bytes of text, %v", len(d.Text), err)
	}
	leg, err := s.c.Keyword(t.Context(), index.Words{Text: text}, 3, nil) // a document for a query
	if err != nil || len(leg.Candidates) != 3 {
		t.Errorf("%+v, %v", leg, err)
	}
}
