package pairs

import (
	"fmt"
	"strings"

	"semdex/nli"
	"semdex/nli/internal/table"
)

// Dev holds the sets that choose between models. They are never trained on.
type Dev struct {
	STS       []STSSet
	Retrieval []RetrievalSet
	Parallel  []ParallelSet
}

// STSSet is a set of pairs with scores.
type STSSet struct {
	Name  string
	Pairs []nli.Scored
}

// RetrievalSet is queries and the documents that answer them.
type RetrievalSet struct {
	Name      string
	Queries   []string
	Documents []string
	Relevant  [][]int // per query, indices of documents
}

// ParallelSet is sentences and their translations, index by index.
type ParallelSet struct {
	Name string
	A, B []string
	// Test says that the set is reported and must not choose between models.
	Test bool
}

// sentenceBan is the length in bytes from which a sentence of an evaluation
// paragraph keeps a Wikipedia passage out.
const sentenceBan = 40

// heldOut reads every evaluation and dev set: it bans their texts, and keeps
// the STS dev sets and the parallel sentences as dev sets.
func (b *builder) heldOut() error {
	for _, step := range []func() error{b.banSTS, b.banInference, b.banParagraphs, b.banQueries, b.banParallel} {
		if err := step(); err != nil {
			return err
		}
	}
	b.logf("%d texts and %d sentences of evaluation sets are kept out", len(b.banned), len(b.bannedSentences))
	return nil
}

func (b *builder) banSTS() error {
	for _, set := range []struct{ name, file string }{
		{"stsb-dev", "sts/en/stsb/stsb-en-dev.csv"},
		{"korsts-dev", "sts/ko/korsts/sts-dev.tsv"},
		{"", "sts/en/stsb/stsb-en-test.csv"},
		{"", "sts/ko/korsts/sts-test.tsv"},
	} {
		list, err := nli.ReadSTS(b.path(set.file))
		if err = b.optional(set.file, err); err != nil {
			return err
		}
		for _, p := range list {
			b.ban(p.A, p.B)
		}
		if set.name != "" && len(list) > 0 {
			b.data.Dev.STS = append(b.data.Dev.STS, STSSet{set.name, list})
		}
	}
	return nil
}

func (b *builder) banInference() error {
	for _, c := range []struct {
		file   string
		quoted bool
	}{
		{"nli/ko/kornli/xnli.test.ko.tsv", false},
		{"nli/ko/klue/klue-nli-v1.1_dev.json", false},
		{"nli/en/cad-nli/all_combined.dev.tsv", true},
		{"nli/en/cad-nli/all_combined.test.tsv", true},
	} {
		list, err := nli.ReadInferences(b.path(c.file), c.quoted)
		if err = b.optional(c.file, err); err != nil {
			return err
		}
		for _, p := range list {
			b.ban(p.Premise, p.Hypothesis)
		}
	}
	for _, side := range []string{"s1.dev", "s2.dev", "s1.test", "s2.test"} {
		lines, err := b.lines("nli/en/snli/" + side)
		if err != nil {
			return err
		}
		b.ban(lines...)
	}
	return b.rows("pairs/ko/paws-ko/test_2k.tsv", table.TSV, []string{"sentence1", "sentence2"}, func(f []string) { b.ban(f...) })
}

// banParagraphs bans the questions, paragraphs and sentences of the reading
// comprehension sets that evaluate.
func (b *builder) banParagraphs() error {
	for _, file := range []string{
		"qa/en/squad/dev-v1.1.from-html.json", "qa/en/squad/dev-v2.0.from-html.json", "qa/ko/korquad/KorQuAD_v1.0_dev.json",
	} {
		list, err := readSQuAD(b.path(file))
		if err = b.optional(file, err); err != nil {
			return err
		}
		for _, p := range list {
			b.ban(p.Context)
			for _, q := range p.QAs {
				b.ban(q.Question)
			}
			for _, s := range sentences(p.Context) {
				if len(s) >= sentenceBan {
					b.bannedSentences[key(clean(s))] = struct{}{}
				}
			}
		}
	}
	return nil
}

func (b *builder) banQueries() error {
	for _, file := range []string{
		"retrieval/en/scifact/queries.jsonl", "retrieval/en/cranfield/queries.jsonl", "retrieval/ko/autorag/qa.jsonl",
	} {
		err := readJSONLines(b.path(file), func(q struct{ Text, Query string }) error {
			b.ban(q.Text, q.Query)
			return nil
		})
		if err := b.optional(file, err); err != nil {
			return err
		}
	}
	return nil
}

// banParallel keeps tatoeba, which evaluates, and the general half of the
// evaluation part of the news corpus, which chooses.
func (b *builder) banParallel() error {
	for _, set := range []struct{ name, en, ko string }{
		{"news-eval", "pairs/en-ko/news/jhe-eval.en", "pairs/en-ko/news/jhe-eval.ko"},
		{"tatoeba", "pairs/en-ko/tatoeba/tatoeba.kor-eng.eng", "pairs/en-ko/tatoeba/tatoeba.kor-eng.kor"},
		{"", "pairs/en-ko/news/korean-english-park.test.en", "pairs/en-ko/news/korean-english-park.test.ko"},
	} {
		en, ko, err := b.parallelLines(set.en, set.ko)
		if err != nil {
			return err
		}
		b.ban(en...)
		b.ban(ko...)
		if set.name != "" && len(en) > 0 {
			b.data.Dev.Parallel = append(b.data.Dev.Parallel, ParallelSet{Name: set.name, A: en, B: ko, Test: set.name == "tatoeba"})
		}
	}
	return nil
}

// parallelLines reads two files whose lines are translations of each other;
// lines that are empty on a side are left out.
func (b *builder) parallelLines(en, ko string) (x, y []string, err error) {
	left, err := b.lines(en)
	if err != nil {
		return nil, nil, err
	}
	right, err := b.lines(ko)
	if err != nil || left == nil || right == nil {
		return nil, nil, err
	}
	if len(left) != len(right) {
		return nil, nil, fmt.Errorf("%s has %d lines, %s has %d", en, len(left), ko, len(right))
	}
	for i, s := range left {
		if t := right[i]; strings.TrimSpace(s) != "" && strings.TrimSpace(t) != "" {
			x, y = append(x, s), append(y, t)
		}
	}
	return x, y, nil
}
