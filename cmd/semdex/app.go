package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"semdex/internal/cli"
	"semdex/internal/progress"
)

// app is what the verbs share: the streams, the environment and the settings
// that hold for every verb.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            []string
	out, err       cli.Terminal

	config  string
	quiet   bool
	verbose bool

	loads bool // the verb fills an index and does nothing else
}

func newApp(stdin io.Reader, stdout, stderr io.Writer, env []string) *app {
	return &app{
		stdin: stdin, stdout: stdout, stderr: stderr, env: env,
		out: cli.Inspect(stdout, env), err: cli.Inspect(stderr, env),
	}
}

// finish reports how a verb ended and returns the exit status.
func (a *app) finish(ctx context.Context, err error) int {
	if err == nil {
		return cli.ExitOK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = cli.WithHint(errors.New("interrupted"), "%s", cli.Hint(err))
	}
	if !errors.Is(err, cli.ErrShown) {
		cli.Report(a.stderr, "semdex", withHint(err))
	}
	return cli.ExitStatus(err)
}

// note writes a line for people, unless they asked for quiet.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		_, _ = fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}

// warn writes a line that quiet does not hide.
func (a *app) warn(format string, args ...any) {
	_, _ = fmt.Fprintf(a.stderr, "warning: "+format+"\n", args...)
}

// printJSON writes a value as data, indented where people may read it.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// progress starts a bar; with --quiet it draws nothing.
func (a *app) progress(label string, poll func() progress.State) *progress.Bar {
	w := a.stderr
	if a.quiet {
		w = io.Discard
	}
	return progress.Start(w, progress.Options{Label: label, Terminal: a.err.IsTerminal && !a.quiet, Width: a.err.Width}, poll)
}

// count writes a number with the word for what it counts.
func count[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return progress.Count(int64(n)) + " " + noun + "s"
}

// serverLogger writes what a server reports.
func (a *app) serverLogger() *slog.Logger {
	if a.quiet {
		return a.logger(slog.LevelWarn)
	}
	return a.logger(slog.LevelInfo)
}

// engineLogger writes what an index reports beside the answers to its caller:
// what it had to repair, or could not do in the background.
func (a *app) engineLogger() *slog.Logger { return a.logger(slog.LevelWarn) }

// logger writes records of a level or above, with --verbose all of them.
func (a *app) logger(level slog.Level) *slog.Logger {
	if a.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
}

// arity checks how many arguments a verb got.
type arity func(given []string) error

func noArgs(given []string) error {
	if len(given) > 0 {
		return fmt.Errorf("takes no arguments, got %q", given[0])
	}
	return nil
}

// atLeast wants n arguments or more, of which what names one.
func atLeast(n int, what string) arity {
	return func(given []string) error {
		if len(given) < n {
			return fmt.Errorf("%s is missing", what)
		}
		return nil
	}
}

// exactly wants n arguments.
func exactly(n int, what string) arity {
	return func(given []string) error {
		if err := atLeast(n, what)(given); err != nil {
			return err
		}
		if len(given) > n {
			return fmt.Errorf("one argument too many: %q", given[n])
		}
		return nil
	}
}

func atMost(n int) arity {
	return func(given []string) error {
		if len(given) > n {
			return fmt.Errorf("one argument too many: %q", given[n])
		}
		return nil
	}
}

// verb finishes a command: errors of its arguments are usage errors.
func verb(c *cobra.Command, args arity) *cobra.Command {
	c.Args = func(cmd *cobra.Command, given []string) error {
		if err := args(given); err != nil {
			return usage(cmd, "%s: %v", strings.TrimPrefix(cmd.CommandPath(), "semdex "), err)
		}
		return nil
	}
	c.DisableFlagsInUseLine = true
	return c
}

// group makes a command that only holds others.
func group(use, short string, verbs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: showHelp}
	c.AddCommand(verbs...)
	return c
}

// showHelp is what a command without an action does. An argument it does not
// know is a usage error.
func showHelp(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	err := cli.Usagef("unknown verb %q", strings.TrimPrefix(cmd.CommandPath()+" "+args[0], "semdex "))
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return cli.WithHint(err, "did you mean: %s %s", cmd.CommandPath(), strings.Join(near, ", "))
	}
	return cli.WithHint(err, "%s --help lists the verbs", cmd.CommandPath())
}

// usage is an error in how a verb was called.
func usage(cmd *cobra.Command, format string, args ...any) error {
	return cli.WithHint(cli.Usagef(format, args...), "%s --help", cmd.CommandPath())
}
