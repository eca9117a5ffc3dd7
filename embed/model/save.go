package model

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// SaveOptions says how Save stores a model.
type SaveOptions struct {
	// DType of the weights: F32, F16, BF16, or I8 for static tables alone. Empty
	// keeps every tensor's own type.
	DType DType
	// Card replaces Model.Card as README.md if it is not empty.
	Card string
	// Golden, if set, is stored as semdex_golden.json.
	Golden *GoldenFile
	// Overwrite replaces an existing folder; without it Save refuses to.
	Overwrite bool
}

// Save writes m as a sentence-transformers folder at dir, wholly or not at all:
// the folder is written under another name beside dir, synced, and renamed. The
// result opens in sentence-transformers of every generation and here; static
// tables in int8 open here alone.
func (m *Model) Save(dir string, o SaveOptions) error {
	if err := m.save(dir, o); err != nil {
		return fmt.Errorf("save model %s: %w", dir, err)
	}
	return nil
}

func (m *Model) save(dir string, o SaveOptions) error {
	if err := m.check(); err != nil {
		return err
	}
	switch {
	case o.DType == I8 && m.Static == nil:
		return fmt.Errorf("%w: int8 folders are for static tables; encoders are quantised when they are loaded", ErrUnsupported)
	case o.DType != "" && o.DType != I8 && o.DType != F32 && o.DType != F16 && o.DType != BF16:
		return fmt.Errorf("%w: weights are stored as F32, F16, BF16 or I8, not %q", ErrUnsupported, o.DType)
	}
	dir = filepath.Clean(dir)
	if err := mayReplace(dir, o.Overwrite); err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+".tmp-")
	if err != nil {
		return err
	}
	w := &folderWriter{root: temp}
	m.writeFolder(w, o)
	if w.err == nil {
		w.err = w.finish()
	}
	if w.err == nil {
		w.err = replaceDir(temp, dir)
	}
	if w.err != nil {
		return errors.Join(w.err, os.RemoveAll(temp))
	}
	return nil
}

// mayReplace refuses to overwrite unasked, and ever to overwrite what is no
// model folder.
func mayReplace(dir string, overwrite bool) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if !overwrite {
		return fmt.Errorf("the folder exists (%w); choose another name or ask to overwrite it", fs.ErrExist)
	}
	for _, e := range entries {
		if e.Name() == "modules.json" || e.Name() == "config.json" {
			return nil
		}
	}
	return fmt.Errorf("%w: it has neither modules.json nor config.json, so it is not overwritten", ErrNotModel)
}

// replaceDir puts temp in the place of dir. The old folder is renamed away
// first and comes back if the second rename fails.
func replaceDir(temp, dir string) error {
	os.Remove(dir) // succeeds only for an empty folder, which Windows would not replace
	old := temp + ".old"
	err := os.Rename(dir, old)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	had := err == nil
	if err := os.Rename(temp, dir); err != nil {
		if had {
			err = errors.Join(err, os.Rename(old, dir))
		}
		return err
	}
	syncDir(filepath.Dir(dir))
	if had {
		return os.RemoveAll(old)
	}
	return nil
}

// writeFolder writes every file of m. The first error stays in w.
func (m *Model) writeFolder(w *folderWriter, o SaveOptions) {
	modules := []module{}
	add := func(class string, inRoot bool) string {
		i := len(modules)
		mod := module{Index: i, Name: fmt.Sprint(i), Type: "sentence_transformers.models." + class}
		if !inRoot {
			mod.Path = fmt.Sprintf("%d_%s", i, class)
			w.mkdir(mod.Path)
		}
		modules = append(modules, mod)
		return mod.Path
	}
	if m.Static != nil {
		m.writeStatic(w, add("StaticEmbedding", false), o.DType)
	} else {
		add("Transformer", true)
		m.writeEncoder(w, o.DType)
		w.json(add("Pooling", false)+"/config.json", m.poolingConfig())
	}
	for i := range m.Dense {
		m.Dense[i].write(w, add("Dense", false), o.DType)
	}
	if m.Normalize {
		add("Normalize", false)
	}
	w.json("modules.json", modules)
	w.json(pipelineFile, m.settings())
	if o.Card == "" {
		o.Card = m.Card
	}
	if o.Card != "" {
		w.file(cardFile, []byte(o.Card))
	}
	if o.Golden != nil {
		w.json(GoldenName, o.Golden)
	}
}

const cardFile = "README.md"

func (m *Model) writeEncoder(w *folderWriter, as DType) {
	prefix := ""
	if len(m.Heads) > 0 {
		// transformers wants the prefix as soon as there are heads.
		prefix = string(m.Architecture) + "."
	}
	var tensors []stored
	add := func(name string, t *Tensor) {
		tensors = append(tensors, stored{name, t, storeAs(t, as)})
	}
	for s := range layout(m.Architecture, m.Config, m.Transformer) {
		add(prefix+s.name, *s.at)
	}
	if m.Transformer.Pooler != nil {
		for _, s := range poolerLayout(m.Config, m.Transformer.Pooler) {
			add(prefix+s.name, *s.at)
		}
	}
	for _, name := range m.headNames() {
		add(name, m.Heads[name])
	}
	w.safetensors(safetensorsFile, tensors)
	w.json("config.json", m.hf(storeAs(m.Transformer.Word, as)))
	w.json("sentence_bert_config.json", map[string]any{"max_seq_length": m.MaxTokens, "do_lower_case": false})
	w.tokenizer(m, "")
}

