package answercache

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

func newCache(t *testing.T, o Options) *Cache {
	t.Helper()
	if o.Entries == 0 {
		o.Entries = 100
	}
	if o.Bytes == 0 {
		o.Bytes = 1 << 20
	}
	if o.Similarity == 0 {
		o.Similarity, o.Suggest = 0.8, 0.6
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// at is the direction at an angle.
func at(degrees float64) []float32 {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	return []float32{float32(cos), float32(sin)}
}

var here = Place{Collection: "c", Created: 1}

func ask(text string, degrees float64) Question {
	return Question{Place: here, Text: text, Vector: at(degrees), Options: "8 3", State: 1}
}

func minute(n int) time.Time { return time.Date(2026, 1, 1, 0, n, 0, 0, time.UTC) }

func texts(matches []Match) []string {
	list := make([]string, len(matches))
	for i, m := range matches {
		list[i] = m.Text
	}
	return list
}

func TestExactAndNear(t *testing.T) {
	c := newCache(t, Options{})
	c.Put(ask("How long is the wall?", 0), []byte("18"), true, minute(1))
	again := ask("how long is the wall", 90) // another vector does not matter
	m, ok := c.Exact(again, minute(2))
	if !ok || string(m.Answer) != "18" || m.Similarity != 1 || m.Times != 2 || !m.Asked.Equal(minute(2)) || !m.Answered.Equal(minute(1)) {
		t.Errorf("%+v, %v", m, ok)
	}
	near := ask("Please, how long is the wall", 20)
	if _, ok := c.Exact(near, minute(3)); ok {
		t.Error("other words are exact")
	}
	m, ok = c.Near(near)
	if !ok || string(m.Answer) != "18" || math.Abs(m.Similarity-math.Cos(20*math.Pi/180)) > 1e-6 || m.Text != "How long is the wall?" {
		t.Errorf("%+v, %v", m, ok)
	}
	for what, q := range map[string]Question{
		"far":                    ask("please, how long is the wall", 40),
		"other words":            ask("what length has the wall", 0),
		"without a vector":       {Place: here, Text: "the how long is the wall", Options: "8 3", State: 1},
		"vector of another size": {Place: here, Text: "the how long is the wall", Vector: []float32{1}, Options: "8 3", State: 1},
		"other options":          {Place: here, Text: "How long is the wall?", Vector: at(0), Options: "8 4", State: 1},
		"other filter":           {Place: Place{"c", 1, "lang = 'ko'"}, Text: "How long is the wall?", Vector: at(0), Options: "8 3", State: 1},
		"made anew":              {Place: Place{"c", 2, ""}, Text: "How long is the wall?", Vector: at(0), Options: "8 3", State: 1},
		"other collection":       {Place: Place{"d", 1, ""}, Text: "How long is the wall?", Vector: at(0), Options: "8 3", State: 1},
	} {
		_, exact := c.Exact(q, minute(4))
		m, near := c.Near(q)
		if exact || near {
			t.Errorf("%s: %v, %v %+v", what, exact, near, m)
		}
	}
	loose := newCache(t, Options{OtherWords: true})
	loose.Put(ask("How long is the wall?", 0), []byte("18"), true, minute(1))
	if _, ok := loose.Near(ask("How long is the city wall?", 30)); !ok {
		t.Error("other words are not taken")
	}
	if _, ok := loose.Near(ask("Why is the wall long?", 0)); ok {
		t.Error("another question word is taken")
	}
}

// TestStates: an answer holds in one state of the collection, and is gone when
// a later one has been seen; the question stays.
func TestStates(t *testing.T) {
	c := newCache(t, Options{})
	old := ask("when", 0)
	c.Put(old, []byte("then"), true, minute(1))
	full := c.Stats().Bytes
	newer := old
	newer.State = 2
	if _, ok := c.Exact(newer, minute(2)); ok {
		t.Error("an old answer")
	}
	if _, ok := c.Near(newer); ok {
		t.Error("an old answer, as a near one")
	}
	if got := c.Stats().Bytes; got != full-len("then") {
		t.Errorf("%d bytes, before %d", got, full)
	}
	if got := texts(c.Typed(here, "wh", nil, 5)); !slices.Equal(got, []string{"when"}) {
		t.Errorf("suggested: %q", got)
	}
	c.Put(newer, []byte("now"), true, minute(3))
	c.Put(old, []byte("too late"), true, minute(4)) // was under way since before
	if m, ok := c.Exact(newer, minute(5)); !ok || string(m.Answer) != "now" || m.Times != 3 {
		t.Errorf("%+v, %v", m, ok)
	}
	if _, ok := c.Exact(old, minute(6)); ok {
		t.Error("a reader of the past got an answer of later")
	}
	if _, ok := c.Exact(newer, minute(7)); !ok {
		t.Error("a reader of the past took the answer away")
	}
}

func TestBounds(t *testing.T) {
	c := newCache(t, Options{Entries: 3})
	for i, text := range []string{"a", "b", "c"} {
		c.Put(ask(text, 0), []byte("x"), true, minute(i))
	}
	c.Exact(ask("a", 0), minute(4))
	c.Put(ask("d", 0), []byte("x"), true, minute(5))
	if got := texts(c.Recent(here, 9)); !slices.Equal(got, []string{"d", "a", "c"}) {
		t.Errorf("left are %q", got)
	}
	if s := c.Stats(); s.Entries != 3 || s.Evicted != 1 {
		t.Errorf("%+v", s)
	}
	room := Options{Bytes: 4000}
	c = newCache(t, room)
	c.Put(ask("huge", 0), make([]byte, 4000), true, minute(0))
	if s := c.Stats(); s != (Stats{}) {
		t.Errorf("too large for the cache: %+v", s)
	}
	for i := range 50 {
		c.Put(ask(fmt.Sprint(i), 0), make([]byte, 500), true, minute(i))
		if s := c.Stats(); s.Bytes > room.Bytes {
			t.Fatalf("%+v", s)
		}
	}
	if got := texts(c.Recent(here, 9)); !slices.Equal(got, []string{"49", "48", "47"}) {
		t.Errorf("left are %q", got)
	}
	if n := c.Forget("c", ""); n != 3 || c.Stats().Bytes != 0 || c.Stats().Entries != 0 || len(c.places) != 0 {
		t.Errorf("forgot %d, %+v", n, c.Stats())
	}
}

func TestSuggestions(t *testing.T) {
	c := newCache(t, Options{})
	c.Put(ask("how long is the wall", 0), []byte("x"), true, minute(1))
	c.Put(ask("how tall is the tower", 30), []byte("x"), true, minute(2))
	c.Put(ask("where is the palace", 50), []byte("x"), true, minute(3))
	c.Put(ask("unanswered", 0), []byte("x"), false, minute(4))
	c.Put(ask("far", 120), []byte("x"), true, minute(5))
	other := ask("how long is the wall", 0)
	other.Options = "8 1"
	c.Put(other, []byte("x"), true, minute(6))

	if got := texts(c.Similar(ask("how long are the walls", 10), Match{}, 5)); !slices.Equal(got, []string{"how long is the wall", "how tall is the tower", "where is the palace"}) {
		t.Errorf("similar: %q", got)
	}
	exact := ask("How long is the wall?", 0)
	exact.Vector = nil
	m, _ := c.Exact(exact, minute(7))
	if got := texts(c.Similar(exact, m, 1)); !slices.Equal(got, []string{"how tall is the tower"}) {
		t.Errorf("similar to an exact one: %q", got)
	}
	// What begins like it comes first, whatever its vector.
	if got := texts(c.Typed(here, "How ", at(50), 5)); !slices.Equal(got, []string{"how tall is the tower", "how long is the wall", "where is the palace"}) {
		t.Errorf("typed: %q", got)
	}
	list := c.Recent(here, 2)
	if got := texts(list); !slices.Equal(got, []string{"how long is the wall", "far"}) || list[0].Times != 3 {
		t.Errorf("recent: %q, %d times", got, list[0].Times)
	}
	if got := c.Recent(Place{Collection: "c", Created: 1, Filter: "x = 1"}, 9); len(got) != 0 {
		t.Errorf("with another filter: %q", texts(got))
	}
	if n := c.Forget("c", "HOW long is the wall?"); n != 1 || c.Stats().Entries != 4 {
		t.Errorf("forgot %d, %+v", n, c.Stats())
	}
	if n := c.Forget("d", ""); n != 0 {
		t.Errorf("forgot %d of another collection", n)
	}
}

// TestNearest compares with all cosines in double precision.
func TestNearest(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	random := func() []float32 {
		v := make([]float32, 48)
		var sum float64
		for i := range v {
			v[i] = float32(rng.NormFloat64() + 1)
			sum += float64(v[i]) * float64(v[i])
		}
		for i := range v {
			v[i] /= float32(math.Sqrt(sum))
		}
		return v
	}
	c := newCache(t, Options{Entries: 1000, Similarity: 0.5, Suggest: 0.5, OtherWords: true})
	vectors := make([][]float32, 300)
	for i := range vectors {
		vectors[i] = random()
		c.Put(Question{Place: here, Text: fmt.Sprintf("word%c%c", 'a'+i/26, 'a'+i%26), Vector: vectors[i], State: 1}, []byte("x"), true, minute(i))
	}
	for range 100 {
		q := Question{Place: here, Text: "another", Vector: random(), State: 1}
		best, which := 0.5, -1
		for i, v := range vectors {
			var dot float64
			for j := range v {
				dot += float64(v[j]) * float64(q.Vector[j])
			}
			if dot > best {
				best, which = dot, i
			}
		}
		m, ok := c.Near(q)
		if ok != (which >= 0) || ok && math.Abs(m.Similarity-best) > 1e-5 {
			t.Fatalf("%+v, %v; want number %d at %g", m, ok, which, best)
		}
		if list := c.Similar(q, Match{}, 1); ok && list[0].Text != m.Text {
			t.Errorf("nearest %q, most similar %q", m.Text, list[0].Text)
		}
	}
}

// TestConcurrent is for the race detector, and counts what is left.
func TestConcurrent(t *testing.T) {
	c := newCache(t, Options{Entries: 20, OtherWords: true})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 300 {
				q := ask(fmt.Sprintf("question %d", (i*w)%40), float64(i%90))
				q.State = uint64(i / 100)
				if m, ok := c.Exact(q, minute(i)); ok && string(m.Answer) != fmt.Sprint(q.State) {
					t.Errorf("answer %s in state %d", m.Answer, q.State)
				}
				if m, ok := c.Near(q); ok && string(m.Answer) != fmt.Sprint(q.State) {
					t.Errorf("near answer %s in state %d", m.Answer, q.State)
				}
				c.Put(q, fmt.Append(nil, q.State), true, minute(i))
				c.Similar(q, Match{}, 3)
				c.Typed(here, "question", q.Vector, 3)
				if i%100 == 99 {
					c.Forget("c", "question 3")
				}
			}
		})
	}
	wg.Wait()
	if s := c.Stats(); s.Entries > 20 || s.Entries != c.used.Len() || s.Entries != len(c.places[here]) {
		t.Errorf("%+v", s)
	}
	bytes := 0
	for _, e := range c.places[here] {
		bytes += e.bytes()
	}
	if got := c.Stats().Bytes; got != bytes {
		t.Errorf("%d bytes counted, %d there", got, bytes)
	}
}
