package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"semdex/index"
	"semdex/internal/cli"
)

// remote is the store behind a semdex server.
type remote struct {
	base   string
	apiKey string
	client *http.Client
}

func newRemote(server, apiKey string) (*remote, error) {
	if !strings.Contains(server, "://") {
		server = "http://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, cli.WithHint(cli.Usagef("%q is not the address of a server", server), "it looks like http://127.0.0.1:8080")
	}
	return &remote{base: strings.TrimRight(server, "/"), apiKey: apiKey, client: &http.Client{}}, nil
}

// Close releases idle connections.
func (r *remote) Close() error {
	r.client.CloseIdleConnections()
	return nil
}

func collectionPath(collection string, more ...string) string {
	path := "/collections/" + url.PathEscape(collection)
	for _, m := range more {
		path += "/" + url.PathEscape(m)
	}
	return path
}

// call sends a request and decodes the answer into out.
func (r *remote) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	return r.send(ctx, method, path, "application/json", body, out)
}

func (r *remote) send(ctx context.Context, method, path, contentType string, body io.Reader, out any) error {
	return r.exchange(ctx, method, path, contentType, body, func(answer io.Reader) error {
		return json.NewDecoder(answer).Decode(out)
	})
}

// download copies the answer of a GET to w.
func (r *remote) download(ctx context.Context, path string, w io.Writer) error {
	return r.exchange(ctx, http.MethodGet, path, "", nil, func(answer io.Reader) error {
		_, err := io.Copy(w, answer)
		return err
	})
}

// exchange sends a request and gives the body of a good answer to read.
func (r *remote) exchange(ctx context.Context, method, path, contentType string, body io.Reader, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, method, r.base+path, body)
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	if r.apiKey != "" {
		req.Header.Set("Authorization", "Bearer "+r.apiKey)
	}
	res, err := r.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			return cli.WithHint(fmt.Errorf("no server answers at %s", r.base), "semdex serve starts one")
		}
		return fmt.Errorf("ask %s: %w", r.base, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode >= 300 {
		return refusal(res)
	}
	if err := read(res.Body); err != nil {
		return fmt.Errorf("answer of %s: %w", r.base, err)
	}
	return nil
}

// refusals are the errors of a server that the command line has hints for.
var refusals = map[string]error{
	"collection_not_found": index.ErrCollectionNotFound,
	"alias_not_found":      index.ErrAliasNotFound,
	"collection_aliased":   index.ErrAliased,
	"document_not_found":   index.ErrDocumentNotFound,
	"unknown_field":        index.ErrUnknownField,
	"field_type":           index.ErrFieldType,
	"invalid_filter":       index.ErrInvalidFilter,
	"invalid_name":         index.ErrInvalidName,
	"invalid_synonyms":     index.ErrInvalidSynonyms,
	"invalid_setting":      index.ErrInvalidSetting,
}

// refusal is a server's error, with its hint.
func refusal(res *http.Response) error {
	var answer struct {
		Error struct {
			Type    string `json:"type"`
			Message string `json:"message"`
			Hint    string `json:"hint"`
		} `json:"error"`
		Stored *struct {
			Documents int `json:"documents"`
		} `json:"stored"`
	}
	raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil || json.Unmarshal(raw, &answer) != nil || answer.Error.Message == "" {
		return fmt.Errorf("the server answered %s", res.Status)
	}
	err = fmt.Errorf("server: %s", answer.Error.Message)
	if answer.Stored != nil {
		err = fmt.Errorf("%w (stored before: %s)", err, count(answer.Stored.Documents, "document"))
	}
	if known := refusals[answer.Error.Type]; known != nil {
		return &marked{err, known} // with the command line's hint, not that for HTTP
	}
	if res.StatusCode == http.StatusUnauthorized {
		return cli.WithHint(err, "give the server's key with --api-key or SEMDEX_API_KEY")
	}
	if answer.Error.Hint != "" {
		return cli.WithHint(err, "%s", answer.Error.Hint)
	}
	return err
}

// PutStream sends the documents as NDJSON while they are read. The server
// tells what is stored at the end only, so progress is called once.
func (r *remote) PutStream(ctx context.Context, collection string, documents iter.Seq2[index.Document, error], progress func(index.Progress)) (index.PutResult, error) {
	var result index.PutResult
	headings, err := r.usesHeadings(ctx, collection)
	if err != nil {
		return result, err
	}
	body, w := io.Pipe()
	sent, wrote := 0, make(chan error, 1)
	go func() {
		var err error
		sent, err = writeNDJSON(w, documents, headings)
		// A fault of the source ends the body in good order: what came before
		// it is stored.
		_ = w.CloseWithError(ctx.Err())
		wrote <- err
	}()
	err = r.send(ctx, http.MethodPut, collectionPath(collection, "documents"), "application/x-ndjson", body, &result)
	_ = body.CloseWithError(errAnswered)
	if sourceErr := <-wrote; sourceErr != nil && !errors.Is(sourceErr, errAnswered) && err == nil {
		err = sourceErr
	}
	if err == nil && progress != nil {
		progress(index.Progress{PutResult: result, Read: sent})
	}
	return result, err
}

var errAnswered = errors.New("the server has answered")

func writeNDJSON(w io.Writer, documents iter.Seq2[index.Document, error], headings bool) (n int, err error) {
	buffered := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(buffered)
	enc.SetEscapeHTML(false)
	for d, err := range documents {
		if !headings {
			d.Headings = nil
		}
		if err == nil {
			err = enc.Encode(d)
		}
		if err != nil {
			return n, errors.Join(err, buffered.Flush())
		}
		n++
	}
	return n, buffered.Flush()
}

