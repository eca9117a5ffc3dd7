package adapt

import (
	"context"
	"math/rand/v2"

	"semdex/nli/pairs"
)

// sharp is the sharpness of sources that retrieve; see pairs.Source.
const sharp = 1.25

// builder makes the training pairs.
type builder struct {
	*Set
	data  *pairs.Data
	parts []part
	place []int32 // by passage: its part, -1 if it is held out
}

// part is a passage of the training data. Its sentences stand together in
// Data.Texts, behind the title, which is empty where there is none.
type part struct {
	passage int32
	group   int32
	title   int32 // the text of the title; sentences follow
	end     int32
	clozes  []int32 // texts of sentences that can ask for the rest
	near    []int32 // parts of other groups that share words
}

func (p part) run(first, end int32) pairs.Run { return pairs.Run{First: first, End: end, Skip: -1} }

func (p part) sentences() pairs.Run { return p.run(p.title+1, p.end) }

// whole is how a passage is indexed: with its title.
func (p part) whole() pairs.Run { return p.run(p.title, p.end) }

func (b *builder) build(ctx context.Context) error {
	b.place = make([]int32, len(b.passages))
	for i, p := range b.passages {
		b.place[i] = -1
		if b.docs[p.doc].role == Train {
			b.place[i] = int32(len(b.parts))
			b.parts = append(b.parts, b.part(int32(i), p))
		}
	}
	if err := b.mine(ctx); err != nil {
		return err
	}
	b.titles()
	b.headings()
	b.neighbours()
	b.clozeViews()
	b.duplicates()
	return nil
}

// text appends to the pool.
func (b *builder) text(s string) int32 {
	b.data.Texts = append(b.data.Texts, s)
	return int32(len(b.data.Texts) - 1)
}

func (b *builder) part(i int32, p passage) part {
	doc := b.docs[p.doc]
	out := part{passage: i, group: doc.group, title: b.text(doc.title)}
	for _, sentence := range p.sentences {
		b.text(sentence.Text)
	}
	out.end = int32(len(b.data.Texts))
	for _, c := range b.clozes(p) {
		out.clozes = append(out.clozes, out.title+1+int32(c))
	}
	return out
}

// source adds a source of so many examples, if there are two of them.
func (b *builder) source(name string, weight float64, n int, draw func(i int, rng *rand.Rand) pairs.Example) {
	if n < 2 {
		return
	}
	s := pairs.NewDrawn(name, licence, weight, n, draw)
	s.Sharpness = sharp
	b.data.Sources = append(b.data.Sources, s)
}

// against completes an example with a passage that shares words with p.
func (b *builder) against(e pairs.Example, p part, rng *rand.Rand) pairs.Example {
	e.Group = p.group
	if len(p.near) > 0 {
		other := b.parts[p.near[rng.IntN(len(p.near))]]
		e.Not, e.NotGroup = other.sentences(), other.group
	}
	return e
}

// titles pairs a title with one of its passages, or with some of its sentences.
func (b *builder) titles() {
	list := b.which(func(p part) bool { return b.docs[b.passages[p.passage].doc].title != "" })
	b.source("title", 1, len(list), func(i int, rng *rand.Rand) pairs.Example {
		p := b.parts[list[i]]
		body := p.sentences()
		if n := int32(body.Len()); n > 2 && rng.IntN(2) == 0 {
			take := 2 + rng.Int32N(n-1)
			body.First += rng.Int32N(n - take + 1)
			body.End = body.First + take
		}
		return b.against(pairs.Example{A: p.run(p.title, p.title+1), B: body}, p, rng)
	})
}

func (b *builder) which(good func(part) bool) []int32 {
	var list []int32
	for i, p := range b.parts {
		if good(p) {
			list = append(list, int32(i))
		}
	}
	return list
}

