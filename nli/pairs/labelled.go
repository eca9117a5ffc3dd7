package pairs

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"strings"

	"semdex/nli"
	"semdex/nli/internal/table"
)

// The licences under which the corpora are published.
const (
	ccBySA4   = "CC BY-SA 4.0"
	ccBySA3   = "CC BY-SA 3.0"
	mnliTerms = "MultiNLI (OANC, CC BY 3.0, CC BY-SA 3.0 by part)"
)

// inference makes pairs of premise and entailed hypothesis, with a hypothesis
// that contradicts the premise as what it must be told from. The one English
// corpus whose authors' test part is not here, MultiNLI, serves with its dev
// part; JOCI and MPE are not read, for JOCI holds sentences of SICK, which may
// not be used commercially, and MPE states no licence.
func (b *builder) inference() error {
	for _, lang := range []struct {
		name, licence string
		weight        float64
		files         []string
	}{
		{"nli-en", "Apache-2.0 (cad-nli); Microsoft C-UDA (taxinli); " + mnliTerms, 16, []string{
			"nli/en/misc/mnli/dev.csv", "nli/en/cad-nli/all_combined.train.tsv", "nli/en/taxinli/taxinli10k.tsv",
		}},
		{"nli-ko", ccBySA4 + " (KLUE-NLI, XNLI)", 12, []string{
			"nli/ko/klue/klue-nli-train.csv", "nli/ko/kornli/xnli.dev.ko.tsv",
		}},
	} {
		c := b.collect()
		for _, file := range lang.files {
			list, err := nli.ReadInferences(b.path(file), strings.HasPrefix(file, "nli/en/"))
			if err = b.optional(file, err); err != nil {
				return err
			}
			c.entailed(list)
		}
		c.close(lang.name, lang.licence, lang.weight, soft)
	}
	return nil
}

// entailed adds what follows from each premise. Neutral hypotheses are left out:
// they are neither alike nor opposed.
func (c *collection) entailed(list []nli.Inference) {
	against := contradictions(list)
	for _, p := range list {
		if p.Label == nli.Entailment {
			c.pairAgainst(p.Premise, p.Hypothesis, against.next(p.Premise))
		}
	}
}

// Inferences is a corpus of natural language inference.
type Inferences struct {
	Name   string
	Weight float64 // of the source; 0: the number of its pairs
	List   []nli.Inference
}

// Entailed makes a source of each corpus: premises with the hypotheses that
// follow from them, and with contradicting ones to be told from. Corpora without
// a pair that follows are left out.
func Entailed(corpora ...Inferences) (*Data, error) {
	b := newBuilder(context.Background(), "", Options{})
	for _, set := range corpora {
		c := b.collect()
		c.entailed(set.List)
		c.close(set.Name, "", cmp.Or(set.Weight, float64(len(c.list))), 1)
	}
	return b.finish()
}

// hypotheses are lists of them by premise.
type hypotheses map[string][]string

func contradictions(list []nli.Inference) hypotheses {
	h := hypotheses{}
	for _, p := range list {
		if p.Label == nli.Contradiction {
			h[p.Premise] = append(h[p.Premise], p.Hypothesis)
		}
	}
	return h
}

// next gives the hypotheses of a premise in turn, "" if there are none.
func (h hypotheses) next(premise string) string {
	list := h[premise]
	if len(list) == 0 {
		return ""
	}
	h[premise] = append(list[1:len(list):len(list)], list[0])
	return list[0]
}

// parallel makes pairs of English and Korean sentences. KorSTS is the
// translation of STS-B line by line, so its train parts are parallel; a line
// whose scores differ is out of step and left out.
func (b *builder) parallel() error {
	const en, ko = "sts/en/stsb/stsb-en-train.csv", "sts/ko/korsts/sts-train.tsv"
	left, err := nli.ReadSTS(b.path(en))
	if err = b.optional(en, err); err != nil {
		return err
	}
	right, err := nli.ReadSTS(b.path(ko))
	if err = b.optional(ko, err); err != nil {
		return err
	}
	c := b.collect()
	for i := range min(len(left), len(right)) {
		if x, y := left[i], right[i]; math.Abs(x.Score-y.Score) < 0.011 {
			c.pair(x.A, y.A, 0)
			c.pair(x.B, y.B, 0)
		}
	}
	c.close("parallel-sts", "STSbenchmark; "+ccBySA4+" (KorSTS)", 9, soft)

	c = b.collect()
	for _, p := range append(left, right...) {
		if p.Score >= 4 {
			c.pair(p.A, p.B, 0)
		}
	}
	c.close("sts-similar", "STSbenchmark; "+ccBySA4+" (KorSTS)", 2, soft)

	c = b.collect()
	for _, name := range []string{"korean-english-park.dev", "jhe-dev"} {
		x, y, err := b.parallelLines("pairs/en-ko/news/"+name+".en", "pairs/en-ko/news/"+name+".ko")
		if err != nil {
			return err
		}
		for i := range x {
			c.pair(x[i], y[i], 0)
		}
	}
	c.close("parallel-news", ccBySA3, 4.5, soft)
	return nil
}

// paraphrases makes pairs of Korean sentences that say the same.
func (b *builder) paraphrases() error {
	const kqc = "pairs/ko/parakqc/paraKQC_v1.txt"
	lines, err := b.lines(kqc)
	if err != nil {
		return err
	}
	c, rng := b.collect(), b.random("parakqc")
	for lo := 0; lo < len(lines); lo += kqcGroup {
		c.paraphraseGroup(lines[lo:min(lo+kqcGroup, len(lines))], int32(lo/kqcGroup+1), rng)
	}
	c.close("parakqc", ccBySA4, 3, soft)

	c = b.collect()
	err = b.rows("pairs/ko/question-pair/kor_pair_train.csv", table.CSV, []string{"question1", "question2", "is_duplicate"},
		func(f []string) {
			if f[2] == "1" {
				c.pair(f[0], f[1], 0)
			}
		})
	if err != nil {
		return err
	}
	c.close("question-pairs-ko", "MIT", 1, soft)

	c = b.collect()
	err = b.rows("pairs/ko/paws-ko/dev_2k.tsv", table.TSV, []string{"sentence1", "sentence2", "label"}, func(f []string) {
		if f[2] == "1" {
			c.pair(f[0], f[1], 0)
		}
	})
	if err != nil {
		return err
	}
	c.close("paws-ko", "PAWS-X (free for any purpose)", 0.5, soft)
	return nil
}

// kqcGroup is how many lines of paraKQC follow each other that are paraphrases.
const kqcGroup = 10

// paraphraseGroup joins every sentence of a group to three others.
func (c *collection) paraphraseGroup(lines []string, group int32, rng *rand.Rand) {
	var texts []string
	for _, line := range lines {
		if f := strings.Split(line, "\t"); len(f) >= 3 {
			texts = append(texts, f[2])
		}
	}
	rng.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
	for i := range texts {
		for step := 1; step <= 3; step++ {
			c.pair(texts[i], texts[(i+step)%len(texts)], group)
		}
	}
}
