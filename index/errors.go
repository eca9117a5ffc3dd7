package index

import "errors"

// Errors of requests: the caller can mend them.
var (
	ErrCollectionNotFound = errors.New("collection not found")
	ErrCollectionExists   = errors.New("collection exists already")
	ErrAliasNotFound      = errors.New("alias not found")
	ErrAliased            = errors.New("collection has aliases")
	ErrDocumentNotFound   = errors.New("document not found")
	ErrInvalidName        = errors.New("invalid collection name")
	ErrInvalidDocument    = errors.New("invalid document")
	ErrInvalidQuery       = errors.New("invalid query")
	ErrInvalidFilter      = errors.New("invalid filter")
	ErrInvalidSetting     = errors.New("invalid setting")
	ErrInvalidSynonyms    = errors.New("invalid synonyms")
	ErrUnknownField       = errors.New("unknown field")
	ErrFieldType          = errors.New("wrong type for field")
	ErrInvalidVector      = errors.New("invalid vector")
	ErrModelMismatch      = errors.New("collection was built with another model")
)

// Errors of the store: the operator can mend them.
var (
	ErrClosed      = errors.New("index is closed")
	ErrLocked      = errors.New("data folder is in use by another process")
	ErrNewerFormat = errors.New("data was written by a newer version")
	ErrCorrupt     = errors.New("data is damaged")
	ErrReadOnly    = errors.New("collection stopped accepting writes")
	ErrReplaced    = errors.New("collection was replaced meanwhile")
)

// ErrNoReranker: a query asks for reranking where there is no model for it.
var ErrNoReranker = errors.New("no reranker is loaded")

// ErrReranker marks a failure of the reranker.
var ErrReranker = errors.New("reranker failed")

// ErrEncoder marks a failure of the encoder; hybrid search goes on without it.
var ErrEncoder = errors.New("encoder failed")