// storeAs is the type in which t is stored if as is asked for: only floats are
// converted.
func storeAs(t *Tensor, as DType) DType {
	if as == "" || !t.DType.Float() {
		return t.DType
	}
	return as
}

func (m *Model) writeStatic(w *folderWriter, dir string, as DType) {
	table := m.Static
	if as == I8 {
		table = table.Quantize()
	} else if as != "" {
		table = table.dequantize()
	}
	tensors := []stored{{staticWeight, table.Rows, storeAs(table.Rows, as)}}
	if table.Scale != nil {
		tensors = append(tensors, stored{staticScale, table.Scale, F32})
	}
	w.safetensors(dir+"/"+safetensorsFile, tensors)
	w.tokenizer(m, dir)
}

// poolingConfig is written in the old form, which every generation reads,
// unless the order of several modes needs the new one.
func (m *Model) poolingConfig() map[string]any {
	modes := m.Pooling.Modes()
	c := map[string]any{"word_embedding_dimension": m.Config.Hidden}
	at := 0
	for i, k := range poolingKeys {
		on := at < len(modes) && modes[at] == k.mode
		if on {
			at++
		}
		if on || i < 4 { // the first releases know four
			c[k.key] = on
		}
	}
	if at == len(modes) {
		return c
	}
	names := make([]string, len(modes))
	for i, mode := range modes {
		names[i] = string(mode)
		if mode == PoolMeanSqrtLen {
			names[i] = "mean_sqrt_len_tokens"
		}
	}
	return map[string]any{"embedding_dimension": m.Config.Hidden, "pooling_mode": names}
}

func (d *Dense) write(w *folderWriter, dir string, as DType) {
	if as == I8 {
		as = F32
	}
	bias := d.Bias != nil
	class := "torch.nn.modules.linear.Identity"
	if d.Activation == "tanh" {
		class = "torch.nn.modules.activation.Tanh"
	}
	w.json(dir+"/config.json", denseConfig{In: d.Weight.Cols(), Out: d.Weight.Rows(), Bias: &bias, Activation: class})
	tensors := []stored{{"linear.weight", d.Weight, storeAs(d.Weight, as)}}
	if bias {
		tensors = append(tensors, stored{"linear.bias", d.Bias, storeAs(d.Bias, as)})
	}
	w.safetensors(dir+"/"+safetensorsFile, tensors)
}

// check verifies that m is whole before anything is written.
func (m *Model) check() error {
	if (m.Transformer == nil) == (m.Static == nil) {
		return fmt.Errorf("%w: a model has either a transformer or a static table", ErrTensor)
	}
	if m.Tokenizer == nil {
		return fmt.Errorf("%w: the model has no tokenizer", ErrVocabulary)
	}
	if m.Static != nil {
		if err := m.Static.check(); err != nil {
			return err
		}
	} else if err := m.checkTransformer(); err != nil {
		return err
	}
	if rows := m.Config.VocabSize; m.Tokenizer.Len() > rows {
		return fmt.Errorf("%w: the tokenizer has %d entries, the embedding table %d rows", ErrVocabulary, m.Tokenizer.Len(), rows)
	}
	in := m.PooledDims()
	for i, d := range m.Dense {
		if d.Weight == nil || len(d.Weight.Shape) != 2 || d.Weight.Cols() != in || d.Bias != nil && d.Bias.Len() != d.Weight.Rows() {
			return fmt.Errorf("%w: Dense module %d does not take %d dims", ErrTensor, i, in)
		}
		in = d.Weight.Rows()
	}
	return nil
}

func (m *Model) checkTransformer() error {
	if m.Architecture != BERT && m.Architecture != DistilBERT {
		return fmt.Errorf("%w: architecture %q", ErrUnsupported, m.Architecture)
	}
	if have, want := len(m.Transformer.Layers), m.Config.Layers; have != want {
		return fmt.Errorf("%w: %d layers, the configuration says %d", ErrTensor, have, want)
	}
	for _, mode := range m.Pooling.Modes() {
		if !mode.known() {
			return fmt.Errorf("%w: pooling mode %q", ErrUnsupported, mode)
		}
	}
	slots := layout(m.Architecture, m.Config, m.Transformer)
	for s := range slots {
		if err := s.check(); err != nil {
			return err
		}
	}
	if m.Transformer.Pooler != nil {
		for _, s := range poolerLayout(m.Config, m.Transformer.Pooler) {
			if err := s.check(); err != nil {
				return err
			}
		}
	}
	for name := range m.Heads {
		if strings.HasSuffix(name, wordKey) {
			return fmt.Errorf("%w: a head is named %s", ErrTensor, name)
		}
	}
	return nil
}
