package model

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"semdex/embed/tokenize"
)

// Open reads the model folder at path. Its weights are memory-mapped where the
// system can, so the files must not be changed in place meanwhile (Save
// replaces whole folders); Close releases them.
func Open(dir string) (*Model, error) {
	s, err := osSource(dir)
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", dir, err)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	m, err := read(s, folderName(abs))
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", dir, err)
	}
	return m, nil
}

// OpenFS reads the model folder name inside fsys, such as an embed.FS. A file
// system that implements Viewer lends its bytes without a copy.
func OpenFS(fsys fs.FS, name string) (*Model, error) {
	s := &source{fsys: fsys}
	if path.Clean(name) != "." {
		s = &source{fsys: prefixed{fsys, path.Clean(name)}}
	}
	m, err := read(s, path.Base(name))
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", name, err)
	}
	return m, nil
}

// Close releases the weights. Tensors and slices taken from the model must not
// be used afterwards. A fingerprint that was never asked for is lost.
func (m *Model) Close() error {
	m.print.once.Do(func() {}) // nothing may read the weights any more
	if m.closer == nil {
		return nil
	}
	c := m.closer
	m.closer = nil
	return c()
}

// folderName names a model after its folder, or after the repository for a
// snapshot in the hub's cache: models--ORG--NAME/snapshots/COMMIT.
func folderName(dir string) string {
	if parent := filepath.Dir(dir); filepath.Base(parent) == "snapshots" {
		repo := filepath.Base(filepath.Dir(parent))
		if id, ok := strings.CutPrefix(repo, "models--"); ok {
			return strings.ReplaceAll(id, "--", "/")
		}
	}
	return filepath.Base(dir)
}

// read assembles a model. It owns s: on failure nothing stays mapped.
func read(s *source, name string) (*Model, error) {
	m := &Model{Name: name, Similarity: "cosine"}
	if err := m.read(s); err != nil {
		return nil, errors.Join(err, s.close())
	}
	m.closer = s.close
	return m, nil
}

func (m *Model) read(s *source) error {
	if err := m.readModules(s); err != nil {
		return err
	}
	if err := m.readSettings(s); err != nil {
		return err
	}
	if card, err := fs.ReadFile(s.fsys, cardFile); err == nil {
		m.Card = string(card)
	}
	return nil
}

// readModules reads the pipeline: modules.json, or for a plain Hugging Face
// folder the encoder with mean pooling, as sentence-transformers does.
func (m *Model) readModules(s *source) error {
	var modules []module
	found, err := s.json("modules.json", &modules)
	if err != nil {
		return err
	}
	if found {
		return m.pipeline(s, modules)
	}
	var c hfConfig
	if found, err = s.json("config.json", &c); err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("%w: neither modules.json nor config.json is there", ErrNotModel)
	}
	if c.ModelType == "model2vec" {
		m.Normalize = c.Normalize
		return m.readStatic(s, "")
	}
	m.Pooling = PoolMean
	m.PoolingAssumed = true
	return m.readEncoder(s, "")
}

// readEncoder reads a Transformer module: configuration, weights, tokenizer.
func (m *Model) readEncoder(s *source, dir string) error {
	name := path.Join(dir, "config.json")
	var c hfConfig
	if found, err := s.json(name, &c); err != nil {
		return err
	} else if !found {
		return fmt.Errorf("%w: %s is missing", ErrNotModel, name)
	}
	var err error
	if m.Architecture, m.Config, err = c.config(); err != nil {
		return err
	}
	named, err := s.weights(dir)
	if err != nil {
		return err
	}
	if err := m.transformer(named); err != nil {
		return err
	}
	if err := m.readTokenizer(s, dir); err != nil {
		return err
	}
	return m.readMaxTokens(s, dir)
}

// readTokenizer loads the tokenizer of a module and checks that every id has a
// row. More rows than ids are common: tables are padded to round sizes.
func (m *Model) readTokenizer(s *source, dir string) error {
	fsys, err := s.sub(dir)
	if err != nil {
		return err
	}
	t, err := tokenize.Load(fsys)
	if err != nil {
		return err
	}
	if t.Len() > m.Config.VocabSize {
		return fmt.Errorf("%w: the tokenizer has %d entries, the embedding table %d rows; the two belong to different models", ErrVocabulary, t.Len(), m.Config.VocabSize)
	}
	m.Tokenizer = t
	return nil
}
