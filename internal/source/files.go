package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Stdin is the path that stands for standard input.
const Stdin = "-"

// file is one thing to read. name identifies its documents where they carry no
// id of their own, path is for messages and for opening.
type file struct {
	path   string
	name   string
	format Format
	size   int64 // -1 if not known
	stdin  bool
}

var extensions = map[string]Format{
	".jsonl": JSONL, ".ndjson": JSONL,
	".json": JSON,
	".csv":  CSV,
	".tsv":  TSV, ".tab": TSV,
	".txt": Text, ".text": Text,
	".md": Markdown, ".markdown": Markdown,
	".html": HTML, ".htm": HTML, ".xhtml": HTML,
}

// formatOf goes by the extension under a possible .gz or .zst.
func formatOf(name string) Format {
	name = strings.ToLower(name)
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
	return extensions[path.Ext(name)]
}

// find looks for a path, or for the file compressed under its name: data sets
// come either way, and scripts name the plain form.
func find(p string) (string, os.FileInfo, error) {
	info, err := os.Stat(p)
	if !errors.Is(err, fs.ErrNotExist) {
		return p, info, err
	}
	for _, ext := range []string{".gz", ".zst"} {
		if packed, statErr := os.Stat(p + ext); statErr == nil {
			return p + ext, packed, nil
		}
	}
	return p, nil, err
}

func resolve(paths []string, opt Options) (files []file, ignored int, err error) {
	for _, p := range paths {
		if p == Stdin {
			files = append(files, file{path: "standard input", name: "stdin", format: opt.Format, size: -1, stdin: true})
			continue
		}
		p, info, err := find(p)
		if err != nil {
			return nil, 0, err
		}
		if info.IsDir() {
			found, skipped, err := walk(p, opt.Format)
			if err != nil {
				return nil, 0, err
			}
			files = append(files, found...)
			ignored += skipped
			continue
		}
		f := file{path: p, name: filepath.Base(p), format: opt.Format, size: sizeOf(info)}
		if f.format == Auto {
			f.format = formatOf(p)
		}
		if f.format == Auto {
			return nil, 0, &RecordError{File: p, Err: fmt.Errorf("cannot tell the format from the name; give it with --format")}
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		if ignored > 0 {
			return nil, 0, fmt.Errorf("%w in %s: none of its %d files has an extension that semdex reads (jsonl, json, csv, tsv, txt, md, html, also with .gz or .zst); --format reads them all as one format",
				ErrNoFiles, strings.Join(paths, ", "), ignored)
		}
		return nil, 0, fmt.Errorf("%w in %s", ErrNoFiles, strings.Join(paths, ", "))
	}
	tellApart(files)
	return files, ignored, nil
}

func walk(root string, format Format) (files []file, ignored int, err error) {
	err = filepath.WalkDir(root, func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if p != root && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.IsDir() {
			return nil
		}
		info, err := os.Stat(p) // through a link to a file; linked folders are not walked
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		f := file{path: p, format: format, size: info.Size()}
		if f.format == Auto {
			f.format = formatOf(p)
		}
		if f.format == Auto {
			ignored++
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		f.name = filepath.ToSlash(rel)
		files = append(files, f)
		return nil
	})
	return files, ignored, err
}

// tellApart gives files that would share a name, because they come from
// different arguments, their whole path as name.
func tellApart(files []file) {
	count := make(map[string]int, len(files))
	for _, f := range files {
		count[f.name]++
	}
	for i, f := range files {
		if count[f.name] > 1 && !f.stdin {
			files[i].name = filepath.ToSlash(filepath.Clean(f.path))
		}
	}
}

// sizeOf is -1 for pipes and devices, whose size says nothing.
func sizeOf(info fs.FileInfo) int64 {
	if info.Mode().IsRegular() {
		return info.Size()
	}
	return -1
}
