package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"semdex/cmd/semdex/internal/card"
	"semdex/internal/train"
	"semdex/qa"
	"semdex/qa/evaluate"
	"semdex/qa/score"
	"semdex/qa/span"
	"semdex/qa/squad"
)

const trainQALong = `Train a span reader: it finds the answer to a question in a passage, or that there
is none. Files are in the form of SQuAD 1.1, SQuAD 2.0 or KorQuAD, plain or
gzipped.

Passages are cut into windows that overlap; those without the answer teach the
reader to say so. --negatives adds other passages of the same article, as a search
would bring them. An answer that does not stand at its offset is skipped, moved
to the nearest place (--offsets repair), or fatal (--offsets fail); each is
reported with its id.

Every evaluation reads the development questions and the weights with the best F1
are kept. At the end the scoring that tells passages apart best is chosen on them,
and the threshold below which the reader stays silent is tuned. Both are stored in
the folder, which opens in transformers as a model for question answering.`

const trainQAExample = `  semdex train qa --model my-bert --train train-v1.1.json --dev dev-v1.1.json --out reader
  semdex train qa --model my-bert --train faq.json --dev-share 0.1 --negatives 1 -o reader`

// trainQAFlags are the flags of the verb train qa.
type trainQAFlags struct {
	runFlags
	base       string
	train, dev []string
	devShare   float64
	devSample  int
	offsets    string
	config     qa.Config
	features   span.FeatureOptions
	wordLR     float64
}

func (a *app) trainQACommand() *cobra.Command {
	var f trainQAFlags
	c := &cobra.Command{
		Use: "qa [flags]", Short: "Train a reader that finds answers in passages",
		Long: trainQALong, Example: trainQAExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.parse(cmd); err != nil {
				return err
			}
			return a.trainQA(cmd.Context(), &f)
		},
	}
	f.add(c, train.Options{
		Epochs: 2, Plan: train.Plan{Tokens: 4096, Examples: 32}, Optimizer: train.AdamW{LR: 3e-5, WeightDecay: 0.01},
		WarmupShare: 0.1, Clip: 1, EvalEvery: 1000, SaveEvery: 500,
	})
	flags := c.Flags()
	flags.StringVar(&f.base, "model", "", "`model` to begin with: a folder, or a name on the hub that has been pulled")
	flags.StringSliceVar(&f.train, "train", nil, "`files` to train on")
	flags.StringSliceVar(&f.dev, "dev", nil, "`files` that choose the weights to keep and the threshold")
	flags.Float64Var(&f.devShare, "dev-share", 0, "`share` of the questions of --train to hold out for that, by whole articles")
	flags.IntVar(&f.devSample, "dev-sample", 0, "`questions` of each file to evaluate on during training; 0: all")
	flags.StringVar(&f.offsets, "offsets", string(squad.Skip), "what to do with answers that do not stand at their offset: skip, repair or fail")
	flags.Float64Var(&f.features.Unanswerable, "unanswerable", 1, "`share` of the windows without an answer to train on")
	flags.IntVar(&f.features.Negatives, "negatives", 0, "other `passages` of the article to add to every question")
	addWordRate(flags, &f.wordLR)
	addReaderFlags(flags, &f.config)
	return verb(c, noArgs)
}

func (f *trainQAFlags) parse(cmd *cobra.Command) error {
	switch {
	case f.base == "":
		return usage(cmd, "train qa: --model is missing")
	case len(f.train) == 0:
		return usage(cmd, "train qa: --train is missing")
	case !(f.devShare >= 0 && f.devShare <= 0.5):
		return usage(cmd, "--dev-share is %g; 0 to 0.5 make sense", f.devShare)
	case !(f.features.Unanswerable >= 0 && f.features.Unanswerable <= 1):
		return usage(cmd, "--unanswerable is %g, it must be between 0 and 1", f.features.Unanswerable)
	case f.features.Negatives < 0 || f.devSample < 0:
		return usage(cmd, "--negatives and --dev-sample must not be negative")
	}
	if err := oneOf(cmd, "offsets", f.offsets, squad.Skip, squad.Repair, squad.Fail); err != nil {
		return err
	}
	if err := f.config.Check(); err != nil {
		return usage(cmd, "%v", err)
	}
	f.features.Seed = f.options.Seed
	return f.runFlags.parse(cmd)
}

// qaRun is a training of a span reader.
type qaRun struct {
	*app
	f          *trainQAFlags
	net        *span.Net
	train, dev []*squad.Set
	sample     []*squad.Set // of dev, for the evaluations on the way
	latest     []evaluate.Score
}

