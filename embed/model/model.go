// Package model reads and writes model folders in the Hugging Face and
// sentence-transformers layouts. Open gives a Model whose tensors have one
// naming, whatever the folder called them.
package model

import "semdex/embed/tokenize"

// Architecture names the kind of encoder in a folder.
type Architecture string

// The architectures semdex runs.
const (
	BERT       Architecture = "bert"
	DistilBERT Architecture = "distilbert"
	Static     Architecture = "static" // averaged subword vectors (StaticEmbedding)
)

// Model is a folder in memory. Exactly one of Transformer and Static is set.
// Tensors may alias a memory-mapped file and are read-only; Close unmaps it.
type Model struct {
	Name         string // the folder's name, or the repository's on the hub
	Architecture Architecture
	Config       Config
	Tokenizer    *tokenize.Tokenizer

	Transformer *Transformer
	Static      *StaticTable
	// Heads are the tensors beyond the encoder (MLM, classifier, span head),
	// under the names of the folder.
	Heads map[string]*Tensor

	Pooling PoolingMode
	// PoolingAssumed says that the folder names no pooling (a plain Hugging
	// Face folder) and mean is a guess, which info should tell.
	PoolingAssumed bool
	Dense          []Dense // in order, after pooling
	Normalize      bool    // a Normalize module ends the pipeline
	// MaxTokens is the longest input in tokens, specials included; 0 is no
	// limit (static tables).
	MaxTokens     int
	Prompts       map[string]string
	DefaultPrompt string
	Similarity    string // "cosine" unless the folder says otherwise
	TruncateDim   int    // 0: all
	// Card is the folder's README.md, kept on Save.
	Card string

	closer func() error
	print  fingerprint // computed once, at the first call
}

// PoolingMode reduces token vectors to a sentence vector; several modes joined
// by "+" concatenate.
type PoolingMode string

// The pooling modes of sentence-transformers.
const (
	PoolMean         PoolingMode = "mean"
	PoolCLS          PoolingMode = "cls"
	PoolMax          PoolingMode = "max"
	PoolMeanSqrtLen  PoolingMode = "mean_sqrt_len"
	PoolWeightedMean PoolingMode = "weightedmean"
	PoolLastToken    PoolingMode = "lasttoken"
)

// Config is the part of config.json that the encoder needs, under BERT's names
// whatever the architecture's own are.
type Config struct {
	VocabSize     int
	Hidden        int
	Layers        int
	Heads         int
	Intermediate  int
	MaxPositions  int
	TypeVocabSize int     // 0 for DistilBERT
	LayerNormEps  float64 // 1e-12
	Activation    string  // "gelu" (erf), "gelu_new" (tanh), "relu"
	PadID         int32
	InitRange     float64
	// Dropout rates, for training.
	Dropout          float64
	AttentionDropout float64
	Labels           []string // id2label, in order of id
}

// Linear is y = x W^T + b with W in rows of the output: [out, in].
type Linear struct {
	Weight *Tensor // [out, in]
	Bias   *Tensor // [out]; nil if the module has none
}

// Norm holds LayerNorm's scale and shift, both [hidden].
type Norm struct {
	Weight *Tensor
	Bias   *Tensor
}

// Transformer holds the weights of a BERT or DistilBERT encoder.
type Transformer struct {
	Word     *Tensor // [vocab, hidden]
	Position *Tensor // [positions, hidden]
	Type     *Tensor // [types, hidden]; nil for DistilBERT
	Norm     Norm
	Layers   []Layer
	Pooler   *Linear // BERT's tanh pooler, if the folder has one
}

// Layer is one post-LayerNorm transformer block.
type Layer struct {
	Query, Key, Value, Output Linear // [hidden, hidden]
	AttentionNorm             Norm
	Up                        Linear // [intermediate, hidden]
	Down                      Linear // [hidden, intermediate]
	OutputNorm                Norm
}

// StaticTable is one vector per vocabulary entry. Int8 tables carry a scale
// per row; others have none.
type StaticTable struct {
	Rows  *Tensor // [vocab, dims]
	Scale *Tensor // [vocab], float32; nil unless Rows is int8
}

// Dense is a sentence-transformers Dense module: y = activation(x W^T + b).
type Dense struct {
	Linear
	Activation string // "identity" or "tanh"
}
