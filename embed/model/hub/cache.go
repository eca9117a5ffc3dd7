package hub

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// repo is one repository in the cache:
//
//	models--ORG--NAME/refs/REVISION         the commit, as text
//	models--ORG--NAME/blobs/ETAG            the content of a file
//	models--ORG--NAME/snapshots/COMMIT/...  links to the blobs
type repo struct {
	Config
	id string
}

func (r repo) dir() string {
	return filepath.Join(r.Cache, "models--"+strings.ReplaceAll(r.id, "/", "--"))
}

func (r repo) blob(etag string) string { return filepath.Join(r.dir(), "blobs", etag) }

func (r repo) snapshot(commit string) string { return filepath.Join(r.dir(), "snapshots", commit) }

// ref is the file of a revision, which may be a path such as refs/pr/1.
func (r repo) ref(revision string) (string, error) {
	name := filepath.FromSlash(revision)
	if !filepath.IsLocal(name) || strings.ContainsAny(revision, "\\:\n") {
		return "", fmt.Errorf("%w: revision %q", ErrBadName, revision)
	}
	return filepath.Join(r.dir(), "refs", name), nil
}

// commit is what a revision stands for in the cache.
func (r repo) commit(revision string) (string, error) {
	if commitID.MatchString(revision) {
		return revision, nil
	}
	name, err := r.ref(revision)
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	commit := strings.TrimSpace(string(data))
	if !commitID.MatchString(commit) {
		return "", fmt.Errorf("%s holds no commit", name)
	}
	return commit, nil
}

// setRef points revision to commit, atomically. It comes last in a download,
// so a name never stands for half a model.
func (r repo) setRef(revision, commit string) error {
	if commitID.MatchString(revision) {
		return nil
	}
	name, err := r.ref(revision)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(name), ".tmp-")
	if err != nil {
		return err
	}
	_, err = temp.WriteString(commit)
	err = errors.Join(err, temp.Chmod(0o644), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// link puts the blob etag into the snapshot as file: a relative symbolic link,
// or a copy where there are none (Windows without the privilege).
func (r repo) link(commit, file, etag string, symlink func(old, new string) error) error {
	to := filepath.Join(r.snapshot(commit), filepath.FromSlash(file))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	target := strings.Repeat("../", strings.Count(file, "/")+2) + path.Join("blobs", etag)
	if old, err := os.Readlink(to); err == nil && filepath.ToSlash(old) == target {
		return nil
	}
	temp := to + ".tmp-link"
	if err := os.RemoveAll(temp); err != nil {
		return err
	}
	if err := symlink(filepath.FromSlash(target), temp); err != nil {
		if err := copyFile(r.blob(etag), temp); err != nil {
			return errors.Join(err, os.Remove(temp))
		}
	}
	return os.Rename(temp, to)
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