// qaReport is how a training of a span reader ended.
type qaReport struct {
	*runReport
	Windows   *span.Report `json:"windows"`
	Threshold float64      `json:"threshold"`
	Scores    []qaResult   `json:"scores,omitempty"`
}

func (a *app) trainQA(ctx context.Context, f *trainQAFlags) error {
	base, err := a.openNamed(f.base)
	if err != nil {
		return err
	}
	defer a.close(base)
	r := &qaRun{app: a, f: f}
	if err := r.read(); err != nil {
		return err
	}
	f.config = f.config.Fit(base.Config.MaxPositions)
	splitter, err := qa.NewSplitter(base.Tokenizer, f.config)
	if err != nil {
		return err
	}
	if r.net, err = span.Open(base, f.options.Seed); err != nil {
		return err
	}
	if !r.net.FreshHead {
		a.note("the model's own span head is trained further")
	}
	features, windows, err := span.Features(ctx, splitter, r.train, f.features)
	if err != nil {
		return err
	}
	a.note("%s of %s, %s with an answer", count(windows.Windows, "window"), count(windows.Questions, "question"), count(windows.Answerable, "window"))
	if n := windows.Unplaced + windows.TooLong; n > 0 {
		a.warn("%s left out: the answer has no tokens, or more than a window holds", count(n, "question"))
	}
	task, err := span.NewTask(r.net, features)
	if err != nil {
		return err
	}
	report := &qaReport{Windows: windows}
	identity := fmt.Sprintf("qa %s %+v %+v %s words %g from %s", strings.Join(f.train, ","), f.config, f.features, f.offsets, f.wordLR, base.Fingerprint())
	if report.runReport, err = r.run(ctx, task, identity); err != nil {
		return err
	}
	if err := r.save(ctx, report); err != nil {
		return err
	}
	if f.asJSON {
		return a.printJSON(report)
	}
	if _, err := fmt.Fprintf(a.stdout, "%s: loss %.4f after %s, threshold %.3f\n", report.Model, report.Loss, count(report.Steps, "update"), report.Threshold); err != nil {
		return err
	}
	if len(report.Scores) == 0 {
		return nil
	}
	return a.printQA(report.Scores)
}

// read reads the files and holds out what the flags say.
func (r *qaRun) read() error {
	for _, path := range r.f.train {
		set, err := squad.ReadFile(path, squad.Options{Misplaced: squad.Misplaced(r.f.offsets)})
		if err != nil {
			return err
		}
		r.problems(set)
		if set.Style == score.KorQuAD {
			r.warn("%s: the licence of KorQuAD 1.0 (CC BY-ND 2.0 KR) allows no derivatives: do not pass this model on", set.Name)
		}
		if r.f.devShare > 0 {
			rest, held := set.Split(r.f.devShare, r.f.options.Seed)
			r.dev = append(r.dev, held)
			set = rest
		}
		r.train = append(r.train, set)
	}
	for _, path := range r.f.dev {
		set, err := squad.ReadFile(path, squad.Options{Misplaced: squad.Keep})
		if err != nil {
			return err
		}
		if n := r.shared(set); n > 0 {
			r.warn("%s: %s also in --train, so that its score says little", set.Name, standIn(n, "context"))
		}
		r.dev = append(r.dev, set)
	}
	for _, set := range r.dev {
		r.sample = append(r.sample, set.Sample(r.f.devSample, r.f.options.Seed))
	}
	return nil
}

func standIn(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " stands"
	}
	return count(n, noun) + " stand"
}

// shared counts the contexts of a set that are trained on.
func (r *qaRun) shared(set *squad.Set) int {
	trained := make(map[string]bool)
	for _, s := range r.train {
		for _, c := range s.Contexts {
			trained[c] = true
		}
	}
	n := 0
	for _, c := range set.Contexts {
		if trained[c] {
			n++
		}
	}
	return n
}

// problems reports what is wrong with a file: all of it with --verbose.
func (a *app) problems(set *squad.Set) {
	const some = 5
	list := set.Report.Problems
	for i, p := range list {
		if i == some && !a.verbose {
			a.warn("%s: %d more; --verbose lists them", set.Name, len(list)-some)
			break
		}
		a.warn("%s: %s", set.Name, p)
	}
	if n := set.Report.Skipped; n > 0 {
		a.warn("%s: %s left out", set.Name, count(n, "question"))
	}
}

func (r *qaRun) run(ctx context.Context, task train.Task, identity string) (*runReport, error) {
	engine, err := r.trainEngine(&r.f.runFlags)
	if err != nil {
		return nil, err
	}
	wordRate(&r.f.options.Optimizer, r.f.wordLR)
	if len(r.dev) == 0 {
		r.f.options.EvalEvery = 0
		r.warn("without --dev or --dev-share the last weights are kept, and the threshold is 0")
	} else {
		r.f.options.Evaluate = func(ctx context.Context, _ train.State) (float64, error) { return r.evaluate(ctx) }
		r.f.detail = r.detail
	}
	return r.app.train(ctx, &r.f.runFlags, engine, task, "F1", identity)
}

