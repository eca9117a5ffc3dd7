package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"semdex/embed"
	"semdex/embed/model"
	"semdex/internal/cli"
	"semdex/nli/adapt"
)

const adaptLong = `Train a model further on texts of your own, without labels: it makes pairs of what
belongs together (titles and texts, headings and sections, sentences and the passages
they are taken from, neighbours, near duplicates), each with a passage of another
document that shares its words.

The texts are files and folders, as semdex index reads them, or the documents of a
collection. A fifth of the documents is held out: half of them decides when to
stop, the other half is asked for before and after, among up to 15,000 passages, by
titles and by sentences that are taken out of their passages. The same is asked once
more with the questions that keywords do not answer. The new model counts as better
if the interval of the change of dense search is above 0 and hybrid search is not worse.

One seed gives the same model unless --minutes end the training; --minutes 0 lets
--steps alone end it. Subwords that the texts do not use keep their vectors, and
--pull keeps the others near to where they were.`

const adaptExample = `  semdex adapt ~/notes manuals.jsonl -o my-model
  semdex adapt --data mydata --collection notes -o my-model
  semdex adapt --data mydata --collection notes -o my-model --swap
  semdex adapt --model my-encoder --steps 200 docs.jsonl -o my-model`

// adaptFlags are the flags of the verb adapt.
type adaptFlags struct {
	target
	sourceFlags
	paths     []string
	base      string
	out       string
	overwrite bool
	swap      bool
	mix       []string
	sts       []string
	licence   string
	options   adapt.Options
	tune      adaptTuning
	asJSON    bool
}

func (a *app) adaptCommand() *cobra.Command {
	var f adaptFlags
	c := &cobra.Command{
		Use:     "adapt [flags] [PATH...]",
		Short:   "Train a model further on your own texts",
		Long:    adaptLong,
		Example: adaptExample,
		RunE: func(cmd *cobra.Command, paths []string) error {
			f.paths = paths
			if err := f.parse(cmd); err != nil {
				return err
			}
			return a.adapt(cmd.Context(), &f)
		},
	}
	f.target.flags(c)
	f.collectionFlag(c)
	f.sourceFlags.flags(c)
	flags := c.Flags()
	flags.StringVar(&f.base, "model", builtinName, "`model` to begin with: builtin, a folder, or a name on the hub that has been pulled")
	flags.StringVarP(&f.out, "out", "o", "", "`folder` to write the model to")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace the model that is there")
	flags.BoolVar(&f.swap, "swap", false, "encode the collection anew and put it in its place if the model is better")
	flags.StringSliceVar(&f.mix, "mix", nil, "`files` with pairs to train on beside the texts, as those of semdex train static --pairs")
	flags.StringSliceVar(&f.sts, "sts", nil, "`files` of sentence pairs with people's scores, to show what the model forgets")
	flags.StringVar(&f.licence, "licence", "", "`licence` of the new model, for its card")
	flags.Float64Var(&f.options.HeldOut, "held-out", 0.2, "`share` of the documents that is not trained on")
	flags.Uint64Var(&f.options.Seed, "seed", 1, "`seed` of every random choice")
	flags.IntVar(&f.options.Workers, "workers", runtime.GOMAXPROCS(0), "`threads`")
	f.tune.flags(c)
	flags.BoolVar(&f.asJSON, "json", false, "print the report as JSON")
	return verb(c, func([]string) error { return nil })
}

func (f *adaptFlags) parse(cmd *cobra.Command) error {
	flags := cmd.Flags()
	stored := flags.Changed("data") || flags.Changed("collection") || flags.Changed("server")
	switch {
	case f.out == "":
		return usage(cmd, "adapt: --out is missing")
	case len(f.paths) == 0 && !stored:
		return usage(cmd, "adapt: there is nothing to learn from: name files, a folder, or a collection with --data and --collection")
	case f.swap && (len(f.paths) > 0 || f.server != ""):
		return usage(cmd, "adapt: --swap is for a collection of a data folder on this machine")
	case !(f.options.HeldOut > 0 && f.options.HeldOut <= 0.5):
		return usage(cmd, "--held-out is %g; above 0 and up to 0.5 make sense", f.options.HeldOut)
	case f.options.Workers < 1:
		return usage(cmd, "--workers is %d", f.options.Workers)
	}
	if err := f.sourceFlags.parse(); err != nil {
		return usage(cmd, "%v", err)
	}
	if err := f.tune.parse(cmd); err != nil {
		return err
	}
	return mayCreate(f.out, f.overwrite)
}

// adaptRun is one adaptation.
type adaptRun struct {
	*app
	f      *adaptFlags
	base   *model.Model
	set    *adapt.Set
	report adaptation
}

