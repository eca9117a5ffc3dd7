package main

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"semdex/index"
)

const searchExample = `  semdex search "조선의 궁궐은 어디에 있나"
  semdex search --filter 'lang = "ko" and year >= 2000' --top 3 "반도체 수출"
  semdex search -- '"old city" walls -palace'
  semdex search --like notes/2024.md --top 3
  semdex search --mode keyword --facet lang palace
  semdex search --mode keyword --json "palace" | jq '.hits[].id'
  semdex search --rerank --reranker my-reranker "the oldest palace"
  semdex search --server http://127.0.0.1:8080 "how do vaccines work"`

const searchLong = `

In the query, "two words" must stand in a passage or its title one behind the
other, and -word or -"two words" must not; --plain turns that off. A query that
begins with a hyphen comes behind --, so that it is not taken for a flag.`

// searchFlags are the flags of the verb search.
type searchFlags struct {
	target
	modelFlags
	fusionFlags
	rerankFlags
	top, offset int
	mode        string
	filter      string
	minScore    float64
	minDense    float64
	minKeyword  float64
	plain       bool
	dedup       bool
	correct     bool
	noSynonyms  bool
	like        string
	facets      []string
	facetLimit  int
	group       string
	explain     bool
	asJSON      bool
}

func (a *app) searchCommand() *cobra.Command {
	var f searchFlags
	c := &cobra.Command{
		Use:     "search [flags] QUERY",
		Short:   "Find the passages that answer a query",
		Long:    "Rank the passages of a collection by meaning and by words and show the best ones." + searchLong,
		Example: searchExample,
		RunE: func(cmd *cobra.Command, words []string) error {
			q, err := f.query(cmd, strings.Join(words, " "))
			if err != nil {
				return err
			}
			return a.search(cmd.Context(), q, &f)
		},
	}
	f.target.flags(c)
	f.collectionFlag(c)
	f.modelFlags.flags(c)
	f.fusionFlags.flags(c)
	f.rerankFlags.flags(c)
	flags := c.Flags()
	flags.IntVarP(&f.top, "top", "n", 10, "how `many` hits")
	flags.IntVar(&f.offset, "offset", 0, "how `many` hits to leave out before them")
	flags.StringVarP(&f.mode, "mode", "m", "hybrid", "hybrid, dense (by meaning) or keyword (by words)")
	flags.StringVar(&f.filter, "filter", "", "`condition` on metadata, such as 'lang = \"ko\"'")
	flags.Float64Var(&f.minScore, "min-score", 0, "leave out hits below this `score`")
	flags.Float64Var(&f.minDense, "min-dense", 0, "leave out of the dense leg what has a smaller `cosine`")
	flags.Float64Var(&f.minKeyword, "min-keyword", 0, "leave out of the keyword leg what has a smaller BM25 `score`")
	flags.StringArrayVar(&f.facets, "facet", nil, "count the values of this keyword `field`; may be repeated")
	flags.IntVar(&f.facetLimit, "facet-limit", index.DefaultFacetLimit, "how `many` values of each")
	flags.StringVar(&f.like, "like", "", "find documents like the one with this `id`, instead of a query")
	flags.BoolVar(&f.plain, "plain", false, "take quotes and leading hyphens of the query as plain text")
	flags.StringVar(&f.group, "group-by", "document", "document (its best passage) or passage")
	flags.BoolVar(&f.correct, "correct", false, "correct Latin words by one letter that the collection does not have")
	flags.BoolVar(&f.noSynonyms, "no-synonyms", false, "leave the collection's synonyms aside")
	flags.BoolVar(&f.dedup, "dedup", false, "leave out passages whose text a better hit has already")
	flags.BoolVar(&f.explain, "explain", false, "say how each score came about")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return verb(c, func(given []string) error {
		if f.like != "" {
			return nil
		}
		return atLeast(1, "a query")(given)
	})
}