// reader runs the weights of now.
func (r *qaRun) reader() (*qa.Reader, error) {
	return qa.NewReader(r.net.Model(), qa.Options{Workers: r.f.workers, Config: &r.f.config})
}

// evaluate is the mean F1 over the development sets, with the threshold that is
// best for each where it has impossible questions.
func (r *qaRun) evaluate(ctx context.Context) (float64, error) {
	reader, err := r.reader()
	if err != nil {
		return 0, err
	}
	defer r.close(reader)
	r.latest = r.latest[:0]
	var sum float64
	for _, set := range r.sample {
		predictions, err := evaluate.Predict(ctx, reader, set, evaluate.Options{})
		if err != nil {
			return 0, err
		}
		threshold := evaluate.All
		if set.Report.Impossible > 0 {
			if threshold, err = evaluate.BestThreshold(evaluate.Sample{Set: set, Predictions: predictions}); err != nil {
				return 0, err
			}
		}
		s, err := evaluate.Measure(set, predictions, threshold)
		if err != nil {
			return 0, err
		}
		r.latest = append(r.latest, s)
		sum += s.F1
	}
	return sum / float64(len(r.sample)), nil
}

// detail names the sets of the latest evaluation.
func (r *qaRun) detail() string {
	var parts []string
	for i, s := range r.latest {
		parts = append(parts, fmt.Sprintf("%s: EM %s, F1 %s", r.sample[i].Name, percent(s.Exact), percent(s.F1)))
	}
	return strings.Join(parts, "; ")
}

// save tunes the threshold, writes the folder and measures it as it was written.
func (r *qaRun) save(ctx context.Context, report *qaReport) error {
	f := r.f
	if len(r.dev) > 0 {
		var err error
		o := qa.Options{Workers: f.workers, Config: &f.config}
		if f.config.Scoring, err = evaluate.Choose(ctx, r.net.Model(), o, r.sample, f.options.Seed); err != nil {
			return err
		}
		reader, err := r.reader()
		if err != nil {
			return err
		}
		report.Threshold, err = evaluate.Tune(ctx, reader, r.sample, evaluate.Options{Seed: f.options.Seed})
		r.close(reader)
		if err != nil {
			return err
		}
		f.config.Threshold = report.Threshold
	}
	c := r.card(report)
	if err := r.saveRun(ctx, &f.runFlags, r.net.Model(), c, report.runReport); err != nil {
		return err
	}
	if err := qa.WriteConfig(f.out, f.config); err != nil {
		return err
	}
	reader, err := qa.Load(ctx, f.out, qa.Options{Workers: f.workers})
	if err != nil {
		return err
	}
	defer r.close(reader)
	for _, set := range r.dev {
		rows, err := r.scoreReader(ctx, reader, set, evaluate.Options{})
		if err != nil {
			return err
		}
		report.Scores = append(report.Scores, rows...)
	}
	return nil
}

func (r *qaRun) card(report *qaReport) card.Card {
	f := r.f
	c := card.Card{
		Title: titleOf(f.out), Base: f.base, Command: "semdex train qa", Measure: "F1",
		Summary: "A span reader: it finds the answer to a question in a passage, or says that there is none. " +
			"It opens in transformers as a model for question answering.",
	}
	for _, set := range r.train {
		licence := "" // of a file that only its owner knows
		if set.Style == score.KorQuAD {
			licence = "CC BY-ND 2.0 KR"
		}
		c.Sources = append(c.Sources, card.Source{Name: set.Name, Licence: licence, Count: len(set.Questions), Unit: "questions"})
	}
	c.Set("windows", fmt.Sprintf("%d tokens, %d of them shared with the next; questions of at most %d", f.config.Window, f.config.Stride, f.config.Question))
	c.Set("windows without an answer", fmt.Sprintf("%g of them, and those of %d other passages a question", f.features.Unanswerable, f.features.Negatives))
	c.Set("scoring of spans", f.config.Scoring)
	c.Set("threshold", fmt.Sprintf("%.4f", report.Threshold))
	for i, s := range r.latest {
		c.Scores = append(c.Scores, card.Score{Set: r.sample[i].Name, Measure: "EM, last evaluation", Value: percent(s.Exact)},
			card.Score{Set: r.sample[i].Name, Measure: "F1, last evaluation", Value: percent(s.F1)})
	}
	return c
}
