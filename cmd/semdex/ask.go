package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"semdex/api"
	"semdex/cmd/semdex/internal/settings"
	"semdex/index"
	"semdex/internal/cli"
)

const askLong = `Answer a question from the documents of a collection: the best passages are found
as by semdex search and read by a model: a small one is built in, semdex train qa makes
others (--reader).
The answer is shown in its sentence; nothing is shown if the reader is surer that
the passages hold none.

With --server the server searches and reads, with the reader it was started with.`

const askExample = `  semdex ask "When was the palace built?"
  semdex ask --reader my-reader -c wiki --answers 1 --json "경복궁은 언제 지었나?"
  semdex ask --server http://127.0.0.1:8080 --filter 'lang = "ko"' "경복궁은 언제 지었나?"`

// askFlags are the flags of the verb ask.
type askFlags struct {
	target
	modelFlags
	reader   string
	passages int
	answers  int
	filter   string
	minScore float64
	noCache  bool
	asJSON   bool
}

func (a *app) askCommand() *cobra.Command {
	var f askFlags
	c := &cobra.Command{
		Use: "ask [flags] QUESTION", Short: "Answer a question from documents",
		Long: askLong, Example: askExample,
		RunE: func(cmd *cobra.Command, words []string) error {
			q, err := f.question(cmd, strings.Join(words, " "))
			if err != nil {
				return err
			}
			return a.ask(cmd.Context(), q, &f)
		},
	}
	f.target.flags(c)
	f.collectionFlag(c)
	f.modelFlags.flags(c)
	flags := c.Flags()
	addReaderFlag(flags, &f.reader, "")
	flags.IntVar(&f.passages, "passages", api.DefaultPassages, "how many `passages` to read")
	flags.IntVarP(&f.answers, "answers", "n", api.DefaultAnswers, "how `many` answers at most")
	flags.StringVar(&f.filter, "filter", "", "`condition` on metadata, such as 'lang = \"ko\"'")
	flags.Float64Var(&f.minScore, "min-score", api.DefaultMinScore, "leave out answers below this `score`, 0 to 1")
	flags.BoolVar(&f.noCache, "no-cache", false, "read again what a server remembers, and do not have it remembered")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return verb(c, atLeast(1, "a question"))
}

// question puts the flags together; what does not make sense is a usage error.
func (f *askFlags) question(cmd *cobra.Command, text string) (api.Question, error) {
	q := api.Question{Text: text, Collection: f.collection, Passages: f.passages, Answers: f.answers, MinScore: &f.minScore}
	switch {
	case strings.TrimSpace(text) == "":
		return q, usage(cmd, "the question is empty")
	case f.passages < 1 || f.passages > api.MaxPassages:
		return q, usage(cmd, "--passages is %d, it must be between 1 and %d", f.passages, api.MaxPassages)
	case f.answers < 1 || f.answers > api.MaxAnswers:
		return q, usage(cmd, "--answers is %d, it must be between 1 and %d", f.answers, api.MaxAnswers)
	case !(f.minScore >= 0 && f.minScore <= 1):
		return q, usage(cmd, "--min-score is %g, it must be between 0 and 1", f.minScore)
	case f.server == "" && (f.reader == "" || f.reader == noReader):
		return q, cli.WithHint(cli.Usagef("ask: a reader is needed"), "%s", readerHint)
	case f.server != "" && settings.Typed(cmd, "reader"):
		return q, usage(cmd, "--reader is for a folder of documents; a server reads with its own")
	}
	var err error
	if f.filter != "" {
		if q.Filter, err = index.ParseFilter(f.filter); err != nil {
			return q, usage(cmd, "%v", err)
		}
	}
	return q, nil
}

func (a *app) ask(ctx context.Context, q api.Question, f *askFlags) error {
	answers, err := a.answer(ctx, q, f)
	if err != nil {
		return err
	}
	if answers.Stats.Degraded != "" {
		a.warn("passages found by words alone: %s", answers.Stats.Degraded)
	}
	if f.asJSON {
		return a.printJSON(answers)
	}
	if err := a.printAnswers(answers); err != nil {
		return err
	}
	if len(answers.Answers) > 0 {
		a.note("")
	}
	a.note("%s", a.err.Paint(cli.Faint, cli.Clean(describeAnswers(answers, f.minScore))))
	for _, q := range answers.Suggestions {
		a.note("%s", a.err.Paint(cli.Faint, cli.Clean("asked before: "+q.Question)))
	}
	return nil
}

