package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// client talks to one hub.
type client struct {
	Options
	http *http.Client
}

func newClient(o Options) *client {
	if o.Endpoint == "" {
		o.Endpoint = DefaultEndpoint
	}
	if o.Attempts == 0 {
		o.Attempts = 5
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Idle == 0 {
		o.Idle = time.Minute
	}
	if o.symlink == nil {
		o.symlink = os.Symlink
	}
	base := http.Client{Transport: transport(o.Idle)}
	if o.Client != nil {
		base = *o.Client
	}
	base.CheckRedirect = redirect
	return &client{Options: o, http: &base}
}

// transport is the default one, but gives up on a server that never answers.
func transport(idle time.Duration) http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t = t.Clone()
	t.ResponseHeaderTimeout = idle
	return t
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// redirect follows redirects without taking the token to another host or port
// (net/http would take it to another port). It stops a HEAD request at the hub's
// own answer, which carries the checksum; the storage it points to knows nothing
// of it. Redirects within the hub (renamed repositories) are followed.
func redirect(next *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("too many redirects")
	}
	first := via[0]
	if next.URL.Host != first.URL.Host {
		next.Header.Del("Authorization")
	}
	if first.Method == http.MethodHead && (next.Response.Header.Get("X-Linked-Etag") != "" || next.URL.Host != first.URL.Host) {
		return http.ErrUseLastResponse
	}
	return nil
}

// repoInfo is the answer of /api/models/ID/revision/REVISION.
type repoInfo struct {
	Commit   string `json:"sha"`
	Siblings []struct {
		Name string `json:"rfilename"`
	} `json:"siblings"`
}

func (i *repoInfo) files() []string {
	names := make([]string, len(i.Siblings))
	for n, s := range i.Siblings {
		names[n] = s.Name
	}
	return names
}

func (c *client) info(ctx context.Context, id, revision string) (*repoInfo, error) {
	var info repoInfo
	address := c.Endpoint + "/api/models/" + id + "/revision/" + url.PathEscape(revision)
	err := c.retry(ctx, func() error {
		resp, err := c.do(ctx, http.MethodGet, address, 0)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if err := check(resp); err != nil {
			return err
		}
		if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<20)).Decode(&info); err != nil {
			return temporary{fmt.Errorf("%w: the list of files: %w", ErrServer, err)}
		}
		return nil
	})
	if err == nil && !commitID.MatchString(info.Commit) {
		err = fmt.Errorf("%w: %s answers without a commit; is HF_ENDPOINT right?", ErrServer, c.Endpoint)
	}
	return &info, err
}

// header is what the hub says of a file.
type header struct {
	etag string
	size int64 // -1 if unknown
}

// safeTag keeps an ETag, which names a file in the cache, from being a path.
var safeTag = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{7,127}$`)

func (c *client) head(ctx context.Context, id, commit, file string) (header, error) {
	var h header
	err := c.retry(ctx, func() error {
		resp, err := c.do(ctx, http.MethodHead, c.address(id, commit, file), 0)
		if err != nil {
			return err
		}
		resp.Body.Close()
		if err := check(resp); err != nil {
			return err
		}
		h, err = readHeader(resp, commit)
		return err
	})
	return h, err
}

func readHeader(resp *http.Response, commit string) (header, error) {
	if at := resp.Header.Get("X-Repo-Commit"); at != "" && at != commit {
		return header{}, fmt.Errorf("%w: asked for commit %s, answered for %s", ErrServer, commit, at)
	}
	h := header{etag: resp.Header.Get("X-Linked-Etag"), size: resp.ContentLength}
	if h.etag == "" {
		h.etag = resp.Header.Get("ETag")
	} else {
		h.size = -1 // of the redirect, not of the file
	}
	h.etag = strings.Trim(strings.TrimPrefix(h.etag, "W/"), `"`)
	if !safeTag.MatchString(h.etag) {
		return header{}, fmt.Errorf("%w: unusable ETag %q", ErrServer, h.etag)
	}
	if n, err := strconv.ParseInt(resp.Header.Get("X-Linked-Size"), 10, 64); err == nil && n >= 0 {
		h.size = n
	}
	return h, nil
}

// address is the URL of a file's content.
func (c *client) address(id, commit, file string) string {
	parts := strings.Split(file, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return c.Endpoint + "/" + id + "/resolve/" + commit + "/" + strings.Join(parts, "/")
}

// do sends one request, for the bytes from offset on.
func (c *client) do(ctx context.Context, method, address string, offset int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "semdex")
	req.Header.Set("Accept-Encoding", "identity") // lengths and ranges are those of the file
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, temporary{fmt.Errorf("%w: %w; check the network, or set HF_ENDPOINT to a mirror", ErrServer, err)}
	}
	return resp, nil
}

// check turns a status into an error with a hint.
func check(resp *http.Response) error {
	code := resp.Header.Get("X-Error-Code")
	switch s := resp.StatusCode; {
	case s < 400:
		return nil
	case s == http.StatusNotFound && code == "RevisionNotFound":
		return fmt.Errorf("%w: no such revision", ErrNotFound)
	case s == http.StatusNotFound || code == "RepoNotFound":
		// The hub answers 401 for a repository it does not want to admit.
		return fmt.Errorf("%w (status %d): check the name; a private model needs HF_TOKEN", ErrNotFound, s)
	case s == http.StatusUnauthorized:
		return fmt.Errorf("%w (status 401): set HF_TOKEN to a valid token", ErrUnauthorized)
	case s == http.StatusForbidden:
		return fmt.Errorf("%w (status 403): accept the model's terms on its page, with the account of HF_TOKEN", ErrUnauthorized)
	case s >= 500 || s == http.StatusTooManyRequests || s == http.StatusRequestTimeout:
		return retryAfter{temporary{fmt.Errorf("%w: %s", ErrServer, resp.Status)}, wait(resp)}
	default:
		return fmt.Errorf("%w: %s", ErrServer, resp.Status)
	}
}

// temporary marks an error worth another attempt.
type temporary struct{ error }

func (t temporary) Unwrap() error { return t.error }

// retryAfter is temporary with the server's own wish for the wait.
type retryAfter struct {
	temporary
	wait time.Duration
}

func (r retryAfter) Unwrap() error { return r.temporary }

// wait is the Retry-After of a response in seconds, at most two minutes.
func wait(resp *http.Response) time.Duration {
	n, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(min(n, 120)) * time.Second
}

// retry runs attempt until it succeeds, fails for good, or has failed often
// enough; the waits double from one second.
func (c *client) retry(ctx context.Context, attempt func() error) error {
	pause := time.Second
	for n := 1; ; n++ {
		err := attempt()
		var again temporary
		if err == nil || !errors.As(err, &again) || ctx.Err() != nil {
			return err
		}
		if n >= c.Attempts {
			return fmt.Errorf("after %d attempts: %w", n, err)
		}
		d := pause
		var asked retryAfter
		if errors.As(err, &asked) && asked.wait > 0 {
			d = asked.wait
		}
		if err := c.Sleep(ctx, d); err != nil {
			return err
		}
		pause = min(2*pause, 30*time.Second)
	}
}
