package cloze_test

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"semdex/qa/cloze"
	"semdex/qa/squad"
)

// TestQuestions: sentences with one possible answer each, no word left out, in all
// the forms that the seeds give.
func TestQuestions(t *testing.T) {
	o := cloze.Default()
	o.Drop = 0
	for _, c := range []struct{ text, answer, questions string }{
		{
			"경복궁은 1395년 처음으로 넓게 지어졌다.", "1395년",
			"경복궁은 언제 처음으로 넓게 지어졌는가|경복궁이 처음으로 넓게 지어졌던 때는|경복궁이 처음으로 넓게 지어졌던 때는 언제인가|" +
				"경복궁이 처음으로 넓게 지어졌던 해는 언제인가|경복궁이 처음으로 넓게 지어졌던 시기는|경복궁이 처음으로 넓게 지어졌던 것은 언제인가",
		},
		{
			"태조가 《경국대전》을 처음으로 펴내게 하였다.", "경국대전",
			"태조가 무엇을 처음으로 펴내게 하였는가|태조가 처음으로 펴내게 한 것은 무엇인가|태조가 처음으로 펴내게 한 작품은 무엇인가|" +
				"태조가 처음으로 펴내게 한 것의 이름은|태조가 처음으로 펴내게 한 것은",
		},
		{
			"그날은 모두 1,200명이 모여 있었다.", "1,200명",
			"그날은 모두 몇 명이 모여 있었는가|그날이 모두 모여 있었던 것은 몇 명인가",
		},
		{
			"오래전 여기서는 상인들이 모여 살고 있었다.", "상인들",
			"오래전 여기서는 무엇이 모여 살고 있었는가|오래전 여기서는 모여 살고 있었던 것은|오래전 여기서는 모여 살고 있었던 것은 무엇인가",
		},
		{
			"그 영화는 감독 김기덕의 첫 작품이다.", "김기덕",
			"그 영화는 감독 누구의 첫 작품인가|그 영화는 감독 첫 작품인 사람은|그 영화는 감독 첫 작품인 사람은 누구인가|" +
				"그 영화는 감독 첫 작품인 인물은|그 영화는 감독 첫 작품인 인물은 누구인가|그 영화는 감독 첫 작품인 사람의 이름은",
		},
		{
			"그녀는 오래전 바르샤바에서 태어나 자란다.", "바르샤바",
			"그녀는 오래전 어디에서 태어나 자라는가|그녀가 오래전 태어나 자라는 곳은|그녀가 오래전 태어나 자라는 곳은 어디인가|" +
				"그녀가 오래전 태어나 자라는 장소는 어디인가|그녀가 오래전 태어나 자라는 지역은",
		},
		{"The palace was finished on July 4, 1776 by masons.", "July 4, 1776", "when The palace was finished on by masons"},
		{"It has been open to all since 1911 without a pause.", "1911", "when It has been open to all since without a pause"},
		{"Inside there are 250 rooms on three long floors.", "250", "how many Inside there are rooms on three long floors"},
		{"It was built by Ada Lovelace in a small town.", "Ada Lovelace", "what It was built by in a small town"},
	} {
		want := strings.Split(c.questions, "|")
		seen := make(map[string]bool)
		for o.Seed = range uint64(200) {
			var s squad.Set
			if err := cloze.Add(&s, "t", c.text, o); err != nil {
				t.Fatal(err)
			}
			if len(s.Questions) == 0 && strings.Contains(c.answer, "상인") {
				continue // of a word with nothing but a particle few are made
			}
			if len(s.Questions) != 1 {
				t.Fatalf("%q: %d questions", c.text, len(s.Questions))
			}
			q := s.Questions[0]
			text := strings.TrimSuffix(q.Text, "?")
			if q.Answers[0].Text != c.answer || !slices.Contains(want, text) {
				t.Fatalf("%q: %q, %q; want %q, %q", c.text, q.Text, q.Answers[0].Text, want, c.answer)
			}
			seen[text] = true
		}
		if len(seen) != len(want) {
			t.Errorf("%q: only %v of %q", c.text, seen, want)
		}
	}
}

