package local

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"semdex/index"
)

// formatVersion is the version of everything a data folder holds: the folder
// layout, manifests, log files and payloads. A change that an older binary
// would misread takes a new number and a line here; testdata keeps a folder of
// every version, which must still open.
//
//	1  log files with upserts, deletes, fields and commits; manifest.json;
//	   text leg in bleve's scorch under keys of sequence, passage and length
//	2  collections that say more about splitting than lengths: their manifests
//	   have this number, and documents may have headings
const formatVersion = 2

// baseVersion is written wherever nothing needs a later one, so that the programs
// that know it can still read what they could write.
const baseVersion = 1

// manifestVersion is the version that a collection's settings need.
func manifestVersion(s index.Settings) int {
	if s.Split == (index.SplitOptions{Size: s.Split.Size, Overlap: s.Split.Overlap}) {
		return baseVersion
	}
	return formatVersion
}

// A data folder:
//
//	FORMAT                 the version, as text
//	LOCK                   locked while an engine is open
//	replace.json           one collection takes the place of another; hardly ever there
//	aliases.json           other names of collections; absent if there are none
//	collections/c-NAME/    one collection
//	    manifest.json      settings and the list of log files
//	    00000001.log       documents, vectors, deletions; the truth
//	    text/              the keyword leg, made anew from the log if need be
//	collections/.new-NAME  a collection that was never finished, removed
//	collections/.old-NAME  a dropped collection, removed
const (
	formatName      = "FORMAT"
	lockName        = "LOCK"
	collectionsName = "collections"
	manifestName    = "manifest.json"
	textName        = "text"
	folderPrefix    = "c-"
	newPrefix       = ".new-"
	oldPrefix       = ".old-"
	formatPrefix    = "semdex data format "
)

func newerFormat(found int) error {
	return fmt.Errorf("%w: it has format %d, this program reads up to format %d; use a newer semdex", index.ErrNewerFormat, found, formatVersion)
}

// checkFormat reads FORMAT, or writes it into a new folder.
func checkFormat(fsys fileSystem, dir string) error {
	name := filepath.Join(dir, formatName)
	data, err := fsys.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return initFolder(fsys, dir)
	}
	if err != nil {
		return fmt.Errorf("read data format: %w", err)
	}
	text, ok := strings.CutPrefix(string(data), formatPrefix)
	version, err := strconv.Atoi(strings.TrimSuffix(text, "\n"))
	switch {
	case !ok || err != nil || version < 1:
		return fmt.Errorf("%w: %s does not name a format version", index.ErrCorrupt, name)
	case version > formatVersion:
		return fmt.Errorf("%s: %w", dir, newerFormat(version))
	}
	return nil
}

// refuseStranger reports a folder that is no data folder but has other things
// in it, which is more likely a mistyped path.
func refuseStranger(fsys fileSystem, dir string) error {
	names, err := fsys.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read data folder: %w", err)
	}
	if slices.Contains(names, formatName) {
		return nil
	}
	for _, n := range names {
		switch n {
		case lockName, formatName + ".tmp", collectionsName:
		default:
			return fmt.Errorf("%s is not a data folder: it has no %s but holds %q", dir, formatName, n)
		}
	}
	return nil
}

// initFolder makes a data folder of an empty one.
func initFolder(fsys fileSystem, dir string) error {
	if err := refuseStranger(fsys, dir); err != nil {
		return err
	}
	if left, err := fsys.ReadDir(filepath.Join(dir, collectionsName)); err == nil && len(left) > 0 {
		return fmt.Errorf("%w: %s has collections but no %s", index.ErrCorrupt, dir, formatName)
	}
	if err := fsys.Mkdir(filepath.Join(dir, collectionsName)); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make data folder: %w", err)
	}
	if _, err := writeFile(fsys, filepath.Join(dir, formatName), fmt.Appendf(nil, "%s%d\n", formatPrefix, baseVersion)); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	return nil
}

func logName(number uint32) string { return fmt.Sprintf("%08d.log", number) }