// Search asks POST /search.
func (r *remote) Search(ctx context.Context, collection string, q index.Query) (index.Result, error) {
	request := map[string]any{
		"query": q.Text, "collection": collection, "offset": q.Offset,
		"highlight": q.Highlight, "explain": q.Explain,
	}
	if q.Correct {
		request["correct"] = true
	}
	if q.Dedup {
		request["dedup"] = true
	}
	if q.Like != "" {
		delete(request, "query")
		request["like"] = q.Like
	}
	if !q.Operators { // servers of before do not know it
		request["operators"] = false
	}
	if q.NoSynonyms { // nor this
		request["synonyms"] = false
	}
	if len(q.Facets) > 0 {
		request["facets"], request["facet_limit"] = q.Facets, q.FacetLimit
	}
	if q.MinDense != nil {
		request["min_dense"] = *q.MinDense
	}
	if q.MinKeyword != nil {
		request["min_keyword"] = *q.MinKeyword
	}
	if q.TopK > 0 {
		request["top_k"] = q.TopK
	}
	if q.Mode != "" {
		request["mode"] = q.Mode
	}
	if q.GroupBy != "" {
		request["group_by"] = q.GroupBy
	}
	if q.Fusion.Method != "" || q.Fusion.Alpha != nil {
		request["fusion"] = q.Fusion
	}
	if q.Filter != nil {
		request["filter"] = q.Filter.String()
	}
	if q.Rerank { // servers of before do not know it
		request["rerank"] = true
	}
	if q.MinScore != nil {
		request["min_score"] = *q.MinScore
	}
	var answer struct {
		Hits   []index.Hit   `json:"hits"`
		Total  int           `json:"total"`
		Facets *index.Facets `json:"facets"`
		Stats  struct {
			Mode       index.Mode          `json:"mode"`
			Degraded   string              `json:"degraded"`
			Fusion     index.FusionMethod  `json:"fusion"`
			Alpha      float64             `json:"alpha"`
			Evidence   *index.Evidence     `json:"evidence"`
			Dense      *remoteLeg          `json:"dense"`
			Keyword    *remoteLeg          `json:"keyword"`
			More       bool                `json:"more"`
			Words      []string            `json:"words"`
			Corrected  map[string]string   `json:"corrected"`
			Synonyms   map[string][]string `json:"synonyms"`
			Duplicates int                 `json:"duplicates"`
			Rerank     *index.RerankStats  `json:"rerank"`
			Encode     float64             `json:"encode_ms"`
			Search     float64             `json:"search_ms"`
			Took       float64             `json:"took_ms"`
		} `json:"stats"`
	}
	if err := r.call(ctx, http.MethodPost, "/search", request, &answer); err != nil {
		return index.Result{}, err
	}
	s := answer.Stats
	return index.Result{Hits: answer.Hits, Total: answer.Total, Facets: answer.Facets, Stats: index.Stats{
		Mode: s.Mode, Degraded: s.Degraded, Fusion: s.Fusion, Alpha: s.Alpha, Evidence: s.Evidence,
		Dense: s.Dense.stats(), Keyword: s.Keyword.stats(), More: s.More, Words: s.Words, Corrected: s.Corrected, Synonyms: s.Synonyms, Duplicates: s.Duplicates, Rerank: s.Rerank,
		Encode: milliseconds(s.Encode), Search: milliseconds(s.Search), Total: milliseconds(s.Took),
	}}, nil
}

type remoteLeg struct {
	Plan       string  `json:"plan"`
	Examined   int     `json:"examined"`
	Candidates int     `json:"candidates"`
	Verified   int     `json:"verified"`
	Bounded    bool    `json:"bounded"`
	Took       float64 `json:"took_ms"`
}

func (l *remoteLeg) stats() *index.LegStats {
	if l == nil {
		return nil
	}
	return &index.LegStats{Plan: l.Plan, Examined: l.Examined, Candidates: l.Candidates, Verified: l.Verified, Bounded: l.Bounded, Took: milliseconds(l.Took)}
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// Get asks for a document.
func (r *remote) Get(ctx context.Context, collection, id string) (index.Document, error) {
	var d index.Document
	err := r.call(ctx, http.MethodGet, collectionPath(collection, "documents", id), nil, &d)
	return d, err
}

// Delete removes documents by id.
func (r *remote) Delete(ctx context.Context, collection string, ids ...string) (int, error) {
	return r.remove(ctx, http.MethodPost, collectionPath(collection, "delete"), map[string]any{"ids": ids})
}

// DeleteWhere removes the documents that a filter accepts.
func (r *remote) DeleteWhere(ctx context.Context, collection string, f index.Filter) (int, error) {
	return r.remove(ctx, http.MethodPost, collectionPath(collection, "delete"), map[string]any{"filter": f.String()})
}

func (r *remote) remove(ctx context.Context, method, path string, in any) (int, error) {
	var answer struct {
		Deleted int `json:"deleted"`
	}
	err := r.call(ctx, method, path, in, &answer)
	return answer.Deleted, err
}

// Info describes a collection.
func (r *remote) Info(ctx context.Context, collection string) (index.Info, error) {
	var info index.Info
	err := r.call(ctx, http.MethodGet, collectionPath(collection), nil, &info)
	return info, err
}

// List describes all collections.
func (r *remote) List(ctx context.Context) ([]index.Info, error) {
	var answer struct {
		Collections []index.Info `json:"collections"`
	}
	err := r.call(ctx, http.MethodGet, "/collections", nil, &answer)
	return answer.Collections, err
}

// Drop deletes a collection.
func (r *remote) Drop(ctx context.Context, collection string) error {
	var answer struct{}
	return r.call(ctx, http.MethodDelete, collectionPath(collection), nil, &answer)
}
