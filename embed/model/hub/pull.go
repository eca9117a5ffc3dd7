package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Options of Pull. The zero value of everything but Config is sane.
type Options struct {
	Config
	Revision string // branch, tag or commit; "main" if empty
	// Progress, if set, is called from Pull's own goroutine as bytes arrive.
	Progress func(Progress)
	// Client makes the requests; nil is one without an overall time limit.
	Client *http.Client
	// Attempts per request before giving up on a failing server; 5 if zero.
	Attempts int
	// Sleep waits between attempts; nil waits for real.
	Sleep func(context.Context, time.Duration) error
	// Idle is the longest wait for the next bytes of a download; one minute if
	// zero.
	Idle time.Duration

	symlink func(old, new string) error // os.Symlink; replaced in tests
}

// Progress of a pull.
type Progress struct {
	File        string
	Index, Of   int   // the file's place, from 1
	Done, Total int64 // bytes of the file
}

// Pull downloads the model id into the cache and returns its folder. Files that
// are already there are not fetched again; interrupted ones continue. It fails
// with ErrOffline, without touching the network, if Offline is set.
func Pull(ctx context.Context, id string, o Options) (string, error) {
	dir, err := pull(ctx, id, o)
	if err != nil {
		return "", fmt.Errorf("pull %s: %w", id, err)
	}
	return dir, nil
}

func pull(ctx context.Context, id string, o Options) (string, error) {
	if !ValidID(id) {
		return "", fmt.Errorf("%w: hub ids look like ORG/NAME", ErrBadName)
	}
	if o.Offline {
		return "", fmt.Errorf("%w: HF_HUB_OFFLINE is set; unset it to download", ErrOffline)
	}
	o.Revision = orMain(o.Revision)
	r := repo{o.Config, id}
	if _, err := r.ref(o.Revision); err != nil {
		return "", err
	}
	c := newClient(o)
	info, err := c.info(ctx, id, o.Revision)
	if err != nil {
		return "", err
	}
	files, err := choose(info.files())
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Join(r.dir(), "blobs"), 0o755); err != nil {
		return "", noSpace(err, r.Cache)
	}
	unlock, err := lock(filepath.Join(r.dir(), ".semdex.lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	for i, file := range files {
		report := func(done, total int64) {
			if o.Progress != nil {
				o.Progress(Progress{File: file, Index: i + 1, Of: len(files), Done: done, Total: total})
			}
		}
		if err := c.file(ctx, r, info.Commit, file, report); err != nil {
			return "", fmt.Errorf("%s: %w", file, noSpace(err, r.Cache))
		}
	}
	if err := r.setRef(o.Revision, info.Commit); err != nil {
		return "", noSpace(err, r.Cache)
	}
	return r.snapshot(info.Commit), nil
}

// noSpace adds the hint to an error of a full disk.
func noSpace(err error, cache string) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w in the cache %s; free some, or set HF_HOME to another disk and pull again: %w", ErrNoSpace, cache, err)
	}
	return err
}

// file fetches one file of the repository unless its blob is there, and links
// it into the snapshot.
func (c *client) file(ctx context.Context, r repo, commit, file string, report func(done, total int64)) error {
	head, err := c.head(ctx, r.id, commit, file)
	if err != nil {
		return err
	}
	blob := r.blob(head.etag)
	if info, err := os.Stat(blob); err != nil || head.size >= 0 && info.Size() != head.size {
		if err := c.download(ctx, r.id, commit, file, head, blob, report); err != nil {
			return err
		}
	}
	report(head.size, head.size)
	return r.link(commit, file, head.etag, c.symlink)
}
