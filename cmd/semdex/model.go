package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"semdex/embed"
	"semdex/embed/builtin"
	"semdex/embed/model"
	"semdex/embed/model/onnx"
	"semdex/internal/cli"
	"semdex/internal/progress"
	"semdex/qa"
)

const modelLong = `Look at, check, fetch and convert models.

A MODEL is "builtin", a folder in the layout of Hugging Face or
sentence-transformers, or the name of a model on the hub that semdex model pull
has fetched.`

func (a *app) modelCommand() *cobra.Command {
	c := group("model", "Make, look at, fetch and convert models",
		a.modelInfoCommand(), a.modelVerifyCommand(), a.modelPullCommand(), a.modelConvertCommand(), a.modelListCommand(),
		a.modelCreateCommand(), a.modelReduceCommand(), a.modelAverageCommand(), a.vocabCommand())
	c.Long = modelLong
	return c
}

// modelInfo describes a model.
type modelInfo struct {
	embed.Info
	Path   string `json:"path,omitempty"`
	Golden bool   `json:"golden_sentences"`
}

func (a *app) modelInfoCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "info [flags] [MODEL]",
		Short: "Describe a model",
		RunE: func(cmd *cobra.Command, names []string) error {
			info, err := a.modelInfo(cmd.Context(), firstOr(names, builtinName))
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(info)
			}
			return a.printModelInfo(info)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return verb(c, atMost(1))
}

func firstOr(list []string, fallback string) string {
	if len(list) > 0 {
		return list[0]
	}
	return fallback
}

