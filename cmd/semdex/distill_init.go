package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"semdex/cmd/semdex/internal/card"
	"semdex/distill"
	"semdex/embed/model"
	"semdex/internal/cli"
	"semdex/internal/progress"
)

const distillInitLong = `Make a student from layers of a teacher: layer i of the student is the i-th of
--layers, with the teacher's embeddings, tokenizer and heads. Without --layers it
takes every second one.

DistilBERT has no token types: the row of type 0 is added to every position, so
that a student with all layers gives the teacher's vectors. A layer may be named
more than once: --layers 0,1,2,0,1,2 --arch bert makes a deeper model from a
shallow one, which goes on training from there.`

const distillInitExample = `  semdex distill init teacher --layers 0,2,4,7,9,11 -o student
  semdex distill init teacher --arch bert -o student-bert`

// initFlags are the flags of the verb distill init.
type initFlags struct {
	arch      string
	layers    []int
	out       string
	dtype     string
	overwrite bool
	asJSON    bool
}

func (a *app) distillCommand() *cobra.Command {
	return group("distill", "Make students from teachers", a.distillInitCommand())
}

func (a *app) distillInitCommand() *cobra.Command {
	var f initFlags
	c := &cobra.Command{
		Use:     "init [flags] TEACHER",
		Short:   "Copy layers of a teacher into a student",
		Long:    distillInitLong,
		Example: distillInitExample,
		RunE: func(cmd *cobra.Command, names []string) error {
			if f.out == "" {
				return usage(cmd, "distill init: --out is missing")
			}
			err := oneOf(cmd, "arch", f.arch, string(model.BERT), string(model.DistilBERT))
			if err == nil {
				err = oneOf(cmd, "dtype", f.dtype, "", "f32", "f16", "bf16")
			}
			if err != nil {
				return err
			}
			return a.distillInit(cmd.Context(), names[0], &f)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.arch, "arch", string(model.DistilBERT), "`kind` of the student: distilbert or bert")
	flags.IntSliceVar(&f.layers, "layers", nil, "`numbers` of the teacher's layers, from 0 (default every second)")
	flags.StringVarP(&f.out, "out", "o", "", "`folder` to write the student to")
	flags.StringVar(&f.dtype, "dtype", "", "how weights are stored: f32, f16 or bf16 (default as in the teacher)")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace the model that is there")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return verb(c, exactly(1, "a teacher"))
}

// initReport is what a student was made of.
type initReport struct {
	Model             string         `json:"model"`
	Fingerprint       string         `json:"fingerprint"`
	Layers            []int          `json:"layers"`
	Tensors           int            `json:"tensors"`
	Equal             int            `json:"bit_equal"`
	Folded            []string       `json:"folded,omitempty"`
	Heads             int            `json:"head_tensors"`
	Parameters        int64          `json:"parameters"`
	TeacherParameters int64          `json:"teacher_parameters"`
	From              []copiedTensor `json:"from"`
}

// copiedTensor is where a tensor of a student comes from.
type copiedTensor struct {
	Name   string `json:"name"`
	From   string `json:"from"`
	Equal  bool   `json:"bit_equal"`
	Folded bool   `json:"folded,omitempty"`
}

func (a *app) distillInit(ctx context.Context, name string, f *initFlags) error {
	if err := mayCreate(f.out, f.overwrite); err != nil {
		return err
	}
	teacher, err := a.openNamed(name)
	if err != nil {
		return err
	}
	defer a.close(teacher)
	layers := f.layers
	if len(layers) == 0 {
		layers = distill.Every(teacher.Config.Layers, 2)
	}
	student, copied, err := distill.CopyLayers(teacher, model.Architecture(f.arch), layers)
	if err != nil {
		return err
	}
	r := initReport{
		Model: f.out, Layers: layers, Heads: len(student.Heads),
		Parameters: student.Parameters(), TeacherParameters: teacher.Parameters(),
	}
	if err := r.count(copied); err != nil {
		return err
	}
	student.Name = titleOf(f.out)
	c := card.Card{Title: student.Name, Base: name, Summary: "A student before its training: layers of its teacher, copied."}
	c.Set("layers of the teacher", list(layers))
	save := model.SaveOptions{DType: dtypes[f.dtype], Overwrite: f.overwrite, Card: c.Markdown()}
	if err := errors.Join(ctx.Err(), student.Save(f.out, save)); err != nil {
		return err
	}
	if err := a.writeGolden(ctx, f.out); err != nil {
		return err
	}
	if r.Fingerprint, err = fingerprintOf(f.out); err != nil {
		return err
	}
	if f.asJSON {
		return a.printJSON(r)
	}
	return a.printInit(&r)
}

// count fails if a tensor was not copied as it should be.
func (r *initReport) count(copied []distill.Copied) error {
	for _, c := range copied {
		r.Tensors++
		switch {
		case c.Equal:
			r.Equal++
		case c.Folded:
			r.Folded = append(r.Folded, c.Name)
		default:
			return fmt.Errorf("%s is not the teacher's %s", c.Name, c.From)
		}
		r.From = append(r.From, copiedTensor(c))
	}
	return nil
}

func (a *app) printInit(r *initReport) error {
	line := fmt.Sprintf("%s: %d of %d tensors copied, %d bit for bit", r.Model, r.Equal+len(r.Folded), r.Tensors, r.Equal)
	if len(r.Folded) > 0 {
		line += ", and with the token type added " + strings.Join(r.Folded, ", ")
	}
	if r.Heads > 0 {
		line += fmt.Sprintf("; also %s of heads", count(r.Heads, "tensor"))
	}
	table := cli.Table{Rows: [][]string{
		{"layers", list(r.Layers)},
		{"parameters", fmt.Sprintf("%s, %.1f %% of the teacher's %s", progress.Count(r.Parameters),
			100*float64(r.Parameters)/float64(r.TeacherParameters), progress.Count(r.TeacherParameters))},
	}}
	if _, err := fmt.Fprintln(a.stdout, line); err != nil {
		return err
	}
	return table.Write(a.stdout, a.out)
}

func list(numbers []int) string {
	text := make([]string, len(numbers))
	for i, n := range numbers {
		text[i] = strconv.Itoa(n)
	}
	return strings.Join(text, ",")
}
