package pairs

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf8"
)

// article is one line of a Wikipedia file.
type article struct {
	ID, Title, Text string
}

// passage is a run of consecutive sentences of one article.
type passage struct {
	title     Run
	sentences Run
	article   int32
}

const wikiLicence = "CC BY-SA (Wikipedia)"

// Limits of passages, in runes. English articles of the corpus are long and
// few, so more passages are taken of each.
const (
	koreanPassage   = 330
	englishPassage  = 560
	koreanPerPage   = 4
	englishPerPage  = 11
	shortParagraph  = 25 // headings and scraps of lists are shorter
	longestSentence = 300
)

// wikipedia makes pairs from plain articles: title and passage, a sentence and
// its passage without it (the inverse cloze task), the two halves of a passage,
// and Korean terms with the English ones that explain them.
func (b *builder) wikipedia() error {
	korean, english := []passage{}, []passage{}
	glosses := b.collect()
	titles := map[uint64]bool{}
	var files []string
	if b.dir != "" {
		files = []string{"text/wiki-en.jsonl", "text/wiki-ko.jsonl"}
	}
	own := len(files)
	for i, name := range append(files, b.opt.Wiki...) {
		path := name
		if i < own {
			path = b.path(name)
		}
		err := readJSONLines(path, func(a article) error {
			if err := b.ctx.Err(); err != nil {
				return err
			}
			ko := isKorean(a.Text)
			k := key(fmt.Sprint(a.Title, ko))
			if titles[k] {
				return nil
			}
			titles[k] = true
			if ko {
				glosses.glosses(a.Text)
				korean = b.passages(korean, a, int32(len(titles)), koreanPassage, koreanPerPage)
			} else {
				english = b.passages(english, a, int32(len(titles)), englishPassage, englishPerPage)
			}
			return nil
		})
		if i < own {
			err = b.optional(name, err)
		}
		if err != nil {
			return err
		}
	}
	glosses.close("wiki-glosses", wikiLicence, 5, sharp)
	b.views("wiki-en", english, [3]float64{4, 10, 5})
	b.views("wiki-ko", korean, [3]float64{7, 10, 5})
	return nil
}

// views makes the three sources over one list of passages.
func (b *builder) views(name string, list []passage, weights [3]float64) {
	for i, view := range []struct {
		name string
		draw func(passage, *rand.Rand) Example
	}{{"title", titleView}, {"cloze", clozeView}, {"next", nextView}} {
		b.data.Sources = append(b.data.Sources, &Source{
			Name: name + "-" + view.name, Licence: wikiLicence, Sharpness: sharp, Weight: weights[i],
			n: len(list), draw: func(i int, rng *rand.Rand) Example { return view.draw(list[i], rng) },
		})
	}
}

// titleView pairs the title with some of the passage's sentences.
func titleView(p passage, rng *rand.Rand) Example {
	n := p.sentences.Len()
	take := min(n, 2+rng.IntN(5))
	first := p.sentences.First + int32(rng.IntN(n-take+1))
	return Example{A: p.title, B: Run{first, first + int32(take), -1}, Group: p.article}
}

// clozeView pairs a sentence with the passage it is taken from. One time in ten
// it stays there, so that literal matches count too.
func clozeView(p passage, rng *rand.Rand) Example {
	s := p.sentences.First + int32(rng.IntN(p.sentences.Len()))
	rest := p.sentences
	if rng.IntN(10) > 0 {
		rest.Skip = s
	}
	return Example{A: Run{s, s + 1, -1}, B: rest, Group: p.article}
}

// nextView pairs the beginning of a passage with the rest.
func nextView(p passage, rng *rand.Rand) Example {
	mid := p.sentences.First + 1 + int32(rng.IntN(p.sentences.Len()-1))
	return Example{A: Run{p.sentences.First, mid, -1}, B: Run{mid, p.sentences.End, -1}, Group: p.article}
}

// passages cuts an article: the first passage and a random choice of the
// others, without those that hold a sentence of an evaluation set.
func (b *builder) passages(list []passage, a article, number int32, size, most int) []passage {
	title := clean(a.Title)
	if title == "" || b.isBanned(key(title)) {
		return list
	}
	all := split(a.Text, size)
	if len(all) > most {
		rest := all[1:]
		rng := b.random(a.ID + " " + title)
		rng.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
		all = all[:most]
	}
	var titleRun Run
	for _, sentences := range all {
		if b.spoiled(sentences) {
			continue
		}
		if titleRun.End == 0 {
			titleRun = b.add(title)
		}
		run := Run{int32(len(b.data.Texts)), int32(len(b.data.Texts) + len(sentences)), -1}
		b.data.Texts = append(b.data.Texts, sentences...)
		list = append(list, passage{titleRun, run, number})
	}
	return list
}

func (b *builder) spoiled(sentences []string) bool {
	for _, s := range sentences {
		k := key(s)
		if _, ok := b.bannedSentences[k]; ok || b.isBanned(k) {
			return true
		}
	}
	return false
}

// split cuts text into passages of two sentences or more and about size runes.
// A passage crosses a paragraph only while it is shorter than a third of that.
func split(text string, size int) [][]string {
	var out [][]string
	var now []string
	n := 0
	flush := func() {
		out = append(out, now)
		now, n = nil, 0
	}
	for line := range strings.SplitSeq(text, "\n") {
		paragraph := clean(line)
		if utf8.RuneCountInString(paragraph) < shortParagraph || !strings.ContainsRune(".!?。\"”)", lastRune(paragraph)) {
			continue
		}
		for _, s := range sentences(paragraph) {
			s = cut(s, longestSentence)
			length := utf8.RuneCountInString(s)
			if length < 8 {
				continue
			}
			if n+length > size && len(now) >= 2 {
				flush()
			}
			now, n = append(now, s), n+length
		}
		if len(now) >= 2 && n >= size/3 {
			flush()
		}
	}
	if len(now) >= 2 {
		flush()
	}
	return out
}

func lastRune(s string) rune {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r
}
