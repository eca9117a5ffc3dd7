package local

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"semdex/index"
)

// manifest is a collection's table of contents. It is written anew, whole,
// whenever the list of log files changes and when the collection is closed.
type manifest struct {
	ID       string         `json:"id"`
	Created  time.Time      `json:"created"`
	Settings index.Settings `json:"settings"`
	// Synonyms are text as index.ParseSynonyms reads it.
	Synonyms string `json:"synonyms,omitempty"`
	// Files are the log files in the order of their frames; the last one is
	// written to.
	Files []manifestFile `json:"files"`
	// Next is the number of the next log file.
	Next uint32 `json:"next"`
	// Sequence is that of the last frame when the manifest was written; the frame
	// itself may have been compacted away.
	Sequence uint64 `json:"sequence"`
}

// manifestFile is a log file. A file before the last has exactly Bytes bytes;
// the last has at least as many, and all that a crash may take is behind them.
type manifestFile struct {
	Number uint32 `json:"number"`
	Bytes  int64  `json:"bytes"`
}

// envelope is the file around a manifest.
type envelope struct {
	Format   int             `json:"format"`
	Checksum string          `json:"crc32c"` // of the manifest's bytes
	Manifest json.RawMessage `json:"manifest"`
}

func (m *manifest) id() collectionID {
	var id collectionID
	b, _ := hex.DecodeString(m.ID) // checked by decodeManifest
	copy(id[:], b)
	return id
}

func encodeManifest(m *manifest) ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	b, err := json.Marshal(envelope{manifestVersion(m.Settings), fmt.Sprintf("%08x", checksum(body)), body})
	return append(b, '\n'), err
}

func decodeManifest(b []byte) (*manifest, error) {
	var e envelope
	if err := json.Unmarshal(b, &e); err != nil {
		return nil, fmt.Errorf("%w: not a manifest: %w", index.ErrCorrupt, err)
	}
	if e.Format > formatVersion {
		return nil, newerFormat(e.Format)
	}
	if e.Format < 1 || e.Checksum != fmt.Sprintf("%08x", checksum(e.Manifest)) {
		return nil, fmt.Errorf("%w: the manifest's checksum does not match", index.ErrCorrupt)
	}
	m := new(manifest)
	if err := json.Unmarshal(e.Manifest, m); err != nil {
		return nil, fmt.Errorf("%w: manifest: %w", index.ErrCorrupt, err)
	}
	if id, err := hex.DecodeString(m.ID); err != nil || len(id) != len(collectionID{}) || len(m.Files) == 0 || m.Settings.Dims < 1 {
		return nil, fmt.Errorf("%w: the manifest has no id, no files or no dimensions", index.ErrCorrupt)
	}
	// Older manifests have no way to search vectors, newer ones may have others.
	if m.Settings.Vectors = m.Settings.Vectors.OrAuto(); m.Settings.Vectors.Check() != nil {
		m.Settings.Vectors = index.VectorsAuto
	}
	return m, nil
}

func readManifest(fsys fileSystem, dir string) (*manifest, error) {
	name := filepath.Join(dir, manifestName)
	b, err := fsys.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%w: read manifest: %w", index.ErrCorrupt, err)
	}
	m, err := decodeManifest(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// writeManifest replaces the manifest; see writeFile about renamed.
func writeManifest(fsys fileSystem, dir string, m *manifest) (renamed bool, err error) {
	b, err := encodeManifest(m)
	if err != nil {
		return false, err
	}
	if renamed, err = writeFile(fsys, filepath.Join(dir, manifestName), b); err != nil {
		err = fmt.Errorf("write manifest: %w", err)
	}
	return renamed, err
}