// TestProperties: whatever the text, an answer stands at its offset and not in
// its question, the same seed gives the same questions, and a file of them reads
// back as it was.
func TestProperties(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	words := strings.Fields(`the palace of King Arthur was built in 1395 by masons, 250 rooms "quoted" 경복궁은 1395년 3월에
		《조선왕조실록》을 궁궐이 광장에 1,200명이 있었다. burnt. again? 😀 (한양) It Dr. 서울의 중심 e.g. café`)
	o := cloze.Default()
	made := 0
	for range 300 {
		var b strings.Builder
		for range rng.IntN(200) {
			b.WriteString(words[rng.IntN(len(words))])
			b.WriteByte(" \n"[min(1, rng.IntN(12)/11)])
		}
		o.Passage, o.PerPassage, o.Drop, o.Seed = 1+rng.IntN(400), 1+rng.IntN(4), 0.9*rng.Float64(), rng.Uint64()
		var s, again squad.Set
		for range 2 {
			if err := cloze.Add(&s, "title", b.String(), o); err != nil {
				t.Fatal(err)
			}
			if err := cloze.Add(&again, "title", b.String(), o); err != nil {
				t.Fatal(err)
			}
		}
		if !reflect.DeepEqual(s, again) {
			t.Fatal("one seed, two results")
		}
		check(t, &s)
		made += len(s.Questions)
	}
	if made < 300 {
		t.Errorf("only %d questions", made)
	}
}

