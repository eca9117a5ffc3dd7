package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"semdex/internal/cli"
)

// writeHelp replaces cobra's help and usage texts: what the verb does, how it
// is called, examples, flags.
func writeHelp(w io.Writer, cmd *cobra.Command, terminal cli.Terminal) {
	var b strings.Builder
	about := cmd.Long
	if about == "" {
		about = cmd.Short + "."
	}
	fmt.Fprintf(&b, "%s\n", strings.TrimSpace(about))
	heading := func(s string) { fmt.Fprintf(&b, "\n%s\n", terminal.Paint(cli.Bold, s)) }

	heading("Usage:")
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s VERB\n", cmd.CommandPath())
	} else {
		fmt.Fprintf(&b, "  %s\n", cmd.UseLine())
	}
	if cmd.HasExample() {
		heading("Examples:")
		fmt.Fprintf(&b, "%s\n", strings.TrimRight(cmd.Example, "\n"))
	}
	writeVerbs(&b, cmd, heading)
	if local := flagLines(cmd.LocalNonPersistentFlags()); len(local) > 0 && !cmd.HasAvailableSubCommands() {
		heading("Flags:")
		writeColumns(&b, local)
	}
	if shared := flagLines(cmd.Root().PersistentFlags()); len(shared) > 0 {
		heading("Flags of every verb:")
		writeColumns(&b, append(shared, [2]string{"-h, --help", "show this"}))
	}
	_, _ = io.WriteString(w, b.String())
}

func writeVerbs(b *strings.Builder, cmd *cobra.Command, heading func(string)) {
	byGroup := map[string][][2]string{}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			byGroup[c.GroupID] = append(byGroup[c.GroupID], [2]string{c.Name(), c.Short})
		}
	}
	for _, g := range cmd.Groups() {
		if len(byGroup[g.ID]) > 0 {
			heading(g.Title)
			writeColumns(b, byGroup[g.ID])
		}
	}
	if rest := byGroup[""]; len(rest) > 0 {
		heading("Verbs:")
		writeColumns(b, rest)
	}
}

func flagLines(flags *pflag.FlagSet) [][2]string {
	var lines [][2]string
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name, usage := pflag.UnquoteUsage(f)
		left := "    --" + f.Name
		if f.Shorthand != "" {
			left = "-" + f.Shorthand + ", --" + f.Name
		}
		if f.Value.Type() != "bool" {
			left += " " + strings.ToUpper(valueName(name))
		}
		if d := f.DefValue; d != "" && d != "false" && d != "0" && d != "0s" && d != "[]" && !strings.Contains(usage, "(default") {
			usage += " (default " + d + ")"
		}
		lines = append(lines, [2]string{left, usage})
	})
	return lines
}

// valueName keeps type names short.
func valueName(name string) string {
	switch name {
	case "strings", "stringSlice":
		return "a,b"
	case "string":
		return "text"
	case "int", "int64", "uint64", "uint":
		return "n"
	case "float", "float64":
		return "x"
	case "ints":
		return "n,n"
	}
	return name
}

const (
	helpWidth   = 96
	helpLeftMax = 26
)

func writeColumns(b *strings.Builder, lines [][2]string) {
	left := 0
	for _, l := range lines {
		if n := len(l[0]); n <= helpLeftMax {
			left = max(left, n)
		}
	}
	for _, l := range lines {
		text := wrapPlain(l[1], helpWidth-left-4)
		if len(l[0]) > left {
			fmt.Fprintf(b, "  %s\n", l[0])
		} else if len(text) > 0 {
			fmt.Fprintf(b, "  %-*s  %s\n", left, l[0], text[0])
			text = text[1:]
		}
		for _, line := range text {
			fmt.Fprintf(b, "  %-*s  %s\n", left, "", line)
		}
	}
}