// headings pairs a heading, behind the title, with the sentences below it. Without
// a title, headings that stand in several documents say nothing.
func (b *builder) headings() {
	type section struct{ part, heading, first, end int32 }
	var list []section
	for i, p := range b.parts {
		source := b.passages[p.passage]
		title := b.docs[source.doc].title
		for j := 0; j < len(source.sentences); j++ {
			h := source.sentences[j]
			end := j + 1
			for end < len(source.sentences) && !source.sentences[end].Heading {
				end++
			}
			if !h.Heading || end == j+1 || title == "" && b.common[key(h.Text)] {
				continue
			}
			text := b.text(clean(title + " " + h.Text))
			list = append(list, section{int32(i), text, p.title + 1 + int32(j) + 1, p.title + 1 + int32(end)})
		}
	}
	b.source("heading", .5, len(list), func(i int, rng *rand.Rand) pairs.Example {
		s, p := list[i], b.parts[list[i].part]
		return b.against(pairs.Example{A: p.run(s.heading, s.heading+1), B: p.run(s.first, s.end)}, p, rng)
	})
}

// neighbours pairs the beginning of a passage with the rest.
func (b *builder) neighbours() {
	list := b.which(func(p part) bool { return p.sentences().Len() >= 2 })
	b.source("neighbours", .5, len(list), func(i int, rng *rand.Rand) pairs.Example {
		p := b.parts[list[i]]
		body := p.sentences()
		mid := body.First + 1 + rng.Int32N(int32(body.Len())-1)
		return b.against(pairs.Example{A: p.run(body.First, mid), B: p.run(mid, body.End)}, p, rng)
	})
}

// clozeViews pairs a sentence with the passage that it is taken from (the inverse
// cloze task, Lee et al. 2019), half of the time as the index has it, with its
// title. One time in ten the sentence stays there, so that literal matches count.
func (b *builder) clozeViews() {
	list := b.which(func(p part) bool { return len(p.clozes) > 0 })
	b.source("cloze", 2, len(list), func(i int, rng *rand.Rand) pairs.Example {
		p := b.parts[list[i]]
		s := p.clozes[rng.IntN(len(p.clozes))]
		rest := p.sentences()
		if rng.IntN(2) == 0 {
			rest = p.whole()
		}
		if rng.IntN(10) > 0 {
			rest.Skip = s
		}
		return b.against(pairs.Example{A: p.run(s, s+1), B: rest}, p, rng)
	})
}

// duplicates pairs passages that are nearly the same, but not quite.
func (b *builder) duplicates() {
	var list [][2]int32
	for _, pair := range b.twins {
		x, y := b.place[pair[0]], b.place[pair[1]]
		if x >= 0 && y >= 0 && key(b.passages[pair[0]].text(-1)) != key(b.passages[pair[1]].text(-1)) {
			list = append(list, [2]int32{x, y})
		}
	}
	b.source("near-duplicates", .25, len(list), func(i int, rng *rand.Rand) pairs.Example {
		p, q := b.parts[list[i][0]], b.parts[list[i][1]]
		return b.against(pairs.Example{A: p.sentences(), B: q.sentences()}, p, rng)
	})
}

// nearest is how many passages that share words are kept of each.
const nearest = 8

// mine finds, for every passage, those of other groups that BM25 finds for its
// title and its first two sentences.
func (b *builder) mine(ctx context.Context) error {
	texts := make([][]int32, len(b.parts))
	queries := make([][]int32, len(b.parts))
	for i, p := range b.parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		for t := p.title; t < p.end; t++ {
			texts[i] = b.tok.AppendIDs(texts[i], b.data.Texts[t])
			if t == min(p.title+2, p.end-1) {
				queries[i] = texts[i]
			}
		}
	}
	x := newBM25(texts)
	return x.each(ctx, b.Workers, len(b.parts), func(s *scorer, i int) {
		s.score(queries[i])
		b.parts[i].near = s.best(nearest, func(j int32) bool { return b.parts[j].group != b.parts[i].group })
	})
}
