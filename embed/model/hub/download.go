package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// download fetches a file into blob by way of blob.incomplete, which survives
// an interruption: the next attempt, or the next pull, asks for the rest.
func (c *client) download(ctx context.Context, id, commit, file string, head header, blob string, report func(done, total int64)) error {
	part := blob + ".incomplete"
	resumed := false
	err := c.retry(ctx, func() error {
		at, err := c.fetch(ctx, c.address(id, commit, file), part, head, report)
		resumed = resumed || at > 0
		return err
	})
	if err != nil {
		return err
	}
	err = verify(part, head)
	if errors.Is(err, ErrChecksum) && resumed {
		// What an earlier run left may be the broken part: once more, whole.
		if err := os.Remove(part); err != nil {
			return err
		}
		err = c.retry(ctx, func() error {
			_, err := c.fetch(ctx, c.address(id, commit, file), part, head, report)
			return err
		})
		if err != nil {
			return err
		}
		err = verify(part, head)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return os.Rename(part, blob)
}

// fetch asks for the bytes that part lacks and appends them. It returns the
// offset it continued from.
func (c *client) fetch(ctx context.Context, address, part string, head header, report func(done, total int64)) (at int64, err error) {
	f, err := os.OpenFile(part, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if at, err = f.Seek(0, io.SeekEnd); err != nil {
		return 0, err
	}
	if head.size >= 0 && at >= head.size && at > 0 {
		if at == head.size {
			return at, nil // only the verification is missing
		}
		if at, err = 0, restart(f); err != nil {
			return 0, err
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	resp, err := c.do(ctx, http.MethodGet, address, at)
	if err != nil {
		return at, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return at, temporary{errors.Join(fmt.Errorf("%w: %s", ErrServer, resp.Status), restart(f))}
	case resp.StatusCode >= 400:
		return at, check(resp)
	case at > 0 && !continues(resp, at):
		if at, err = 0, restart(f); err != nil {
			return 0, err
		}
	}
	return at, c.receive(ctx, cancel, f, resp.Body, at, head.size, report)
}

// continues says that the response holds the bytes from offset at on. A server
// without ranges sends the whole file again.
func continues(resp *http.Response, at int64) bool {
	return resp.StatusCode == http.StatusPartialContent &&
		strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", at))
}

// restart empties the file.
func restart(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return errors.Join(err, f.Truncate(0))
}

var errIdle = errors.New("no data for too long")

// receive copies body to f. A broken or silent connection is worth another
// attempt; a failing disk is not.
func (c *client) receive(ctx context.Context, cancel context.CancelCauseFunc, f *os.File, body io.Reader, done, total int64, report func(done, total int64)) error {
	idle := time.AfterFunc(c.Idle, func() { cancel(errIdle) })
	defer idle.Stop()
	buf := make([]byte, 256<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			idle.Reset(c.Idle)
			if _, err := f.Write(buf[:n]); err != nil {
				return err
			}
			done += int64(n)
			report(done, total)
		}
		switch {
		case err == io.EOF && total >= 0 && done < total:
			return temporary{fmt.Errorf("%w: the connection ended after %d of %d bytes", ErrServer, done, total)}
		case err == io.EOF:
			return f.Sync()
		case err != nil && ctx.Err() != nil && context.Cause(ctx) != errIdle:
			return ctx.Err()
		case err != nil:
			return temporary{fmt.Errorf("%w: the connection broke after %d bytes: %w", ErrServer, done, err)}
		}
	}
}

// verify checks a finished file against the hub's ETag: the SHA-256 of a large
// file, or git's SHA-1 of a small one. Other tags prove nothing.
func verify(name string, head header) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if head.size >= 0 && info.Size() != head.size {
		return fmt.Errorf("%w: %d bytes, the hub says %d", ErrChecksum, info.Size(), head.size)
	}
	var h hash.Hash
	switch len(head.etag) {
	case 64:
		h = sha256.New()
	case 40:
		h = sha1.New()
		fmt.Fprintf(h, "blob %d\x00", info.Size())
	default:
		return nil
	}
	if _, err := hex.DecodeString(head.etag); err != nil {
		return nil
	}
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != strings.ToLower(head.etag) {
		return fmt.Errorf("%w: the content has %s, the hub says %s; pull again, and if it stays so the file on the server is damaged", ErrChecksum, got, head.etag)
	}
	return nil
}
