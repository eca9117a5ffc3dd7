package local

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	bleveindex "github.com/blevesearch/bleve_index_api"
	segment "github.com/blevesearch/scorch_segment_api/v2"

	"semdex/index"
	"semdex/index/local/postings"
)

// Lists of several blocks score in segments as in memory, also while passages die
// and segments are merged.
func TestSegmentsScoreAsTailsDo(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	memory := newStore(t, Options{TextPassages: 1 << 20})
	files := newStore(t, Options{TextPassages: 1})
	const documents = 8 * postings.BlockSize
	for version := 1; version < 5; version++ {
		for _, s := range []*store{memory, files} {
			rng := rand.New(rand.NewPCG(seed, uint64(version)))
			for range 4 {
				var records []index.Record
				first := rng.IntN(documents / 2)
				for i := first; i < first+documents/2; i++ {
					records = append(records, testRecord(fmt.Sprint(i), version))
				}
				if err := s.c.Upsert(t.Context(), records); err != nil {
					t.Fatal(err)
				}
			}
			s.settle()
		}
		for range 3 {
			id := fmt.Sprint(rng.IntN(documents))
			for _, s := range []*store{memory, files} {
				if _, err := s.c.Delete(t.Context(), []string{id}); err != nil {
					t.Fatal(err)
				}
			}
			query := fmt.Sprintf("문서의 version%d title", version)
			wantSameKeyword(t, query, memory, files)
		}
	}
	files.reopen()
	wantSameKeyword(t, "문서의 title", memory, files)
	v, _, err := files.c.snapshot(nil)
	if err != nil {
		t.Fatal(err)
	}
	search := &textSearch{view: v, analyzer: files.c.text.analyzer, best: newTopK(v, 10)}
	if err := files.c.searchText(t.Context(), search, files.c.keywordQuery(index.Words{Text: "문서의 title"})); err != nil {
		t.Fatal(err)
	}
	if search.stale {
		t.Error("dead passages are taken for ones that are not known yet")
	}
}

// While a tail is being given to bleve, its passages may come into one segment with
// others; they are found once.
func TestPassagesOfATailInAMergedSegment(t *testing.T) {
	s := newStore(t, Options{TextPassages: 1 << 20})
	text, passages := s.c.text, 0
	fill := func(from int) {
		for i := from; i < from+40; i++ {
			r := testRecord(fmt.Sprint(i), i)
			passages += len(r.Passages)
			if err := s.c.Upsert(t.Context(), []index.Record{r}); err != nil {
				t.Fatal(err)
			}
		}
	}
	var tail *textTail
	fill(0)
	s.asWriter(text.drain)
	fill(40)
	s.asWriter(func() error { tail = text.closeTail(); return text.save(tail) })
	s.asWriter(text.flush)
	s.asWriter(func() error { return text.index.ForceMerge(t.Context(), nil) })
	err := text.read(func(v *textView) error {
		pieces, err := text.pieces(v)
		if err != nil {
			return err
		}
		if p := pieces[0]; len(pieces) != 2 || p.content == nil || p.keys[len(p.keys)-1].sequence <= p.limit {
			t.Errorf("there is no segment with passages of the tail among %d", len(pieces))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	once := func(what string, leg index.Leg, err error) {
		t.Helper()
		found := make(map[index.Ref]bool)
		for _, c := range leg.Candidates {
			found[c.Ref] = true
		}
		if err != nil || len(leg.Candidates) != passages || len(found) != passages {
			t.Errorf("%s: %d candidates, %d different, of %d passages, %v", what, len(leg.Candidates), len(found), passages, err)
		}
	}
	leg, err := s.c.Keyword(t.Context(), index.Words{Text: "문서의 title"}, 1000, nil)
	once("words", leg, err)
	leg, err = s.c.KeywordWording(t.Context(), index.Words{Text: "title"}, index.Wording{Phrases: []string{"title of"}}, 1000, nil)
	once("a phrase", leg, err)
	s.asWriter(func() error { return text.dropTail(tail) })
	leg, err = s.c.Keyword(t.Context(), index.Words{Text: "문서의 title"}, 1000, nil)
	once("without the tail", leg, err)
	s.check()
}

// bleve looks for its own error when it is closed during a merge.
func TestMergeOfAClosedLeg(t *testing.T) {
	inverter := postings.NewInverter()
	inverter.Add("a", 1)
	inverter.Next()
	tail := &textTail{tailView: tailView{}.with(textAddition{keys: []textKey{{1, 0, 1}}, run: inverter.Run()})}
	s, _, err := segmentPlugin{}.New([]bleveindex.Document{&tailDocument{tail}})
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	close(closed)
	path := filepath.Join(t.TempDir(), "1.zap")
	if _, _, err := (segmentPlugin{}).Merge([]segment.Segment{s}, []*roaring.Bitmap{nil}, path, closed, nil); err != segment.ErrClosed { //nolint:errorlint // as bleve does
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("half a segment is left")
	}
}

func TestBitset(t *testing.T) {
	if s := newBitset(nil, 100); s != nil || s.has(5) {
		t.Error("an empty set has something")
	}
	of := roaring.BitmapOf(0, 63, 64, 99, 100) // the last is beyond
	s := newBitset(of, 100)
	for n := range uint32(100) {
		if s.has(n) != of.Contains(n) {
			t.Errorf("%d: %v", n, s.has(n))
		}
	}
}