func (a *app) modelInfo(ctx context.Context, name string) (*modelInfo, error) {
	dir, err := a.modelDir(name)
	if err != nil {
		return nil, err
	}
	m, err := a.loadModel(ctx, name, embed.Options{})
	if err != nil {
		return nil, err
	}
	defer a.close(m)
	info := &modelInfo{Path: dir}
	if info.Info, err = m.Info(); err != nil {
		return nil, err
	}
	_, err = goldenOf(name, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	info.Golden = err == nil
	return info, nil
}

func (a *app) printModelInfo(i *modelInfo) error {
	rows := [][]string{{"name", i.Name}}
	add := func(name string, value any, show bool) {
		if show {
			rows = append(rows, []string{name, fmt.Sprint(value)})
		}
	}
	add("path", i.Path, i.Path != "")
	shape := string(i.Architecture)
	if i.Layers > 0 {
		shape = fmt.Sprintf("%s, %d layers of %d, %d heads", shape, i.Layers, i.Hidden, i.Heads)
	}
	add("architecture", shape, true)
	add("engine", i.Engine, true)
	add("parameters", progress.Count(i.Parameters)+" in "+strings.ToLower(string(i.DType)), true)
	add("vocabulary", progress.Count(int64(i.Vocabulary)), true)
	dims := fmt.Sprint(i.Dims)
	if i.FullDims != i.Dims {
		dims += fmt.Sprintf(" of %d", i.FullDims)
	}
	add("dimensions", dims, true)
	add("longest input", fmt.Sprintf("%d tokens", i.MaxTokens), i.MaxTokens > 0)
	pooling := string(i.Pooling)
	if i.PoolingAssumed {
		pooling += " (assumed: the folder names none)"
	}
	add("pooling", pooling, true)
	add("dense modules", i.Dense, len(i.Dense) > 0)
	for _, name := range slices.Sorted(maps.Keys(i.Prompts)) {
		label := name
		if name == i.DefaultPrompt {
			label += " (default)"
		}
		add("prompt", fmt.Sprintf("%s: %q", label, i.Prompts[name]), true)
	}
	add("golden sentences", yesNo(i.Golden), true)
	add("fingerprint", i.Fingerprint, true)
	return (&cli.Table{Rows: rows}).Write(a.stdout, a.out)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (a *app) modelVerifyCommand() *cobra.Command {
	var asJSON, write bool
	c := &cobra.Command{
		Use:   "verify [flags] [MODEL]",
		Short: "Check that a model computes what it should",
		Long: `Encode the golden sentences that are stored with a model and compare the vectors.
With --write, store golden sentences with the vectors that the model gives now.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			name := firstOr(names, builtinName)
			if write {
				return a.writeGolden(cmd.Context(), name)
			}
			v, err := a.verifyModel(cmd.Context(), name)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(v)
			}
			_, err = fmt.Fprintf(a.stdout, "%s: %d golden sentences agree to %.2g\n", name, v.Sentences, v.MaxDifference)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&write, "write", false, "store golden sentences in the model's folder")
	return verb(c, atMost(1))
}

func (a *app) verifyModel(ctx context.Context, name string) (embed.Verification, error) {
	dir, err := a.modelDir(name)
	if err != nil {
		return embed.Verification{}, err
	}
	golden, err := goldenOf(name, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return embed.Verification{}, cli.WithHint(fmt.Errorf("%s has no golden sentences to compare with", name), "semdex model verify --write %s stores some", name)
	}
	if err != nil {
		return embed.Verification{}, err
	}
	m, err := a.loadModel(ctx, name, embed.Options{})
	if err != nil {
		return embed.Verification{}, err
	}
	defer a.close(m)
	return m.Verify(ctx, golden)
}

// goldenOf reads the golden sentences of a model's folder, or of the built-in
// model.
func goldenOf(name, dir string) (*model.GoldenFile, error) {
	files, err := modelFS(name, dir)
	if err != nil {
		return nil, err
	}
	return model.ReadGolden(files)
}

// writeGolden stores what a model gives now in its folder.
func (a *app) writeGolden(ctx context.Context, name string) error {
	dir, err := a.modelDir(name)
	if err != nil {
		return err
	}
	if dir == "" {
		return fmt.Errorf("%s is inside the program and cannot be changed", name)
	}
	m, err := embed.Load(ctx, dir, embed.Options{})
	if err != nil {
		return err
	}
	defer a.close(m)
	golden, err := m.MakeGolden(ctx, nil)
	if err != nil {
		return err
	}
	return model.WriteGolden(dir, golden)
}

func (a *app) modelConvertCommand() *cobra.Command {
	var to, out string
	var overwrite bool
	formats := []string{"safetensors-f32", "safetensors-f16", "safetensors-bf16", "safetensors-int8", "onnx", "onnx-int8"}
	c := &cobra.Command{
		Use:   "convert [flags] MODEL",
		Short: "Write a model in another format",
		Long: `Write a model as a sentence-transformers folder with weights of another type, or
as an ONNX file. safetensors-int8 is for static models, onnx-int8 for
transformers. What is there already stays as it is until the new one is complete.`,
		Example: `  semdex model convert my-model --to safetensors-f16 -o my-model-f16
  semdex model convert builtin --to onnx -o builtin.onnx`,
		RunE: func(cmd *cobra.Command, names []string) error {
			if out == "" {
				return usage(cmd, "model convert: --out is missing")
			}
			if err := oneOf(cmd, "to", to, formats...); err != nil {
				return err
			}
			return a.convertModel(cmd.Context(), names[0], to, out, overwrite)
		},
	}
	c.Flags().StringVar(&to, "to", "safetensors-f32", "`format`: "+strings.Join(formats, ", "))
	c.Flags().StringVarP(&out, "out", "o", "", "`path` to write to")
	c.Flags().BoolVar(&overwrite, "overwrite", false, "replace what is there")
	return verb(c, exactly(1, "a model"))
}

func (a *app) convertModel(ctx context.Context, name, to, out string, overwrite bool) error {
	dir, err := a.modelDir(name)
	if err != nil {
		return err
	}
	m, err := openModel(name, dir)
	if err != nil {
		return err
	}
	defer a.close(m)
	switch to {
	case "onnx":
		return writeONNX(ctx, m, onnx.Write, out, overwrite)
	case "onnx-int8":
		return writeONNX(ctx, m, onnx.WriteInt8, out, overwrite)
	}
	dtype := strings.TrimPrefix(to, "safetensors-")
	if err := mayCreate(out, overwrite); err != nil {
		return err
	}
	if same, err := samePath(dir, out); err != nil || same {
		return errors.Join(err, fmt.Errorf("%s is the model itself; convert to another folder", out))
	}
	if err := m.Save(out, model.SaveOptions{DType: dtypes[dtype], Overwrite: overwrite}); err != nil {
		return err
	}
	if err := copyReaderConfig(name, dir, out); err != nil {
		return err
	}
	return a.writeGolden(ctx, out)
}

// copyReaderConfig gives a converted reader the settings of the one it was.
func copyReaderConfig(name, dir, out string) error {
	c, isReader, err := readerConfig(name, dir)
	if err != nil || !isReader {
		return err
	}
	return qa.WriteConfig(out, c)
}

// modelFS is the folder of a model, or of one inside the program.
func modelFS(name, dir string) (fs.FS, error) {
	if dir != "" {
		return os.DirFS(dir), nil
	}
	return builtin.FS(inside(name))
}

// openModel reads a model's folder, or the built-in model.
func openModel(name, dir string) (*model.Model, error) {
	if dir == "" {
		return builtin.OpenNamed(inside(name))
	}
	return model.Open(dir)
}

func samePath(a, b string) (bool, error) {
	if a == "" {
		return false, nil
	}
	infoA, err := os.Stat(a)
	if err != nil {
		return false, err
	}
	infoB, err := os.Stat(b)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(infoA, infoB), err
}

func (a *app) modelListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [flags]",
		Short: "List the models on this machine: built in, and in the hub's cache",
		RunE: func(*cobra.Command, []string) error {
			list, err := a.localModels()
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(list)
			}
			table := cli.Table{Header: []string{"model", "path"}}
			for _, m := range list {
				if m.Path == "" {
					m.Path = "(built in)"
				}
				table.Rows = append(table.Rows, []string{m.Name, m.Path})
			}
			return table.Write(a.stdout, a.out)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return verb(c, noArgs)
}

// listedModel is a model that can be used by name.
type listedModel struct {
	Name string `json:"name"`
	Path string `json:"path,omitempty"` // absent for those in the program
}

func (a *app) localModels() ([]listedModel, error) {
	var list []listedModel
	for _, name := range builtin.Names() {
		list = append(list, listedModel{name, ""})
	}
	config, err := a.hubConfig()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(config.Cache)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		id, ok := strings.CutPrefix(e.Name(), "models--")
		if !ok {
			continue
		}
		id = strings.ReplaceAll(id, "--", "/")
		if dir, err := resolveCached(id, config); err == nil && strings.HasPrefix(dir, config.Cache) {
			list = append(list, listedModel{id, dir})
		}
	}
	return list, nil
}