// query puts the flags together; what does not make sense is a usage error.
func (f *searchFlags) query(cmd *cobra.Command, text string) (index.Query, error) {
	q := index.Query{
		Text: text, Like: f.like, Operators: !f.plain, TopK: f.top, Offset: f.offset, Mode: index.Mode(f.mode), GroupBy: index.Grouping(f.group),
		Highlight: true, Explain: f.explain, Dedup: f.dedup, Correct: f.correct, NoSynonyms: f.noSynonyms, Rerank: f.rerank,
	}
	var err error
	if q.Fusion, err = f.fusion(cmd); err != nil {
		return q, err
	}
	switch {
	case f.like != "" && text != "":
		return q, usage(cmd, "there is a query and --like; give one of them")
	case f.like == "" && strings.TrimSpace(text) == "":
		return q, usage(cmd, "the query is empty")
	case f.top < 1:
		return q, usage(cmd, "--top is %d, it must be at least 1", f.top)
	case f.offset < 0:
		return q, usage(cmd, "--offset is %d, it must not be negative", f.offset)
	case f.top > index.MaxDepth-min(f.offset, index.MaxDepth):
		return q, usage(cmd, "--offset %d and --top %d reach deeper than %d hits", f.offset, f.top, index.MaxDepth)
	}
	if err := oneOf(cmd, "mode", f.mode, index.Hybrid, index.DenseOnly, index.KeywordOnly); err != nil {
		return q, err
	}
	if err := oneOf(cmd, "group-by", f.group, index.ByDocument, index.ByPassage); err != nil {
		return q, err
	}
	if cmd.Flags().Changed("min-score") {
		q.MinScore = &f.minScore
	}
	if len(f.facets) > 0 {
		if q.Facets, q.FacetLimit = f.facets, f.facetLimit; f.facetLimit < 1 || f.facetLimit > index.MaxFacetLimit {
			return q, usage(cmd, "--facet-limit is %d, it must be between 1 and %d", f.facetLimit, index.MaxFacetLimit)
		}
	}
	if cmd.Flags().Changed("min-dense") {
		q.MinDense = &f.minDense
	}
	if cmd.Flags().Changed("min-keyword") {
		q.MinKeyword = &f.minKeyword
	}
	if f.filter != "" {
		if q.Filter, err = index.ParseFilter(f.filter); err != nil {
			return q, usage(cmd, "%v", err)
		}
	}
	return q, nil
}

// autoAlpha leaves the weight of meaning to the query.
const autoAlpha = "auto"

// fusionFlags say how the two legs become one ranking.
type fusionFlags struct {
	method string
	alpha  string
}

func (f *fusionFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.method, "fusion", "minmax", "`method` of fusion: minmax or rrf")
	c.Flags().StringVar(&f.alpha, "alpha", autoAlpha, "`weight` of meaning against words, 0 to 1; auto goes by how well the words match")
}

func (f *fusionFlags) fusion(cmd *cobra.Command) (index.Fusion, error) {
	if err := oneOf(cmd, "fusion", f.method, index.MinMax, index.RRF); err != nil {
		return index.Fusion{}, err
	}
	fusion := index.Fusion{Method: index.FusionMethod(f.method)}
	if f.alpha == autoAlpha {
		return fusion, nil
	}
	alpha, err := strconv.ParseFloat(f.alpha, 64)
	if err != nil || !(alpha >= 0 && alpha <= 1) {
		return index.Fusion{}, usage(cmd, "--alpha is %s, it must be auto or between 0 and 1", f.alpha)
	}
	fusion.Alpha = &alpha
	return fusion, nil
}

func oneOf[T ~string](cmd *cobra.Command, flag, value string, allowed ...T) error {
	var names []string
	for _, v := range allowed {
		if string(v) == value {
			return nil
		}
		names = append(names, string(v))
	}
	return usage(cmd, "--%s is %q, it must be one of: %s", flag, value, strings.Join(names, ", "))
}

func (a *app) search(ctx context.Context, q index.Query, f *searchFlags) error {
	options, closeReranker, err := f.rerankFlags.open(ctx, a, &f.target, f.load())
	if err != nil {
		return err
	}
	defer closeReranker()
	var st store
	if (q.Mode == index.KeywordOnly || q.Like != "") && f.server == "" { // words and stored vectors need no model
		st, err = a.openLocal(f.data, nil, options, mustExist)
	} else {
		st, err = a.openModelled(ctx, &f.target, &f.modelFlags, options, mustExist)
	}
	if err != nil {
		return err
	}
	defer a.close(st)
	res, err := st.Search(ctx, f.collection, q)
	if err != nil {
		return err
	}
	if res.Stats.Degraded != "" {
		a.warn("ranked by words alone: %s", res.Stats.Degraded)
	}
	for _, word := range slices.Sorted(maps.Keys(res.Stats.Corrected)) {
		a.note("searched for %s, not %s", res.Stats.Corrected[word], word)
	}
	if f.asJSON {
		if res.Hits == nil {
			res.Hits = []index.Hit{}
		}
		return a.printJSON(res)
	}
	if err := a.printHits(res, q.Offset); err != nil {
		return err
	}
	if err := a.printFacets(res.Facets, q.Facets); err != nil {
		return err
	}
	if len(res.Hits) == 0 {
		a.note("nothing found")
		return nil
	}
	a.note("\n%s", a.err.Paint("2", describe(res)))
	return nil
}
