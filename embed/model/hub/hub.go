// Package hub finds models by name: a local folder first, then the standard
// cache of Hugging Face, and fetches them from a hub-compatible server when
// asked to. Resolve never touches the network; Pull does, unless offline is
// set.
package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// DefaultEndpoint is the public hub.
const DefaultEndpoint = "https://huggingface.co"

// Errors of this package. They arrive wrapped, with the model named and a hint.
var (
	ErrNotCached    = errors.New("model is not on this machine")
	ErrBadName      = errors.New("not a model name")
	ErrOffline      = errors.New("offline")
	ErrNotFound     = errors.New("not found on the hub")
	ErrUnauthorized = errors.New("access denied by the hub")
	ErrNoWeights    = errors.New("repository has no usable weights")
	ErrChecksum     = errors.New("checksum mismatch")
	ErrNoSpace      = errors.New("no space left")
	ErrBusy         = errors.New("another process is downloading this model")
	ErrServer       = errors.New("hub failed")
)

// Config says where the cache is and how the hub is reached. The zero value is
// not usable; see FromEnv.
type Config struct {
	Cache    string // the folder of models--ORG--NAME
	Endpoint string // DefaultEndpoint if empty
	Token    string // sent as a bearer token if not empty
	Offline  bool
}

// FromEnv reads the environment as Hugging Face's own tools do: HF_HUB_CACHE,
// or HF_HOME/hub, or XDG_CACHE_HOME/huggingface/hub, or
// ~/.cache/huggingface/hub; HF_ENDPOINT; HF_TOKEN; HF_HUB_OFFLINE. getenv is
// os.Getenv outside tests.
func FromEnv(getenv func(string) string) (Config, error) {
	c := Config{
		Cache:    getenv("HF_HUB_CACHE"),
		Endpoint: strings.TrimRight(getenv("HF_ENDPOINT"), "/"),
		Token:    strings.TrimSpace(getenv("HF_TOKEN")),
		Offline:  truthy(getenv("HF_HUB_OFFLINE")) || truthy(getenv("TRANSFORMERS_OFFLINE")),
	}
	if c.Endpoint == "" {
		c.Endpoint = DefaultEndpoint
	}
	if c.Cache == "" {
		home := getenv("HF_HOME")
		if home == "" {
			base := getenv("XDG_CACHE_HOME")
			if base == "" {
				user, err := os.UserHomeDir()
				if err != nil {
					return c, fmt.Errorf("find the model cache: %w; set HF_HOME", err)
				}
				base = filepath.Join(user, ".cache")
			}
			home = filepath.Join(base, "huggingface")
		}
		c.Cache = filepath.Join(home, "hub")
	}
	var err error
	c.Cache, err = expandHome(c.Cache)
	return c, err
}

func truthy(v string) bool {
	switch strings.ToLower(v) {
	case "1", "true", "yes", "on":
		return true
	}
	return false
}

// expandHome replaces a leading ~, which Hugging Face's tools accept too.
func expandHome(path string) (string, error) {
	rest, ok := strings.CutPrefix(path, "~")
	if !ok || rest != "" && rest[0] != '/' && rest[0] != filepath.Separator {
		return path, nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, rest), err
}

// repoID is ORG/NAME or NAME, of the characters that the hub allows.
var repoID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?$`)

// ValidID says whether name can be the id of a repository.
func ValidID(name string) bool {
	return repoID.MatchString(name) && !strings.Contains(name, "--") && !strings.Contains(name, "..")
}

// commitID is a full commit hash, which needs no reference.
var commitID = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Resolve gives the folder of a model without touching the network: name
// itself if it is a folder, else its snapshot in the cache at revision
// ("main" if empty).
func Resolve(name, revision string, c Config) (string, error) {
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return name, nil
	case err == nil:
		return "", fmt.Errorf("%w: %s is a file; give the folder that holds config.json and the weights", ErrBadName, name)
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	case !ValidID(name):
		return "", fmt.Errorf("%w: there is no folder %s, and it is no hub id (ORG/NAME) either", ErrBadName, name)
	}
	r := repo{c, name}
	commit, err := r.commit(orMain(revision))
	if err == nil {
		dir := r.snapshot(commit)
		if isModel(dir) {
			return dir, nil
		}
		err = fmt.Errorf("the snapshot %s is not complete", commit)
	}
	return "", fmt.Errorf("%w: no folder %s, and none in the cache %s (%w); fetch it with: semdex model pull %s", ErrNotCached, name, c.Cache, err, name)
}

func orMain(revision string) string {
	if revision == "" {
		return "main"
	}
	return revision
}

// isModel tells a snapshot from one whose download stopped early.
func isModel(dir string) bool {
	for _, name := range []string{"modules.json", "config.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}
