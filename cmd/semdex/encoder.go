package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/spf13/cobra"

	"semdex/api"
	"semdex/embed"
	"semdex/embed/builtin"
	"semdex/embed/model/hub"
	"semdex/embed/queue"
	"semdex/index"
	"semdex/internal/cli"
)

// builtinName is how the model inside the program is called.
const builtinName = "builtin"

// modelFlags choose the model.
type modelFlags struct {
	model   string
	workers int
	int8    bool
}

func (m *modelFlags) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&m.model, "model", builtinName, "`model`: builtin, a folder, or a name on the hub that has been pulled")
	f.IntVar(&m.workers, "workers", 0, "`threads` that encode (default one per processor)")
	f.BoolVar(&m.int8, "int8", false, "encode with 8-bit weights: faster, nearly the same vectors")
}

func (m *modelFlags) load() embed.Options { return embed.Options{Workers: m.workers, Int8: m.int8} }

// loadModel loads a model by its name: built in, a folder, or in the hub's
// cache.
func (a *app) loadModel(ctx context.Context, name string, o embed.Options) (*embed.Model, error) {
	dir, err := a.modelDir(name)
	if err != nil {
		return nil, err
	}
	if dir != "" {
		return embed.Load(ctx, dir, o)
	}
	m, err := builtin.OpenNamed(inside(name))
	if err != nil {
		return nil, err
	}
	return embed.FromModel(m, o)
}

// inside is the full name of a model inside the program, "" for others.
func inside(name string) string {
	if name == builtinName {
		return builtin.Default
	}
	if slices.Contains(builtin.Names(), name) {
		return name
	}
	return ""
}

// modelDir is the folder of a model, "" for one inside the program.
func (a *app) modelDir(name string) (string, error) {
	if inside(name) != "" {
		return "", nil
	}
	config, err := a.hubConfig()
	if err != nil {
		return "", err
	}
	dir, err := hub.Resolve(name, "", config)
	if errors.Is(err, hub.ErrNotCached) || errors.Is(err, hub.ErrBadName) {
		return "", cli.WithHint(fmt.Errorf("model %q: %w", name, err), "semdex model list shows what is here; builtin needs no folder")
	}
	return dir, err
}

// textEncoder is a loaded model in the form in which the index takes it.
type textEncoder struct {
	*embed.Model
	query, passage string       // names of the prompts, "" for the default
	log            *slog.Logger // of a server, or nil
}

var _ index.Encoder = (*textEncoder)(nil)

func (a *app) openEncoder(ctx context.Context, f *modelFlags) (*textEncoder, error) {
	return a.openEncoderWith(ctx, f.model, f.load())
}

// openServerEncoder is openEncoder for many callers at once.
func (a *app) openServerEncoder(ctx context.Context, f *modelFlags) (*textEncoder, error) {
	o := f.load()
	o.Queue = &queue.Options{}
	e, err := a.openEncoderWith(ctx, f.model, o)
	if err == nil {
		e.log = a.serverLogger()
	}
	return e, err
}

func (a *app) openEncoderWith(ctx context.Context, name string, o embed.Options) (*textEncoder, error) {
	m, err := a.loadModel(ctx, name, o)
	if err != nil {
		return nil, err
	}
	info, err := m.Info()
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	e := &textEncoder{Model: m}
	e.query = firstKey(info.Prompts, "query")
	e.passage = firstKey(info.Prompts, "passage", "document")
	return e, nil
}

func firstKey(m map[string]string, names ...string) string {
	for _, name := range names {
		if _, ok := m[name]; ok {
			return name
		}
	}
	return ""
}

// EncodePassages encodes texts that are to be found. A passage longer than the
// model reads is encoded in parts, so that none of it is lost.
func (e *textEncoder) EncodePassages(ctx context.Context, texts []string) ([][]float32, error) {
	return e.vectors(ctx, texts, embed.EncodeOptions{PromptName: e.passage, Long: embed.LongSplit, Class: queue.Bulk})
}

// EncodeQueries encodes texts to search with.
func (e *textEncoder) EncodeQueries(ctx context.Context, texts []string) ([][]float32, error) {
	return e.vectors(ctx, texts, embed.EncodeOptions{PromptName: e.query, Long: embed.LongSplit})
}

func (e *textEncoder) vectors(ctx context.Context, texts []string, o embed.EncodeOptions) ([][]float32, error) {
	r, err := e.encode(ctx, texts, o)
	return r.Vectors, err
}

func (e *textEncoder) encode(ctx context.Context, texts []string, o embed.EncodeOptions) (embed.Result, error) {
	r, err := e.Encode(ctx, texts, o)
	if err != nil {
		logPanic(e.log, err)
	}
	return r, serverError(err)
}

// embedder is a loaded model in the form in which the server takes it.
type embedder struct{ *textEncoder }

var (
	_ api.Embedder     = embedder{}
	_ api.TokenDecoder = embedder{}
)

// Encode implements api.Embedder.
func (e embedder) Encode(ctx context.Context, texts []string, o api.EncodeOptions) (api.Encoding, error) {
	options := embed.EncodeOptions{PromptName: o.Prompt, Raw: !o.Normalize, Dims: o.Dims, Left: o.CutStart, Class: classOf(texts)}
	if !o.Truncate {
		options.Long = embed.LongRefuse
	}
	r, err := e.encode(ctx, texts, options)
	return api.Encoding{Vectors: r.Vectors, Tokens: r.Tokens, Truncated: r.Truncated, Waited: r.Waited}, err
}

// marked is an error that is another one, too, without saying so twice.
type marked struct {
	error
	mark error
}

func (m *marked) Unwrap() []error { return []error{m.error, m.mark} }

// Model implements api.Embedder.
func (e embedder) Model() api.Model {
	return api.Model{Name: e.Name(), Fingerprint: e.Fingerprint(), Dims: e.Dims(), MaxTokens: e.MaxTokens()}
}

// DecodeTokens implements api.TokenDecoder.
func (e embedder) DecodeTokens(ids []int) (string, error) {
	tokenizer := e.Tokenizer()
	list := make([]int32, len(ids))
	for i, id := range ids {
		if id < 0 || id >= tokenizer.Len() {
			return "", fmt.Errorf("%w %d: the model has %d", api.ErrInvalidTokenID, id, tokenizer.Len())
		}
		list[i] = int32(id)
	}
	return tokenizer.Decode(list, true), nil
}
