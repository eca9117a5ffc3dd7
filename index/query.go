package index

import (
	"encoding/json"
	"time"
)

// Mode chooses the legs of a search.
type Mode string

// The search modes. Hybrid is the zero value's meaning.
const (
	Hybrid      Mode = "hybrid"
	DenseOnly   Mode = "dense"
	KeywordOnly Mode = "keyword"
)

// FusionMethod says how the two legs' scores become one.
type FusionMethod string

// The fusion methods: min-max normalised scores, weighted (the default), or
// weighted reciprocal ranks with k = 60 (Cormack et al., SIGIR 2009).
const (
	MinMax FusionMethod = "minmax"
	RRF    FusionMethod = "rrf"
)

// Fusion is a method and the weight of the dense leg, 0 to 1.
type Fusion struct {
	Method FusionMethod `json:"method"`
	// Alpha is the dense leg's weight; the keyword leg has 1 - Alpha. Nil
	// leaves it to how well the keyword leg answers the query (Evidence.Alpha).
	Alpha *float64 `json:"alpha,omitempty"`
}

// Grouping says whether hits are passages or whole documents.
type Grouping string

// The groupings. ByDocument, the default, keeps each document's best passage.
const (
	ByDocument Grouping = "document"
	ByPassage  Grouping = "passage"
)

// Query is a search request. The zero value of every field but Text has a
// sensible meaning.
type Query struct {
	Text string
	// Operators says that "phrases" and -exclusions in Text are to be obeyed
	// (ParseWording). They hold for every hit, whichever leg found it, and the
	// rest of the text is what is encoded, ranked by and highlighted.
	Operators bool
	wording   Wording // of Text, once it is prepared
	// Correct replaces Latin words of Text that the collection does not have
	// (Corrector), for both legs.
	Correct   bool
	corrected map[string]string
	// NoSynonyms leaves the collection's synonyms aside.
	NoSynonyms bool

	// Like is the id of a document: the search is for others like it. Text and
	// Vector are empty then.
	Like     string
	Vector   []float32 // if nil, Service encodes Text when the mode needs it
	TopK     int       // 10
	Offset   int
	Mode     Mode   // Hybrid
	Fusion   Fusion // MinMax
	Filter   Filter // nil accepts all
	MinScore *float64
	// MinDense and MinKeyword are the least cosine and BM25 score of a leg's
	// candidates; what scores less is not in the leg at all.
	MinDense, MinKeyword *float64
	GroupBy              Grouping // ByDocument
	// Facets are keyword fields whose values are counted, FacetLimit (10) of
	// each.
	Facets     []string
	FacetLimit int
	// Dedup leaves out passages whose text a better hit has already.
	Dedup     bool
	Highlight bool
	Explain   bool
	// Rerank puts the hits of the page in the order that the Service's Reranker
	// gives them; which hits there are does not change.
	Rerank bool
}

// Result is the answer to a Query.
type Result struct {
	Hits []Hit `json:"hits"`
	// Total counts the distinct hits among the candidates that the legs
	// returned, before paging; it is a lower bound when Stats.More is true.
	Total  int     `json:"total"`
	Facets *Facets `json:"facets,omitempty"`
	Stats  Stats   `json:"stats"`
}

// Hit is one ranked passage. Start, End and Highlights count runes of the
// document's text; Text is exactly that stretch.
type Hit struct {
	ID         string         `json:"id"`
	DocumentID string         `json:"document_id"`
	Score      float64        `json:"score"`
	Text       string         `json:"text"`
	Start      int            `json:"start"`
	End        int            `json:"end"`
	Title      string         `json:"title,omitempty"`
	Headings   []string       `json:"headings,omitempty"` // that the passage stands under, its own last
	Metadata   map[string]any `json:"metadata,omitempty"`
	Scores     Scores         `json:"scores"`
	// RerankScore decided the order if the query asked for that; Score is still
	// the search's own.
	RerankScore *float64 `json:"rerank_score,omitempty"`

	Highlights []Span `json:"highlights,omitempty"`
	Explain    string `json:"explain,omitempty"`
}

// Scores are both legs' views of one hit; nil where a leg did not return it.
type Scores struct {
	Dense   *LegScore `json:"dense,omitempty"`
	Keyword *LegScore `json:"keyword,omitempty"`
}

// LegScore is a raw score, its rank in the leg from 1, and its share of the
// fused score.
type LegScore struct {
	Score float64 `json:"score"`
	Rank  int     `json:"rank"`
	Share float64 `json:"share"`
}

// Stats says what a search did.
type Stats struct {
	Mode      Mode              `json:"mode"` // the mode that ran; "keyword" if the encoder failed
	Degraded  string            `json:"degraded,omitempty"`
	Fusion    FusionMethod      `json:"fusion,omitempty"`
	Alpha     float64           `json:"alpha,omitempty"`    // the one applied
	Evidence  *Evidence         `json:"evidence,omitempty"` // that Alpha comes from, if the query named none
	Dense     *LegStats         `json:"dense,omitempty"`
	Keyword   *LegStats         `json:"keyword,omitempty"`
	More      bool              `json:"more,omitempty"`
	Corrected map[string]string `json:"corrected,omitempty"` // words by Query.Correct
	// Synonyms are what else the keyword leg looked for, by words of the query.
	Synonyms   map[string][]string `json:"synonyms,omitempty"`
	Duplicates int                 `json:"duplicates,omitempty"` // left out by Query.Dedup
	Words      []string            `json:"words,omitempty"`      // that Query.Like led to
	Rerank     *RerankStats        `json:"rerank,omitempty"`
	Encode     time.Duration       `json:"-"`
	Search     time.Duration       `json:"-"`
	Total      time.Duration       `json:"-"`
}

// LegStats says what one leg did.
type LegStats struct {
	Plan       string `json:"plan"`
	Examined   int    `json:"examined"`
	Candidates int    `json:"candidates"`
	// Verified counts the passages that were read for phrases and exclusions;
	// Bounded says that the leg stopped at MaxVerified of them.
	Verified int           `json:"verified,omitempty"`
	Bounded  bool          `json:"bounded,omitempty"`
	Took     time.Duration `json:"-"`
}

// MarshalJSON writes the times in milliseconds, as the HTTP API does.
func (s Stats) MarshalJSON() ([]byte, error) {
	type plain Stats
	return json.Marshal(struct {
		plain
		Encode float64 `json:"encode_ms"`
		Search float64 `json:"search_ms"`
		Total  float64 `json:"took_ms"`
	}{plain(s), milliseconds(s.Encode), milliseconds(s.Search), milliseconds(s.Total)})
}

// MarshalJSON writes the time in milliseconds.
func (l LegStats) MarshalJSON() ([]byte, error) {
	type plain LegStats
	return json.Marshal(struct {
		plain
		Took float64 `json:"took_ms"`
	}{plain(l), milliseconds(l.Took)})
}

// milliseconds keeps microseconds.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
