package wordpiece_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"semdex/embed/tokenize"
	"semdex/embed/tokenize/wordpiece"
)

// keeping is the configuration of a vocabulary of syllables: accents stay.
func keeping(lower bool) tokenize.Config {
	c := tokenize.DefaultConfig(lower)
	keep := false
	c.StripAccents = &keep
	return c
}

func texts(list ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, t := range list {
			if !yield(t, nil) {
				return
			}
		}
	}
}

func count(t testing.TB, c tokenize.Config, workers int, list ...string) *wordpiece.Counts {
	t.Helper()
	counts, err := wordpiece.Count(context.Background(), texts(list...), c, workers)
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

func train(t testing.TB, c *wordpiece.Counts, o wordpiece.Options) *wordpiece.Result {
	t.Helper()
	r, err := wordpiece.Train(context.Background(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func open(t testing.TB, v *tokenize.Vocab, c tokenize.Config) *tokenize.Tokenizer {
	t.Helper()
	tok, err := tokenize.New(v, c)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// corpus is text in two languages, the same for the same seed.
func corpus(seed uint64, lines int) []string {
	r := rand.New(rand.NewPCG(seed, 1))
	syllables := []rune("가나다라마바사아자차카타파하한국어서울은는이을를에의로고다요")
	letters := []string{"th", "e", "an", "in", "er", "s", "t", "o", "re", "on", "É", "ü", "ﬁ"}
	marks := []string{" ", " ", " ", " ", ", ", ". ", "? ", " (", ") ", "\n", "\t", " 語 ", "-", "7", "#"}
	list := make([]string, lines)
	for i := range list {
		var b strings.Builder
		for range 5 + r.IntN(20) {
			n := 1 + r.IntN(4)
			for range n {
				if i%2 == 0 {
					b.WriteRune(syllables[min(r.IntN(len(syllables)), r.IntN(len(syllables)))])
				} else {
					b.WriteString(letters[min(r.IntN(len(letters)), r.IntN(len(letters)))])
				}
			}
			b.WriteString(marks[r.IntN(len(marks))])
		}
		list[i] = b.String()
	}
	return list
}

// TestTrainAgainstOracle compares with the plainest form of the method, which
// counts all pairs anew before every join.
func TestTrainAgainstOracle(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			list := corpus(seed, 40)
			if seed == 0 {
				list = []string{"aaa aaaa aaaaa aaaaaaa abab ababab babab a aa"}
			}
			config := keeping(true)
			got := train(t, count(t, config, 2, list...), wordpiece.Options{Size: 400, Unused: 2}).Vocab.Tokens()
			want := oracle(config, list, 400, 2)
			if len(want) < 5 || !slices.Equal(got[len(got)-len(want):], want) {
				t.Errorf("joined\n%q, want\n%q", got[max(0, len(got)-len(want)):], want)
			}
			if alphabet := got[7 : len(got)-len(want)]; slices.ContainsFunc(alphabet, func(s string) bool {
				return len([]rune(strings.TrimPrefix(s, "##"))) != 1 && s != "##"
			}) {
				t.Errorf("alphabet %q", alphabet)
			}
		})
	}
}

// oracle gives the joined pieces in order.
func oracle(config tokenize.Config, list []string, size, unused int) []string {
	split := tokenize.NewSplitter(config)
	counts := map[string]int{}
	chars := map[string]bool{}
	room := size - 5 - unused
	add := func(r rune) {
		if c := string(r); !chars[c] {
			chars[c] = true
			if room--; !split.Alone(r) {
				room--
			}
		}
	}
	for r := '!'; r <= '~'; r++ {
		if split.Alone(r) {
			add(r)
		}
	}
	for _, text := range list {
		for w := range split.Words(text) {
			counts[string(w)]++
			for _, r := range string(w) {
				add(r)
			}
		}
	}
	words := map[string][]string{}
	for w := range counts {
		for i, r := range w {
			p := string(r)
			if i > 0 {
				p = "##" + p
			}
			words[w] = append(words[w], p)
		}
	}
	var joined []string
	for len(joined) < room {
		pairs := map[[2]string]int{}
		for w, p := range words {
			for i := range len(p) - 1 {
				pairs[[2]string{p[i], p[i+1]}] += counts[w]
			}
		}
		var best [2]string
		n := 1
		for _, p := range slices.SortedFunc(maps.Keys(pairs), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
			if pairs[p] > n {
				best, n = p, pairs[p]
			}
		}
		if n < 2 {
			break
		}
		whole := best[0] + strings.TrimPrefix(best[1], "##")
		if !slices.Contains(joined, whole) {
			joined = append(joined, whole)
		}
		for w, p := range words {
			var out []string
			for i := 0; i < len(p); i++ {
				if i+1 < len(p) && p[i] == best[0] && p[i+1] == best[1] {
					out = append(out, whole)
					i++
				} else {
					out = append(out, p[i])
				}
			}
			words[w] = out
		}
	}
	return joined
}

func TestTrainIsDeterministic(t *testing.T) {
	config := keeping(false)
	list := corpus(7, 3000)
	var first []string
	for workers := 1; workers <= 5; workers++ {
		backwards := slices.Clone(list)
		if workers%2 == 0 {
			slices.Reverse(backwards)
		}
		got := train(t, count(t, config, workers, backwards...), wordpiece.Options{Size: 900}).Vocab.Tokens()
		if first == nil {
			first = got
		}
		if !slices.Equal(got, first) {
			t.Fatalf("%d workers give another vocabulary", workers)
		}
	}
}

func TestPunctuationIsAlwaysKnown(t *testing.T) {
	for _, lower := range []bool{true, false} {
		config := keeping(lower)
		// No mark occurs in the corpus, and the floor is high.
		counts := count(t, config, 1, strings.Repeat("only words here 한국어 문장 ", 50))
		tok := open(t, train(t, counts, wordpiece.Options{Size: 120, MinChar: 2}).Vocab, config)
		for r := '!'; r <= '~'; r++ {
			if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
				continue
			}
			for _, text := range []string{string(r), "words" + string(r), string(r) + "한국어"} {
				ids := tok.AppendIDs(nil, text)
				known := slices.ContainsFunc(ids, func(id int32) bool { return tok.Token(id) == string(r) })
				if !known || slices.Contains(ids, tok.UnknownID()) {
					t.Errorf("%q is %v", text, ids)
				}
			}
		}
	}
}

func TestWordsBeginAfterLineBreaks(t *testing.T) {
	config := keeping(true)
	for _, gap := range []string{"\n", "\r\n", "\t", "\u3000", "\u00a0", "\n\n"} {
		text := strings.Repeat("여자"+gap+"남자"+gap, 20)
		got := train(t, count(t, config, 1, text), wordpiece.Options{Size: 60}).Vocab.Tokens()
		for _, token := range got {
			if token == "##남자" || strings.Contains(token, "자남") || strings.Contains(token, "자여") {
				t.Errorf("gap %q makes %q", gap, token)
			}
		}
		if !slices.Contains(got, "남자") || !slices.Contains(got, "여자") {
			t.Errorf("gap %q: %q", gap, got)
		}
	}
}

func TestAlphabet(t *testing.T) {
	config := keeping(true)
	list := []string{strings.Repeat("사과 apple 語 ", 10) + "뷁 ж ,"}
	for _, c := range []struct {
		o         wordpiece.Options
		has, lack []string
	}{
		{wordpiece.Options{}, []string{"뷁", "##뷁", "ж", "##ж", "語", ","}, []string{"##語", "##,"}},
		{wordpiece.Options{MinChar: 2}, []string{"뷁", "##뷁", ",", "語"}, []string{"ж", "##ж"}},
		{wordpiece.Options{MinHangul: 2}, []string{"ж", "사과"}, []string{"뷁", "##뷁"}},
	} {
		c.o.Size = 200
		r := train(t, count(t, config, 1, list...), c.o)
		for _, token := range c.has {
			if _, ok := r.Vocab.ID(token); !ok {
				t.Errorf("%+v: no %q", c.o, token)
			}
		}
		for _, token := range c.lack {
			if _, ok := r.Vocab.ID(token); ok {
				t.Errorf("%+v: has %q", c.o, token)
			}
		}
		if want := len(c.lack) / 2; c.o != (wordpiece.Options{Size: 200}) && r.Left != want {
			t.Errorf("%+v: %d characters left out, want %d", c.o, r.Left, want)
		}
	}
}

func TestTrainErrors(t *testing.T) {
	ctx := context.Background()
	config := keeping(true)
	if _, err := wordpiece.Count(ctx, texts("", " \n"), config, 2); !errors.Is(err, wordpiece.ErrCorpus) {
		t.Errorf("empty: %v", err)
	}
	if _, err := wordpiece.Count(ctx, texts("a\x00b"), config, 2); !errors.Is(err, wordpiece.ErrCorpus) {
		t.Errorf("binary: %v", err)
	}
	if _, err := wordpiece.Count(ctx, texts("한국어"), tokenize.DefaultConfig(true), 2); !errors.Is(err, wordpiece.ErrCorpus) {
		t.Errorf("syllables taken apart: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := wordpiece.Count(cancelled, texts("a"), config, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	broken := errors.New("broken")
	failing := func(yield func(string, error) bool) { yield("", broken) }
	if _, err := wordpiece.Count(ctx, failing, config, 2); !errors.Is(err, broken) {
		t.Errorf("failing: %v", err)
	}
	if _, err := wordpiece.Train(context.Background(), count(t, config, 1, "가나다"), wordpiece.Options{Size: 40}); !errors.Is(err, wordpiece.ErrCorpus) {
		t.Errorf("alphabet too large: %v", err)
	}
}

func TestMix(t *testing.T) {
	config := keeping(true)
	en := count(t, config, 1, strings.Repeat("the cat ", 50))
	ko := count(t, config, 1, "고양이 고양이")
	both, err := wordpiece.Mix([]*wordpiece.Counts{en, ko}, []float64{1, 1})
	if err != nil || both.Total() != 200 || both.Distinct() != 3 {
		t.Fatalf("%d words, %d different: %v", both.Total(), both.Distinct(), err)
	}
	if both, err = wordpiece.Mix([]*wordpiece.Counts{en, ko}, nil); err != nil || both.Total() != 102 {
		t.Errorf("unweighted: %d words, %v", both.Total(), err)
	}
	for _, bad := range [][]float64{{1}, {1, 0}, {1, -1}, {1, 1e12}} {
		if _, err := wordpiece.Mix([]*wordpiece.Counts{en, ko}, bad); !errors.Is(err, wordpiece.ErrCorpus) {
			t.Errorf("shares %v: %v", bad, err)
		}
	}
}

func TestMissing(t *testing.T) {
	config := keeping(true)
	counts := count(t, config, 2, "apple apple apple banana banana cherry the the the the the 뷁 뷁")
	v, err := tokenize.NewVocab([]string{"[UNK]", "[CLS]", "[SEP]", "the", "app", "##le", "b", "##a", "##n"})
	if err != nil {
		t.Fatal(err)
	}
	got := counts.Missing(open(t, v, config), 3, 2)
	if want := []string{"apple", "banana", "뷁"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestMeasure(t *testing.T) {
	config := keeping(true)
	v, err := tokenize.NewVocab([]string{"[UNK]", "[CLS]", "[SEP]", "the", "app", "##le", "."})
	if err != nil {
		t.Fatal(err)
	}
	tok := open(t, v, config)
	for workers := 1; workers < 4; workers++ {
		fits, err := wordpiece.Measure(context.Background(), texts("the apple.", "뷁 The"), workers, tok, tok)
		want := wordpiece.Fit{Words: 4, Pieces: 6, Unknown: 1}
		if err != nil || len(fits) != 2 || fits[0] != want || fits[1] != want {
			t.Errorf("%v %v", fits, err)
		}
	}
	if f := (wordpiece.Fit{}); f.PerWord() != 0 || f.UnknownRate() != 0 {
		t.Error("ratios of nothing")
	}
}

// FuzzRoundTrip trains on a text and checks that another text of the same
// alphabet comes back from its tokens.
func FuzzRoundTrip(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(strings.Join(corpus(seed, 10), "\n"), strings.Join(corpus(seed+10, 10), "\n"))
	}
	f.Add("\xff\xfe ä\u0308 각 가", "가각")
	f.Add("\u0345\u0300 a\u0300\u0301", "\u0301a")
	f.Fuzz(func(t *testing.T, text, other string) {
		for _, lower := range []bool{true, false} {
			config := keeping(lower)
			counts, err := wordpiece.Count(context.Background(), texts(text), config, 1)
			if err != nil {
				continue
			}
			r, err := wordpiece.Train(context.Background(), counts, wordpiece.Options{Size: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			tok := open(t, r.Vocab, config)
			for _, s := range []string{text, other} {
				checkRoundTrip(t, tok, s, s == text)
			}
		}
	})
}

// checkRoundTrip compares the words of a text with those that its tokens give.
// A text with a character that the corpus had not, which known denies, may have
// unknown words.
func checkRoundTrip(t *testing.T, tok *tokenize.Tokenizer, text string, known bool) {
	t.Helper()
	var want, got []string
	unknown := false
	for _, special := range []string{"[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"} {
		if strings.Contains(text, special) {
			return // found as a whole, before words are
		}
	}
	ids := tok.AppendIDs(nil, text)
	for _, id := range ids {
		token := tok.Token(id)
		if rest, ok := strings.CutPrefix(token, "##"); ok && token != "##" {
			if len(got) == 0 {
				t.Fatalf("%q begins with %q", text, token)
			}
			got[len(got)-1] += rest
			continue
		}
		unknown = unknown || id == tok.UnknownID()
		got = append(got, token)
	}
	if unknown {
		if known && !hasLong(text) {
			t.Fatalf("%q has unknown words: %q", text, got)
		}
		return
	}
	for w := range tokenize.NewSplitter(tok.Config()).Words(text) {
		want = append(want, string(w))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%q is %q, its tokens give %q", text, want, got)
	}
	again := tok.AppendIDs(nil, tok.Decode(ids, false))
	if !slices.Equal(again, ids) {
		t.Fatalf("%q is decoded as %q", text, tok.Decode(ids, false))
	}
}

// hasLong says whether a text may have words that are too long to be spelt.
func hasLong(text string) bool {
	return slices.ContainsFunc(strings.Fields(text), func(w string) bool { return len([]rune(w)) > 33 })
}
