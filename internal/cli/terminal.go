// Package cli holds what every verb of a command line needs: errors that carry
// a hint and an exit status, and text laid out for a terminal.
package cli

import (
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// Terminal describes where output goes.
type Terminal struct {
	IsTerminal bool
	Color      bool
	file       *os.File
	columns    int // from COLUMNS; 0 asks the terminal
}

// Inspect looks at an output. Colours need a terminal that is not dumb, and
// NO_COLOR unset; CLICOLOR_FORCE asks for them anywhere.
func Inspect(w io.Writer, env []string) Terminal {
	t := Terminal{}
	if f, ok := w.(*os.File); ok {
		t.file = f
		t.IsTerminal = term.IsTerminal(int(f.Fd()))
	}
	t.columns, _ = strconv.Atoi(Getenv(env, "COLUMNS"))
	forced := Getenv(env, "CLICOLOR_FORCE")
	t.Color = t.IsTerminal && Getenv(env, "TERM") != "dumb" || forced != "" && forced != "0"
	if Getenv(env, "NO_COLOR") != "" {
		t.Color = false
	}
	return t
}

// Width is the number of columns, 80 where that is not known.
func (t Terminal) Width() int {
	if t.columns > 0 {
		return t.columns
	}
	if t.IsTerminal {
		if w, _, err := term.GetSize(int(t.file.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return 80
}

// Getenv looks a variable up in env; the last one of a name counts.
func Getenv(env []string, name string) string {
	for _, entry := range slices.Backward(env) {
		if key, value, _ := strings.Cut(entry, "="); key == name {
			return value
		}
	}
	return ""
}

// Style is a set of SGR parameters.
type Style string

// The styles in use. They stay readable on light and dark backgrounds.
const (
	Plain  Style = ""
	Bold   Style = "1"
	Faint  Style = "2"
	Match  Style = "1;33"
	Green  Style = "32"
	Red    Style = "31"
	Yellow Style = "33"
)

// Paint wraps text in a style, if the terminal has colours.
func (t Terminal) Paint(style Style, text string) string {
	if !t.Color || style == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}

// Clean makes foreign text safe to print on one line: white space becomes one
// space each, and what CleanLines marks is marked.
func Clean(text string) string {
	return clean(text, func(rune) bool { return false })
}

// CleanLines makes foreign text safe to print: control characters, which could
// move the cursor or change the terminal, become visible marks. Lines and tabs
// stay.
func CleanLines(text string) string {
	return clean(text, func(r rune) bool { return r == '\n' || r == '\t' })
}

func clean(text string, keep func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		switch {
		case keep(r):
			return r
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0 || isBidiControl(r):
			return '\uFFFD'
		}
		return r
	}, text)
}

// isBidiControl names the characters that reorder what follows them.
func isBidiControl(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