// describeAnswers says where answers come from, or that none scores as much as is
// asked for.
func describeAnswers(list api.Answers, least float64) string {
	s, none := list.Stats, len(list.Answers) == 0
	switch c := list.Cached; {
	case c != nil && none:
		return fmt.Sprintf("no answer on %s to %q (%.2f similar); --no-cache reads again", c.AskedAt.Local().Format(time.DateTime), c.Question, c.Similarity)
	case c != nil:
		return fmt.Sprintf("answered on %s to %q (%.2f similar); --no-cache reads again", c.AskedAt.Local().Format(time.DateTime), c.Question, c.Similarity)
	case s.Passages == 0:
		return "no passage to read an answer in"
	case none:
		return fmt.Sprintf("no answer in %s scores %g, the best %.2f; --min-score 0 shows what came nearest", count(s.Passages, "passage"), least, 1-list.NoAnswerScore)
	}
	return fmt.Sprintf("%s read in %s, %.0f ms", count(s.Passages, "passage"), count(s.Windows, "window"), s.TookMS)
}

// answer asks a server, or a folder and a reader.
func (a *app) answer(ctx context.Context, q api.Question, f *askFlags) (api.Answers, error) {
	if f.server != "" {
		r, err := newRemote(f.server, f.apiKey)
		if err != nil {
			return api.Answers{}, err
		}
		defer a.close(r)
		return r.Ask(ctx, q, !f.noCache)
	}
	reader, err := a.openAnswerer(ctx, f.reader, &f.modelFlags)
	if err != nil {
		return api.Answers{}, err
	}
	defer a.close(reader)
	st, err := a.openModelled(ctx, &f.target, &f.modelFlags, index.ServiceOptions{}, mustExist)
	if err != nil {
		return api.Answers{}, err
	}
	defer a.close(st)
	return api.Ask(ctx, st, reader, q)
}

// Ask asks POST /qa.
func (r *remote) Ask(ctx context.Context, q api.Question, cache bool) (api.Answers, error) {
	request := map[string]any{
		"question": q.Text, "collection": q.Collection, "passages": q.Passages, "answers": q.Answers, "min_score": q.MinScore,
	}
	if !cache { // servers of before refuse the field
		request["cache"] = false
	}
	if q.Filter != nil {
		request["filter"] = q.Filter.String()
	}
	var answers api.Answers
	err := r.call(ctx, http.MethodPost, "/qa", request, &answers)
	return answers, err
}

// printAnswers writes answers for people: score, title and id, and the sentence
// with the answer marked.
func (a *app) printAnswers(list api.Answers) error {
	var b strings.Builder
	width := min(a.out.Width(), widestText)
	for i, answer := range list.Answers {
		if i > 0 {
			b.WriteByte('\n')
		}
		title := answer.Title
		if title == "" {
			title = answer.DocumentID
		}
		score := strconv.FormatFloat(answer.Score, 'f', 3, 64)
		fmt.Fprintf(&b, "%s  %s\n", a.out.Paint(cli.Bold, cli.Clean(answer.Text)), a.out.Paint(cli.Green, score))
		fmt.Fprintf(&b, "  %s\n", a.out.Paint(cli.Faint, cli.Fit(cli.Clean(title+"  "+answer.PassageID), width-2)))
		text := []rune(cli.Clean(answer.Context))
		mark := cli.Range{Start: answer.Start - answer.ContextStart, End: answer.End - answer.ContextStart}
		for _, line := range cli.Wrap(text, width-2) {
			fmt.Fprintf(&b, "  %s\n", a.out.PaintRange(text, line, []cli.Range{mark}, cli.Match))
		}
	}
	_, err := a.stdout.Write([]byte(b.String()))
	return err
}