func check(t *testing.T, s *squad.Set) {
	t.Helper()
	for _, q := range s.Questions {
		a := q.Answers[0]
		if got := string([]rune(s.Contexts[q.Context])[a.Start:a.End]); got != a.Text || strings.Contains(q.Text, a.Text) {
			t.Fatalf("question %q: the answer %q, at its offset %q", q.Text, a.Text, got)
		}
	}
	if len(s.Questions) == 0 {
		return
	}
	var file bytes.Buffer
	if err := squad.Write(&file, s); err != nil {
		t.Fatal(err)
	}
	back, err := squad.Read(&file, "", squad.Options{Misplaced: squad.Fail})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back.Contexts, s.Contexts) || !reflect.DeepEqual(back.Questions, s.Questions) {
		t.Fatalf("read back\n%+v\n%+v, written\n%+v\n%+v", back.Contexts, back.Questions, s.Contexts, s.Questions)
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []cloze.Options{{}, {Passage: 1, PerPassage: 1, Drop: 1}, {Passage: 1, Drop: 0.5}, {Passage: 1, PerPassage: 1, Rare: 2}} {
		if err := cloze.Add(new(squad.Set), "", "text", o); !errors.Is(err, cloze.ErrOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// A passage that shares a sentence with what is measured on makes no questions,
// whatever stands around the sentence.
func TestExclude(t *testing.T) {
	o := cloze.Default()
	o.Passage = 20
	o.Exclude = make(cloze.Sentences)
	o.Exclude.Add(&squad.Set{Contexts: []string{"앞의 문장이다. 경복궁은 1395년 한양에 처음 지어졌다."}})
	const text = "태조가 《경국대전》을 처음으로 펴내게 하였다.\n경복궁은, 1395년 한양에  처음 지어졌다.\nIt has been open to all since 1911 without a pause."
	var s squad.Set
	if err := cloze.Add(&s, "t", text, o); err != nil {
		t.Fatal(err)
	}
	var answers []string
	for _, q := range s.Questions {
		answers = append(answers, q.Answers[0].Text)
	}
	if got, want := strings.Join(answers, "|"), "경국대전|1911"; got != want {
		t.Errorf("answers %q, want %q", got, want)
	}
}

// With counted words, a noun that many texts have is not asked for, and a name is
// asked for whole.
func TestRare(t *testing.T) {
	common := new(cloze.Words)
	for range 99 {
		common.Add("그는 이 지역을 떠나 큰 변화를 보았다. 그는 오래전에 한반도에서 살았다.")
	}
	common.Add("방정식을 제임스 클러크 맥스웰이 종합한")
	o := cloze.Default()
	o.Drop, o.Common, o.Rare = 0, common, 0.02
	for _, c := range []struct{ text, answer string }{
		{"나중에 방정식을 제임스 클러크 맥스웰이 종합하였다.", "방정식|제임스 클러크 맥스웰"}, // 방정식 ends in a particle: no part of the name
		{"나중에 지역을 제임스 클러크 맥스웰이 종합하였다.", "제임스 클러크 맥스웰"},
		{"나중에 지역을 떠난 클러크 맥스웰이 종합하였다.", ""}, // 떠난 is a verb, or the first part of the name
		{"나중에 지역을 그는 클러크 맥스웰이 종합하였다.", "클러크 맥스웰"},
		{"제임스 클러크 맥스웰이 이 지역을 종합하였다.", ""},   // the sentence is about it
		{"나중에 필리프 제임스 클러크 맥스웰이 종합하였다.", ""}, // longer than what is taken in
		{"나중에 모든 지역을 그곳 변화를 보고 종합하였다.", ""},
	} {
		found := make(map[string]bool)
		for o.Seed = range uint64(50) {
			var s squad.Set
			if err := cloze.Add(&s, "t", c.text, o); err != nil {
				t.Fatal(err)
			}
			for _, q := range s.Questions {
				found[q.Answers[0].Text] = true
			}
		}
		if got := strings.Join(slices.Sorted(maps.Keys(found)), "|"); got != c.answer {
			t.Errorf("%q: answers %q, want %q", c.text, got, c.answer)
		}
	}
}

// What a number counts, and which are no numbers.
func TestNumbers(t *testing.T) {
	o := cloze.Default()
	o.Drop = 0
	for _, c := range []struct{ text, answer, asked string }{
		{"그 성은 처음부터 19세기까지 크게 다시 지어졌다.", "19세기", "몇 세기"},
		{"그 사람은 모두 20년 동안 크게 다시 일하였다.", "20년", "몇 년"},
		{"그 사람은 모두 1,200년 동안 크게 다시 일하였다.", "1,200년", "몇 년"},
		{"그 사람은 모두 300년 동안 크게 다시 일하였다.", "300년", "몇 년"},
		{"그 사람은 모두 10000년 전에 크게 다시 일하였다.", "10000년", "몇 년"},
		{"그 사람은 모두 3개월 동안 크게 다시 일하였다.", "3개월", "몇 개월"},
		{"그 사람은 모두 98년 3월 5일 크게 다시 일하였다.", "98년 3월 5일", ""},
		{"그 사람은 35세에 크게 다시 일하였다.", "35세", "몇 세"},
		{"그 사람은 모두 120세에 크게 다시 일하였다.", "", ""},
		{"그 사람은 모두 1950년대부터 크게 다시 일하였다.", "", ""},
		{"아마도 모두 윌리엄 2세가 크게 다시 일하였다.", "", ""},
		{"아마도 모두 루이 18세가 크게 다시 일하였다.", "", ""},
		{"그 사람은 모두 Big Town 부터 크게 다시 일하였다.", "", ""}, // an English name in a Korean sentence
		{"At last the palace (경복궁) was built since 1395 by masons.", "1395", "when"},
	} {
		for o.Seed = range uint64(20) {
			var s squad.Set
			if err := cloze.Add(&s, "t", c.text, o); err != nil {
				t.Fatal(err)
			}
			for _, q := range s.Questions {
				if q.Answers[0].Text != c.answer || !strings.Contains(q.Text, c.asked) {
					t.Fatalf("%q: %q, %q", c.text, q.Text, q.Answers[0].Text)
				}
			}
			if c.answer != "" && len(s.Questions) == 0 {
				t.Errorf("%q: no question", c.text)
			}
		}
	}
}
