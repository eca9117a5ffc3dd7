package local

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"semdex/index"
)

// plainRecord is a document of one passage and no title.
func plainRecord(id, text string) index.Record {
	return index.Record{
		Document: index.Document{ID: id, Text: text},
		Passages: []index.Passage{{End: len([]rune(text)), Vector: []float32{1, 0, 0, 0}}},
	}
}

func (s *store) setSynonyms(text string) {
	s.Helper()
	if err := s.c.SetSynonyms(s.Context(), text); err != nil {
		s.Fatal(err)
	}
}

// expanded is a text with the synonyms of its words.
func (s *store) expanded(text string) index.Words {
	s.Helper()
	also, err := s.c.Expand(s.Context(), text)
	if err != nil {
		s.Fatal(err)
	}
	return index.Words{Text: text, Also: also}
}

// Scores worked out by hand: six passages of four terms each, so that a word
// that stands once scores its idf, ln(1 + (6 - n + 0.5) / (n + 0.5)) for n
// passages: 0.5390 would be that of 3 of 5; here 0.6931 for 3, 1.0296 for 2,
// 1.5404 for 1.
func TestSynonymScores(t *testing.T) {
	s := newStore(t, Options{})
	idf := func(n float64) float64 { return math.Log(1 + (6-n+0.5)/(n+0.5)) }
	for i, text := range []string{
		"car oak elm ash", "car fir yew bay", "car automobile fig nut",
		"automobile hop rye teff", "motor vehicle oat dill", "vehicle motor kale leek",
	} {
		if err := s.c.Upsert(t.Context(), []index.Record{plainRecord(fmt.Sprint(i), text)}); err != nil {
			t.Fatal(err)
		}
	}
	s.setSynonyms("car, automobile, motor vehicle")
	want := func(query string, scores map[string]float64) {
		t.Helper()
		leg, err := s.c.Keyword(t.Context(), s.expanded(query), 10, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]float64)
		for _, c := range leg.Candidates {
			got[c.Ref.Document] = c.Score
		}
		for id, score := range scores {
			if math.Abs(got[id]-score) > 1e-9 {
				t.Errorf("%q: document %s scores %.6f, want %.6f", query, id, got[id], score)
			}
		}
		if len(got) != len(scores) {
			t.Errorf("%q finds %v, want %v", query, got, scores)
		}
	}
	// The word in full, in 2 together with a synonym, which adds nothing. The
	// synonyms are rarer, so they count as if they were as common as the word:
	// automobile 0.5 * idf(3) / idf(2) * idf(2), the phrase, of two words,
	// 0.5 * idf(3) / (2 idf(2)) * 2 idf(2); passage 5 has no phrase.
	half := 0.5 * idf(3)
	want("car", map[string]float64{"0": idf(3), "1": idf(3), "2": idf(3), "3": half, "4": half})
	// The synonym is commoner than the word, and counts what it is worth.
	want("automobile", map[string]float64{"2": idf(2), "3": idf(2), "0": half, "1": half, "4": 0.5 * idf(2)})
	// A phrase is replaced as a whole: M is 2 idf(2), more than a single word can.
	want("motor vehicle", map[string]float64{"4": 2 * idf(2), "5": 2 * idf(2), "0": half, "1": half, "2": 0.5 * idf(2), "3": 0.5 * idf(2)})
	// Each stretch grows by itself, other words count as always.
	want("car leek", map[string]float64{"0": idf(3), "1": idf(3), "2": idf(3), "3": half, "4": half, "5": idf(1)})
	// The entry itself is no word of any passage: synonyms count half.
	s.setSynonyms("wagon => car\nthe => leek")
	want("wagon", map[string]float64{"0": half, "1": half, "2": half})
	// The query does not look for a stop word, but finds what counts as it.
	want("the rye", map[string]float64{"3": idf(1), "5": 0.5 * idf(1)})
}

// Of many passages that may hold a phrase only as many are read as could come in.
func TestPhrasesOfSynonymsAreReadAsNeeded(t *testing.T) {
	s := newStore(t, Options{})
	var records []index.Record
	for i := range 300 {
		text := "vehicle motor" // not the phrase
		if i%3 == 0 {
			text = "motor vehicle"
		}
		records = append(records, plainRecord(fmt.Sprintf("%03d", i), text+strings.Repeat(" filler", i)))
	}
	if err := s.c.Upsert(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	s.setSynonyms("car, motor vehicle")
	leg, err := s.c.Keyword(t.Context(), s.expanded("car"), 5, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range leg.Candidates {
		got = append(got, c.Ref.Document)
	}
	if want := []string{"000", "003", "006", "009", "012"}; !slices.Equal(got, want) || !leg.More {
		t.Errorf("found %v, more: %v, want %v", got, leg.More, want)
	}
	if leg.Verified > 20 {
		t.Errorf("%d passages were read for 5", leg.Verified)
	}
}

// Synonyms survive crashes at any step as they were before the change or as they
// are after it, and go into backups.
func TestCrashWhileSynonymsChange(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range 25 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		s, fsys := newMemStore(t)
		m := model{"a": 1}
		s.put("a", 1)
		fsys.fail(1+rng.IntN(40), 1<<30, errCrash)
		var have, maybe string
		for i := range 12 {
			maybe = fmt.Sprintf("a, b%d", i)
			if i%4 == 3 {
				maybe = ""
			}
			if err := s.c.SetSynonyms(t.Context(), maybe); err != nil {
				break
			}
			have = maybe
		}
		s.crash()
		s.o.fsys = fsys.crash(rng)
		s.open()
		got, err := s.c.Synonyms(t.Context())
		if err != nil || got != have && got != maybe {
			t.Fatalf("round %d: synonyms %q, %v, want %q or %q", round, got, err, have, maybe)
		}
		s.wantModel(m)
		s.setSynonyms("x, y")
		s.reopen()
		if got, _ := s.c.Synonyms(t.Context()); got != "x, y" {
			t.Fatalf("round %d: synonyms %q", round, got)
		}
	}
	s := newStore(t, Options{})
	s.setSynonyms("x, y")
	to := filepath.Join(t.TempDir(), "backup")
	if _, err := WriteBackup(t.Context(), s.dir, "c", to, BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	if info, err := s.e.Restore(t.Context(), to, "again", BackupOptions{}); err != nil || info.Synonyms != 1 {
		t.Errorf("restored: %+v, %v", info, err)
	}
	if err := s.c.SetSynonyms(t.Context(), "alone"); !errors.Is(err, index.ErrInvalidSynonyms) {
		t.Error(err)
	}
}
