package qa

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/tokenize"
)

// keyEngine is an encoder whose states say which tokens begin and end an
// answer, and how surely: state 0 is the start's logit and 1 the end's.
type keyEngine struct {
	start, end map[int32]float32
	null       float32
}

func (keyEngine) Hidden() int { return 2 }

func (e keyEngine) Forward(ctx context.Context, b *encoder.Batch, sink encoder.Sink) error {
	for i := range b.Len() {
		ids := b.IDs[b.Offsets[i]:b.Offsets[i+1]]
		states := make([]float32, 2*len(ids))
		for t, id := range ids {
			states[2*t], states[2*t+1] = e.start[id], e.end[id]
		}
		states[0], states[1] = e.null/2, e.null/2
		sink(i, states)
	}
	return ctx.Err()
}

// keyReader answers with what stands from <start> to <end>.
func keyReader(t *testing.T, c Config, pieces ...string) *Reader {
	t.Helper()
	tokens := append([]string{"[PAD]", "[UNK]", "[CLS]", "[SEP]"}, pieces...)
	vocab, err := tokenize.NewVocab(tokens)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenize.New(vocab, tokenize.DefaultConfig(false))
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSplitter(tok, c)
	if err != nil {
		t.Fatal(err)
	}
	e := keyEngine{start: map[int32]float32{}, end: map[int32]float32{}, null: 4}
	for id, token := range tokens {
		name := strings.TrimPrefix(token, "##")
		e.start[int32(id)] = map[string]float32{"red": 5, "gold": 9, "서울": 7}[name]
		e.end[int32(id)] = map[string]float32{"car": 5, "coin": 8, "서울": 7}[name]
	}
	return &Reader{
		Splitter: s, model: &model.Model{Name: "key"}, engine: e, weight: []float32{1, 0, 0, 1}, batch: 512,
	}
}

var keyPieces = strings.Fields("where is it grey x red gold car coin dust ##s . 서울 ##특별시 ##에서 ##으로")

func smallConfig() Config {
	c := DefaultConfig()
	c.Window, c.Stride, c.Question, c.MaxAnswer = 24, 6, 6, 5
	return c
}

// TestReadFarAway: the answer at the end of 100,000 characters is found, in the
// right one of several passages, by runes.
func TestReadFarAway(t *testing.T) {
	r := keyReader(t, smallConfig(), keyPieces...)
	filler := strings.Repeat("x grey 서울특별시 . ", 100_000/15)
	r.engine.(keyEngine).start[tokenID(t, r, "서울")] = 0
	r.engine.(keyEngine).end[tokenID(t, r, "서울")] = 0
	passages := []string{filler, filler + "gold coin", "red car"}
	got, err := r.Read(t.Context(), "where is it", passages, 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Answers) == 0 || got.Answers[0].Text != "gold coin" || got.Answers[0].Passage != 1 {
		t.Fatalf("%+v", got.Answers)
	}
	for _, a := range got.Answers {
		if s := string([]rune(passages[a.Passage])[a.Start:a.End]); s != a.Text {
			t.Errorf("%q is not %q", a.Text, s)
		}
	}
	if want := len([]rune(filler)); got.Answers[0].Start != want {
		t.Errorf("it begins at %d, want %d", got.Answers[0].Start, want)
	}
	if got.Answers[1].Text != "red car" {
		t.Errorf("the second answer is %+v", got.Answers[1])
	}
}

func tokenID(t *testing.T, r *Reader, token string) int32 {
	t.Helper()
	id, ok := r.tok.ID(token)
	if !ok {
		t.Fatalf("no token %q", token)
	}
	return id
}

