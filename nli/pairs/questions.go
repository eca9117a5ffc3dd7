package pairs

import (
	"fmt"
	"slices"
	"strings"

	"semdex/nli/internal/table"
)

// paragraphRunes is the length at which the paragraph of a question is cut.
const paragraphRunes = 1200

// devDocuments is the number of documents of the SQuAD retrieval dev set.
const devDocuments = 5000

// squad makes pairs of question and paragraph from SQuAD's train part. Some
// paragraphs are held out with all their questions; the first question of each
// is a query of the dev set, whose other documents are training paragraphs.
func (b *builder) squad() error {
	const file = "qa/en/squad/train-v1.1.from-html.json"
	list, err := readSQuAD(b.path(file))
	if err = b.optional(file, err); err != nil {
		return err
	}
	held := make([]bool, len(list))
	out := map[uint64]bool{} // keys of held-out paragraphs and questions
	order := b.random("squad").Perm(len(list))
	for _, i := range order[:min(b.opt.HeldOut, len(list)/10)] {
		held[i] = true
		out[key(list[i].Context)] = true
		for _, q := range list[i].QAs {
			out[key(q.Question)] = true
		}
	}
	c := b.collect()
	dev := RetrievalSet{Name: "squad-held-out"}
	var others []string
	for _, i := range order {
		p := list[i]
		context := cut(clean(p.Context), paragraphRunes)
		if held[i] {
			if len(p.QAs) > 0 {
				dev.Queries = append(dev.Queries, clean(p.QAs[0].Question))
				dev.Relevant = append(dev.Relevant, []int{len(dev.Documents)})
				dev.Documents = append(dev.Documents, context)
			}
			continue
		}
		if out[key(p.Context)] { // the same paragraph a second time
			continue
		}
		others = append(others, context)
		for _, q := range p.QAs {
			if !out[key(q.Question)] {
				c.pairOf(clean(q.Question), context, 0)
			}
		}
	}
	c.close("squad", ccBySA4, 16, sharp)
	if len(dev.Queries) > 0 {
		dev.Documents = append(dev.Documents, others[:min(len(others), max(0, devDocuments-len(dev.Documents)))]...)
		b.data.Dev.Retrieval = append(b.data.Dev.Retrieval, dev)
	}
	return nil
}

// koreanQuestions makes pairs of question and Wikipedia page from the train
// queries of MIRACL and Mr. TyDi. Some pages are held out with every query
// they answer; the documents of the dev set are all pages.
func (b *builder) koreanQuestions() error {
	const folder = "retrieval/ko/wiki-pages/"
	dev := RetrievalSet{Name: "wiki-pages-ko"}
	number := map[string]int{}
	err := readJSONLines(b.path(folder+"pages.jsonl"), func(p struct {
		ID          string `json:"_id"`
		Title, Text string
	},
	) error {
		number[p.ID] = len(dev.Documents)
		dev.Documents = append(dev.Documents, cut(clean(p.Title+". "+p.Text), paragraphRunes/2))
		return nil
	})
	if err != nil {
		return b.optional(folder+"pages.jsonl", err)
	}
	queries, err := b.pageJudgements(folder, number)
	if err != nil {
		return err
	}
	var pages []int
	for _, q := range queries {
		pages = append(pages, q.pages...)
	}
	slices.Sort(pages)
	pages = slices.Compact(pages)
	rng := b.random("wiki-pages")
	rng.Shuffle(len(pages), func(i, j int) { pages[i], pages[j] = pages[j], pages[i] })
	held := map[int]bool{}
	for _, p := range pages[:min(b.opt.HeldOut/4, len(pages)/5)] {
		held[p] = true
	}
	c := b.collect()
	for i, q := range queries {
		if slices.ContainsFunc(q.pages, func(p int) bool { return held[p] }) {
			dev.Queries = append(dev.Queries, q.text)
			dev.Relevant = append(dev.Relevant, q.pages)
			continue
		}
		for _, p := range q.pages {
			c.pairOf(q.text, dev.Documents[p], int32(i+1))
		}
	}
	c.close("wiki-questions-ko", "Apache-2.0 (MIRACL, Mr. TyDi); "+ccBySA3+" (Wikipedia)", 2, sharp)
	if len(dev.Queries) > 0 {
		b.data.Dev.Retrieval = append(b.data.Dev.Retrieval, dev)
	}
	return nil
}

// pageQuery is a question with the pages that answer it.
type pageQuery struct {
	text  string
	pages []int
}

// pageJudgements reads both sets of queries; a question that is in both is
// taken once with the pages of both.
func (b *builder) pageJudgements(folder string, number map[string]int) ([]pageQuery, error) {
	var out []pageQuery
	at := map[uint64]int{}
	for _, set := range []string{"miracl", "mrtydi"} {
		texts := map[string]string{}
		name := folder + set + "-train.queries.jsonl"
		err := readJSONLines(b.path(name), func(q struct {
			ID   string `json:"_id"`
			Text string
		},
		) error {
			texts[q.ID] = clean(q.Text)
			return nil
		})
		if err := b.optional(name, err); err != nil {
			return nil, err
		}
		name = folder + set + "-train.qrels.pages.tsv"
		err = b.rows(name, table.TSV, []string{"query-id", "page-id", "score"}, func(f []string) {
			text, page := texts[f[0]], number[f[1]]
			if _, known := number[f[1]]; !known || text == "" || strings.TrimSpace(f[2]) == "0" {
				return
			}
			i, ok := at[key(text)]
			if !ok {
				i = len(out)
				at[key(text)] = i
				out = append(out, pageQuery{text: text})
			}
			if !slices.Contains(out[i].pages, page) {
				out[i].pages = append(out[i].pages, page)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("page judgements: %w", err)
		}
	}
	return out, nil
}
