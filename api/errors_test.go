package api

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"semdex/api/wire"
	"semdex/index"
)

// sentinels are all errors that an Index or an Embedder may return, and how
// each dialect answers them.
var sentinels = []struct {
	name   string
	err    error
	status int
	kind   string
	tei    int
	teiOf  wire.TEIErrorType
}{
	{"ErrCollectionNotFound", index.ErrCollectionNotFound, 404, "collection_not_found", 404, wire.TEIValidation},
	{"ErrAliasNotFound", index.ErrAliasNotFound, 404, "alias_not_found", 404, wire.TEIValidation},
	{"ErrCollectionExists", index.ErrCollectionExists, 409, "collection_exists", 409, wire.TEIValidation},
	{"ErrAliased", index.ErrAliased, 409, "collection_aliased", 409, wire.TEIValidation},
	{"ErrDocumentNotFound", index.ErrDocumentNotFound, 404, "document_not_found", 404, wire.TEIValidation},
	{"ErrInvalidName", index.ErrInvalidName, 400, "invalid_name", 422, wire.TEIValidation},
	{"ErrInvalidDocument", index.ErrInvalidDocument, 400, "invalid_document", 422, wire.TEIValidation},
	{"ErrInvalidQuery", index.ErrInvalidQuery, 400, "invalid_query", 422, wire.TEIValidation},
	{"ErrInvalidFilter", index.ErrInvalidFilter, 400, "invalid_filter", 422, wire.TEIValidation},
	{"ErrInvalidSetting", index.ErrInvalidSetting, 400, "invalid_setting", 422, wire.TEIValidation},
	{"ErrInvalidSynonyms", index.ErrInvalidSynonyms, 400, "invalid_synonyms", 422, wire.TEIValidation},
	{"ErrUnknownField", index.ErrUnknownField, 400, "unknown_field", 422, wire.TEIValidation},
	{"ErrFieldType", index.ErrFieldType, 400, "field_type", 422, wire.TEIValidation},
	{"ErrInvalidVector", index.ErrInvalidVector, 400, "invalid_vector", 422, wire.TEIValidation},
	{"ErrModelMismatch", index.ErrModelMismatch, 409, "model_mismatch", 409, wire.TEIValidation},
	{"ErrReplaced", index.ErrReplaced, 503, "unavailable", 503, wire.TEIUnhealthy},
	{"ErrClosed", index.ErrClosed, 503, "unavailable", 503, wire.TEIUnhealthy},
	{"ErrLocked", index.ErrLocked, 503, "locked", 503, wire.TEIUnhealthy},
	{"ErrNewerFormat", index.ErrNewerFormat, 500, "newer_format", 424, wire.TEIBackend},
	{"ErrCorrupt", index.ErrCorrupt, 500, "data_damaged", 424, wire.TEIBackend},
	{"ErrReadOnly", index.ErrReadOnly, 503, "read_only", 503, wire.TEIUnhealthy},
	{"ErrEncoder", index.ErrEncoder, 500, "encoder_failed", 424, wire.TEIBackend},
	{"ErrNoReranker", index.ErrNoReranker, 501, "no_reranker", 501, wire.TEIBackend},
	{"ErrReranker", fmt.Errorf("%w: secret detail", index.ErrReranker), 500, "reranker_failed", 424, wire.TEIBackend},
	{"errEncoder", errEncoder, 500, "encoder_failed", 424, wire.TEIBackend},
	{"ErrTextTooLong", ErrTextTooLong, 400, "text_too_long", 422, wire.TEIValidation},
	{"ErrUnknownPrompt", ErrUnknownPrompt, 400, "unknown_prompt", 422, wire.TEIValidation},
	{"ErrInvalidDims", ErrInvalidDims, 400, "invalid_dimensions", 422, wire.TEIValidation},
	{"ErrInvalidTokenID", ErrInvalidTokenID, 400, "invalid_token_id", 422, wire.TEITokenizer},
	{"errOverloaded", errOverloaded, 429, "overloaded", 429, wire.TEIOverloaded},
	{"ErrEncoderBusy", ErrEncoderBusy, 429, "overloaded", 429, wire.TEIOverloaded},
	{"ErrEncoderClosed", ErrEncoderClosed, 503, "unavailable", 503, wire.TEIUnhealthy},
	{"errShuttingDown", errShuttingDown, 503, "shutting_down", 503, wire.TEIUnhealthy},
	{"errBodyTimeout", errBodyTimeout, 408, "body_timeout", 408, wire.TEIValidation},
	{"ENOSPC", syscall.ENOSPC, 507, "disk_full", 507, wire.TEIBackend},
	{"DeadlineExceeded", context.DeadlineExceeded, 503, "timeout", 503, wire.TEIUnhealthy},
	{"Canceled", context.Canceled, 499, "client_gone", 499, wire.TEIValidation},
	{"MaxBytesError", &http.MaxBytesError{Limit: 7}, 413, "body_too_large", 413, wire.TEIValidation},
	{"anything else", errors.New("secret detail"), 500, "internal", 424, wire.TEIBackend},
}