// TestQuestionIsNoAnswer: the tokens of the question score as highly as those of
// a passage, and are not answers; nor does an answer end before it begins.
func TestQuestionIsNoAnswer(t *testing.T) {
	r := keyReader(t, smallConfig(), keyPieces...)
	got, err := r.Read(t.Context(), "gold coin", []string{"coin x x x x x x x gold x x", "dust"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	a := got.Answers[0]
	if a.Passage != 0 || a.Start > a.End || a.Text != "gold" && a.Text != "coin" {
		t.Errorf("%+v", a)
	}
}

// TestPunctuationIsNoAnswer, whatever it scores.
func TestPunctuationIsNoAnswer(t *testing.T) {
	r := keyReader(t, smallConfig(), keyPieces...)
	r.engine.(keyEngine).start[tokenID(t, r, ".")] = 50
	r.engine.(keyEngine).end[tokenID(t, r, ".")] = 50
	got, err := r.Read(t.Context(), "it", []string{"x . . dust"}, 9)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range got.Answers {
		if strings.Trim(a.Text, ". ") == "" {
			t.Errorf("%+v", a)
		}
	}
}

// TestThreshold: odds and score are the same for a span in any window and
// passage, and the threshold is where the score is one half.
func TestThreshold(t *testing.T) {
	c := smallConfig()
	c.Threshold = 5 + 5 - 4 // red car against the null score
	r := keyReader(t, c, keyPieces...)
	for _, passages := range [][]string{{"red car"}, {"x x x", strings.Repeat("x ", 50) + "red car" + strings.Repeat(" x", 17)}} {
		got, err := r.Read(t.Context(), "it", passages, 1)
		if err != nil {
			t.Fatal(err)
		}
		if a := got.Answers[0]; a.Text != "red car" || a.Odds != 6 || a.Score != 0.5 || got.NoAnswer != 0.5 {
			t.Errorf("%+v, no answer %g", a, got.NoAnswer)
		}
	}
}

// What is known of a passage before counts for every answer in it, and what is known
// of none changes nothing.
func TestPriors(t *testing.T) {
	r := keyReader(t, smallConfig(), keyPieces...)
	passages := []string{"gold coin x", "x red car", strings.Repeat("x ", 40) + "gold coin"}
	read := func(priors []float64) []Answer {
		t.Helper()
		results, err := r.ReadAll(t.Context(), []Query{{"it", passages, priors}, {"it", passages, nil}}, 50)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := r.Read(t.Context(), "it", passages, 50)
		if err != nil || !slices.Equal(results[1].Answers, plain.Answers) {
			t.Errorf("beside a query with priors: %+v, alone %+v, %v", results[1].Answers, plain.Answers, err)
		}
		return results[0].Answers
	}
	plain := read(make([]float64, 3))
	if plain[0].Text != "gold coin" || plain[0].Passage != 0 {
		t.Fatalf("%+v", plain[0])
	}
	priors := []float64{-8.5, 0, -40}
	weighed := read(priors)
	if weighed[0].Text != "red car" || weighed[0].Score <= weighed[1].Score {
		t.Errorf("%+v", weighed[:2])
	}
	if !slices.IsSortedFunc(weighed, func(a, b Answer) int { return cmp.Compare(b.Odds, a.Odds) }) {
		t.Error("not the best first")
	}
	for _, a := range weighed {
		i := slices.IndexFunc(plain, func(b Answer) bool { return b.Passage == a.Passage && b.Start == a.Start && b.End == a.End })
		if i >= 0 && math.Abs(plain[i].Odds+priors[a.Passage]-a.Odds) > 1e-9 {
			t.Errorf("%+v is %+v with a prior of %g", a, plain[i], priors[a.Passage])
		}
	}
	if _, err := r.ReadAll(t.Context(), []Query{{"it", passages, []float64{1}}}, 1); err == nil {
		t.Error("one prior for three passages")
	}
}

func TestReadRefuses(t *testing.T) {
	r := keyReader(t, smallConfig(), keyPieces...)
	for _, q := range []string{"", " \n", "\x00"} {
		if _, err := r.Read(t.Context(), q, []string{"x"}, 1); !errors.Is(err, ErrNoQuestion) {
			t.Errorf("%q: %v", q, err)
		}
	}
	for _, passages := range [][]string{nil, {""}, {" "}} {
		got, err := r.Read(t.Context(), "it", passages, 1)
		if err != nil || len(got.Answers) > 0 || got.NoAnswer != 1 {
			t.Errorf("%q: %+v, %v", passages, got, err)
		}
	}
	r.engine.(keyEngine).start[tokenID(t, r, "x")] = float32(math.NaN())
	if _, err := r.Read(t.Context(), "it", []string{"x"}, 1); !errors.Is(err, ErrNotFinite) {
		t.Errorf("NaN: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Read(ctx, "it", []string{"x"}, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(t.Context(), "it", []string{"x"}, 1); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestSameAlone: a query's answers do not depend on the others, on the size of
// batches, or on the number of workers, bit for bit.
func TestSameAlone(t *testing.T) {
	for _, arch := range []model.Architecture{model.BERT, model.DistilBERT} {
		m := modeltest.New(arch, modeltest.Options{Seed: 3})
		m.Heads = map[string]*model.Tensor{
			HeadWeight: model.NewF32(HeadWeight, []int{2, 32}, slices.Repeat([]float32{.3, -.2}, 32)),
			HeadBias:   model.NewF32(HeadBias, []int{2}, []float32{.1, -.1}),
		}
		c := smallConfig()
		reader := func(workers, batch int) *Reader {
			r, err := NewReader(m, Options{Workers: workers, BatchTokens: batch, Config: &c})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		queries := []Query{
			{"the search", []string{strings.Repeat("abc the search 한국어 ", 9), "searching the 문장을"}, nil},
			{"검색", []string{"한국어 문장을 검색", strings.Repeat("x y z ", 30)}, nil},
		}
		all, err := reader(2, 4096).ReadAll(t.Context(), queries, 3)
		if err != nil {
			t.Fatal(err)
		}
		for i, q := range queries {
			alone, err := reader(1, 10).Read(t.Context(), q.Question, q.Passages, 3)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(alone.Answers, all[i].Answers) || alone.NoAnswer != all[i].NoAnswer || len(alone.Answers) == 0 {
				t.Errorf("%s, query %d: %+v alone, %+v with others", arch, i, alone, all[i])
			}
		}
	}
}

func TestNewReaderRefuses(t *testing.T) {
	m := modeltest.New(model.DistilBERT, modeltest.Options{})
	if _, err := NewReader(m, Options{}); !errors.Is(err, ErrModel) {
		t.Errorf("no head: %v", err)
	}
	m.Heads = map[string]*model.Tensor{
		HeadWeight: model.NewF32(HeadWeight, []int{1, 32}, make([]float32, 32)),
		HeadBias:   model.NewF32(HeadBias, []int{1}, make([]float32, 1)),
	}
	if _, err := NewReader(m, Options{}); !errors.Is(err, ErrModel) {
		t.Errorf("a head of one row: %v", err)
	}
	if _, err := NewReader(modeltest.New(model.Static, modeltest.Options{}), Options{}); !errors.Is(err, ErrModel) {
		t.Errorf("a static model: %v", err)
	}
}

// TestWindows: every token is in a window, every start belongs to exactly one,
// and behind it there is room for the longest answer or to the window's end.
func TestWindows(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 2000 {
		c := DefaultConfig()
		c.Question = 1 + rng.IntN(20)
		c.Window = c.Question + 11 + rng.IntN(100)
		c.Stride, c.MaxAnswer = rng.IntN(120), 1+rng.IntN(30)
		s := &Splitter{Config: c}
		question := make([]int32, 1+rng.IntN(c.Question))
		n := rng.IntN(500)
		windows := s.Windows(question, n)
		stride := min(c.Stride, s.Room(question)/2)
		at := 0
		for i, w := range windows {
			switch {
			case w.Start[0] != at || w.Start[0] < w.From || w.Start[1] > w.To || w.To-w.From > s.Room(question):
				t.Fatalf("%+v, %d tokens: window %d is %+v", c, n, i, w)
			case i+1 < len(windows) && w.To-(w.Start[1]-1) < min(c.MaxAnswer, stride+1):
				t.Fatalf("%+v, %d tokens: window %d is %+v, too near its end", c, n, i, w)
			}
			at = w.Start[1]
		}
		if at != n {
			t.Fatalf("%+v: %d of %d tokens are starts", c, at, n)
		}
	}
}

func TestText(t *testing.T) {
	pieces := strings.Fields("theatre ##s the ##at ##re 서울 ##특별시 ##에서 ##으로 종 ##이 여섯 칸 ##이다 1995 ##년에 도 ##로 NATO ##의 부산 ##까지는 , .")
	for _, tt := range []struct {
		text, from, to string // pieces that begin and end the span
		words, all     string // whole words; and without particles
	}{
		{"the theatres .", "theatre", "theatre", "theatres", "theatres"},
		{"the theatres .", "##s", "##s", "theatres", "theatres"},
		{"서울에서 .", "서울", "서울", "서울에서", "서울"},
		{"서울에서 .", "서울", "##에서", "서울에서", "서울"},
		{"서울특별시 .", "서울", "서울", "서울특별시", "서울"},
		{"서울특별시에서", "##특별시", "##에서", "서울특별시에서", "서울특별시"},
		{"도로 .", "도", "##로", "도로", "도로"},
		{"종이 .", "종", "##이", "종이", "종이"},
		{"여섯 칸이다 .", "여섯", "##이다", "여섯 칸이다", "여섯 칸"},
		{"NATO의 .", "NATO", "##의", "NATO의", "NATO"},
		{"부산까지는", "부산", "##까지는", "부산까지는", "부산"},
		{"서울 , 부산까지는", "서울", "부산", "서울 , 부산까지는", "서울 , 부산"},
		{"서울 , 부산", "서울", ",", "서울 ,", "서울 ,"},
	} {
		r := keyReader(t, smallConfig(), pieces...)
		p := r.Passage(tt.text)
		at := func(piece string) int { return slices.Index(p.IDs, tokenID(t, r, piece)) }
		if at(tt.from) < 0 || at(tt.to) < 0 {
			t.Fatalf("%q is spelt %v", tt.text, p.IDs)
		}
		for _, particles := range []bool{false, true} {
			want := tt.words
			if particles {
				want = tt.all
			}
			c := Config{Words: true, Particles: particles}
			runes := []rune(tt.text)
			start, end := c.Text(p, runes, at(tt.from), at(tt.to)+1)
			if got := string(runes[start:end]); got != want {
				t.Errorf("%q from %s to %s, particles %t: %q, want %q", tt.text, tt.from, tt.to, particles, got, want)
			}
		}
	}
}

func TestScorings(t *testing.T) {
	logits := []float32{1, 1, 0, 0, 2, 0, 0, 3} // [CLS] and three tokens
	w := Window{To: 3, Start: [2]int{0, 3}}
	p := math.Exp(5) / (math.E + 1 + math.Exp(2) + 1) / (math.E + 2 + math.Exp(3))
	for how, want := range map[Scoring]float64{Odds: 3, Probability: math.Log(p / (1 - p))} {
		best := decode(nil, logits, 1, w, Config{MaxAnswer: 3, Scoring: how})
		slices.SortFunc(best, ranked)
		if b := best[0]; b.from != 1 || b.to != 3 || math.Abs(b.odds-want) > 1e-6 {
			t.Errorf("%s: %+v, want tokens 1 to 3 and %g", how, b, want)
		}
	}
	for _, b := range decode(nil, logits, 1, w, Config{MaxAnswer: 1}) {
		if b.to-b.from != 1 {
			t.Errorf("%+v is longer than allowed", b)
		}
	}
	if sure := logit(0); math.IsInf(sure, 0) || sure < 30 {
		t.Errorf("a probability of 1 gives odds of %g", sure)
	}
}

func TestSentence(t *testing.T) {
	for _, tt := range []struct{ text, answer, want string }{
		{"One. Two is here. Three.", "Two", "Two is here."},
		{"By J. K. Smith of Ulm. End.", "Smith", "By J. K. Smith of Ulm."},
		{"It rose 3.5 per cent. Then fell.", "3.5", "It rose 3.5 per cent."},
		{"그는 갔다. 서울에서 살았다. 끝.", "서울", "서울에서 살았다."},
		{"He said \"Go.\" They went.", "They", "They went."},
		{"Head\nBody text", "Body", "Body text"},
		{"no end", "no end", "no end"},
	} {
		at := strings.Index(tt.text, tt.answer)
		runes := []rune(tt.text)
		start := len([]rune(tt.text[:at]))
		from, to := sentence(runes, start, start+len([]rune(tt.answer)))
		if got := string(runes[from:to]); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.answer, got, tt.want)
		}
	}
	long := strings.Repeat("word ", 500)
	if from, to := sentence([]rune(long), 1000, 1004); to-from > 2*contextReach+10 || from > 1000 || to < 1004 {
		t.Errorf("a sentence without an end: %d to %d", from, to)
	}
}

func TestConfig(t *testing.T) {
	dir := t.TempDir()
	c := smallConfig()
	c.Threshold = -1.25
	if err := WriteConfig(dir, c); err != nil {
		t.Fatal(err)
	}
	bad := c
	bad.Window = bad.Question
	for _, b := range []Config{bad, {}, {Version: 1, Window: 50, Question: 5, MaxAnswer: 5, Scoring: Odds, Threshold: math.NaN()}, {Version: 1, Window: 50, Question: 5, MaxAnswer: 5, Scoring: "x"}} {
		if err := WriteConfig(dir, b); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", b, err)
		}
	}
	if short := DefaultConfig().Fit(40); short.Check() != nil || short.Window != 40 {
		t.Errorf("for 40 positions: %+v", short)
	}
}