// adaptation is the report.
type adaptation struct {
	Model       string       `json:"model"`
	Fingerprint string       `json:"fingerprint"`
	Base        string       `json:"base"`
	Texts       adapt.Counts `json:"texts"`
	Training    adaptTrained `json:"training"`
	// Figures are of held-out questions, before and after.
	Figures []adaptFigure `json:"figures"`
	// Cosine is the mean between the old and the new vector of a held-out question.
	Cosine  float64      `json:"mean_cosine_to_base"`
	STS     []adaptSTS   `json:"sts,omitempty"`
	Better  bool         `json:"better"`
	Swapped bool         `json:"swapped,omitempty"`
	Seconds adaptSeconds `json:"seconds"`
}

type adaptSeconds struct {
	Reading   float64 `json:"reading"`
	Training  float64 `json:"training"`
	Measuring float64 `json:"measuring"`
}

func (a *app) adapt(ctx context.Context, f *adaptFlags) error {
	r := &adaptRun{app: a, f: f}
	begin := time.Now()
	base, err := a.openNamed(f.base)
	if err != nil {
		return err
	}
	defer a.close(base)
	if err := r.open(ctx, base); err != nil {
		return adaptHint(err)
	}
	r.report.Seconds.Reading = time.Since(begin).Seconds()
	trained, err := r.train(ctx)
	if err != nil {
		return adaptHint(err)
	}
	if err := r.finish(ctx, trained); err != nil {
		return err
	}
	switch {
	case f.swap:
		if err := r.swap(ctx); err != nil {
			return err
		}
	case r.report.Better && len(f.paths) == 0 && f.server == "":
		r.note("to use it: semdex reembed -d %s --model %s %s", f.data, f.out, f.collection)
	}
	if f.asJSON {
		return a.printJSON(r.report)
	}
	return r.print()
}

// open reads the texts and gives them their roles.
func (r *adaptRun) open(ctx context.Context, base *model.Model) error {
	r.base = base
	if base.Static == nil {
		r.f.options.Queries, r.f.options.Candidates = slowQueries, slowCandidates
	}
	docs, err := r.documents(ctx)
	if err != nil {
		return err
	}
	r.note("finding what belongs together in %s", count(len(docs), "document"))
	if r.set, err = adapt.New(ctx, docs, base.Tokenizer, r.f.options); err != nil {
		return err
	}
	c := r.set.Counts()
	r.report.Model, r.report.Base, r.report.Texts = r.f.out, base.Name, c
	r.note("%s to train on, %d to choose when to stop, %d to measure", count(c.Roles[adapt.Train], "document"), c.Roles[adapt.Dev], c.Roles[adapt.Test])
	if c.LeftOut > 0 {
		r.note("%s left out: more text than can be used", count(c.LeftOut, "document"))
	}
	return nil
}

// finish measures the model and writes it with what came out.
func (r *adaptRun) finish(ctx context.Context, m *model.Model) error {
	m.Name = filepath.Base(r.f.out)
	begin := time.Now()
	if err := r.measure(ctx, m); err != nil {
		return err
	}
	r.report.Seconds.Measuring = time.Since(begin).Seconds()
	save := model.SaveOptions{DType: r.dtype(), Overwrite: r.f.overwrite, Card: r.card()}
	if err := m.Save(r.f.out, save); err != nil {
		return err
	}
	if err := r.writeGolden(ctx, r.f.out); err != nil {
		return err
	}
	var err error
	r.report.Fingerprint, err = fingerprintOf(r.f.out)
	return err
}

// dtype is how the weights are stored: as those of the base.
func (r *adaptRun) dtype() model.DType {
	if r.base.Static != nil {
		return r.base.Static.Rows.DType
	}
	return model.F32
}

// encoderOf is a model in memory as the index takes it. It is not closed: the
// model stays its owner's.
func (r *adaptRun) encoderOf(m *model.Model) (*textEncoder, error) {
	e, err := embed.FromModel(m, embed.Options{Workers: r.f.options.Workers})
	if err != nil {
		return nil, err
	}
	return &textEncoder{Model: e, query: firstKey(m.Prompts, "query"), passage: firstKey(m.Prompts, "passage", "document")}, nil
}

// adaptHint says what to do about texts that do not suffice.
func adaptHint(err error) error {
	switch {
	case errors.Is(err, adapt.ErrTooLittle):
		return cli.WithHint(err, "more documents help; a long text becomes several with --lines, or one file a chapter")
	case errors.Is(err, errNothingLearnt):
		return cli.WithHint(err, "no model was written; more text, a lower --rate or a higher --pull may help, and the model may know these texts already")
	case errors.Is(err, context.Canceled):
		return cli.WithHint(err, "no model was written")
	}
	return err
}

// errNothingLearnt: no step was better than the start.
var errNothingLearnt = errors.New("training made it no better")

func (r *adaptRun) print() error {
	if err := r.printFigures(); err != nil {
		return err
	}
	verdict := "not better than " + r.report.Base
	if r.report.Better {
		verdict = "better than " + r.report.Base
	}
	_, err := fmt.Fprintf(r.stdout, "\n%s: %s on held-out questions of these texts\n", r.report.Model, verdict)
	return err
}