func TestErrorMapping(t *testing.T) {
	for _, tt := range sentinels {
		t.Run(tt.name, func(t *testing.T) {
			e := asError(fmt.Errorf("while doing x: %w", tt.err))
			if e.Status != tt.status || e.Type != tt.kind {
				t.Errorf("%d %s, want %d %s", e.Status, e.Type, tt.status, tt.kind)
			}
			if e.Message == "" || strings.Contains(e.Message, "secret") {
				t.Errorf("message %q", e.Message)
			}
			if retry := e.Status == 429 || e.Status == 503; retry != (e.Retry > 0) {
				t.Errorf("status %d asks for a retry after %v", e.Status, e.Retry)
			}
			status, body := tei(e)
			if got := body.(wire.TEIError); status != tt.tei || got.ErrorType != tt.teiOf || got.Error == "" {
				t.Errorf("TEI: %d %+v, want %d %s", status, got, tt.tei, tt.teiOf)
			}
			status, body = openai(e)
			if got := body.(wire.OpenAIError); status != tt.status || *got.Error.Code != tt.kind || got.Error.Type == "" {
				t.Errorf("OpenAI: %d %+v", status, got.Error)
			}
		})
	}
}

// TestErrorMappingIsComplete finds sentinels of package index that nobody
// mapped.
func TestErrorMappingIsComplete(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../index/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, s := range sentinels {
		known[s.name] = true
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for _, name := range spec.Names {
				if !known[name.Name] {
					t.Errorf("index.%s has no answer", name.Name)
				}
			}
		}
		return true
	})
}

// TestErrorPrecedence covers errors that wrap two sentinels.
func TestErrorPrecedence(t *testing.T) {
	tests := []struct {
		err  error
		kind string
	}{
		{fmt.Errorf("%w: %w", index.ErrEncoder, context.DeadlineExceeded), "timeout"},
		{fmt.Errorf("%w: %w", index.ErrEncoder, context.Canceled), "client_gone"},
		{fmt.Errorf("%w: %w", index.ErrEncoder, ErrEncoderBusy), "overloaded"},
		{fmt.Errorf("%w: %w", index.ErrEncoder, ErrEncoderClosed), "unavailable"},
		{fmt.Errorf("%w: %w", index.ErrReadOnly, syscall.ENOSPC), "disk_full"},
		{fmt.Errorf("%w: %w", errEncoder, errors.New("nan")), "encoder_failed"},
		{fmt.Errorf("outer: %w", badRequest("wrong_type", "f", "m")), "wrong_type"},
	}
	for _, tt := range tests {
		if got := asError(tt.err).Type; got != tt.kind {
			t.Errorf("%v: %s, want %s", tt.err, got, tt.kind)
		}
	}
}
