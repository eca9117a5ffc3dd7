package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func tree(ran *string) *cobra.Command {
	root := &cobra.Command{Use: "app"}
	run := func(cmd *cobra.Command, _ []string) {
		addr, _ := cmd.Flags().GetString("addr")
		top, _ := cmd.Flags().GetInt("top-k")
		tags, _ := cmd.Flags().GetStringSlice("tag")
		*ran = fmt.Sprint(addr, " ", top, " ", tags)
	}
	serve := &cobra.Command{Use: "serve", Run: run}
	serve.Flags().String("addr", "default", "")
	serve.Flags().Int("top-k", 1, "")
	serve.Flags().StringSlice("tag", nil, "")
	root.AddCommand(serve)
	root.SilenceErrors, root.SilenceUsage = true, true
	return root
}

func TestSettingsPrecedence(t *testing.T) {
	cases := []struct {
		name, file string
		env, args  []string
		want, err  string
	}{
		{name: "default", want: "default 1 []"},
		{name: "file", file: "addr: file\ntop-k: 5\ntag: [a, b]\n", want: "file 5 [a b]"},
		{name: "section over top", file: "addr: file\nserve:\n  addr: section\n", want: "section 1 []"},
		{name: "env over file", file: "addr: file\n", env: []string{"X_ADDR=env", "X_TOP_K=7"}, want: "env 7 []"},
		{name: "flag over env", file: "addr: file\n", env: []string{"X_ADDR=env"}, args: []string{"--addr", "flag"}, want: "flag 1 []"},
		{name: "last of env", env: []string{"X_ADDR=a", "X_ADDR=b"}, want: "b 1 []"},
		{name: "bad env", env: []string{"X_TOP_K=many"}, err: "environment variable X_TOP_K"},
		{name: "bad file value", file: "top-k: many\n", err: `key "top-k"`},
		{name: "unknown key", file: "adr: x\n", err: `unknown key "adr"`},
		{name: "unknown section", file: "sreve:\n  addr: x\n", err: `section "sreve" is not a verb`},
		{name: "not yaml", file: "a: [\n", err: "yaml"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := ""
			if c.file != "" {
				path = filepath.Join(t.TempDir(), "x.yaml")
				if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var ran string
			root := tree(&ran)
			root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
				s, err := Load("X", path, "x", "absent.yaml", c.env)
				if err != nil {
					return err
				}
				return s.Apply(cmd)
			}
			root.SetArgs(append([]string{"serve"}, c.args...))
			err := root.Execute()
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || ran != c.want {
				t.Fatalf("got %q, %v; want %q", ran, err, c.want)
			}
		})
	}
}

func TestUserFolderIsRead(t *testing.T) {
	home := t.TempDir()
	env := []string{"HOME=" + home, "APPDATA=" + home, "XDG_CONFIG_HOME=" + filepath.Join(home, "cfg")}
	dir := filepath.Join(userConfigDir(env), "x")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "x.yaml")
	if err := os.WriteFile(file, []byte("addr: home\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Load("X", "", "x", "x.yaml", env)
	if err != nil || s.File != file {
		t.Fatalf("file %q, %v", s.File, err)
	}
	if _, err := Load("X", filepath.Join(home, "absent.yaml"), "x", "x.yaml", env); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is named must exist: %v", err)
	}
}

func TestErrors(t *testing.T) {
	cause := WithHint(errors.New("cause"), "inner %d", 1)
	err := WithHint(fmt.Errorf("outer: %w", cause), "outer hint")
	if got := Hint(err); got != "inner 1" {
		t.Errorf("hint %q", got)
	}
	var b strings.Builder
	Report(&b, "app", err)
	if b.String() != "app: outer: cause\nhint: inner 1\n" {
		t.Errorf("report %q", b.String())
	}
	for want, err := range map[int]error{0: nil, 1: err, 2: fmt.Errorf("x: %w", Usagef("y"))} {
		if got := ExitStatus(err); got != want {
			t.Errorf("exit %d of %v, want %d", got, err, want)
		}
	}
	if WithHint(nil, "x") != nil {
		t.Error("a hint made an error of nil")
	}
}

func TestWidths(t *testing.T) {
	for s, want := range map[string]int{"abc": 3, "한국어": 6, "e\u0301": 1, "👍": 2, "ㄱ": 2, "\u1112\u1161\u11ab": 2, "ＡＢ": 4, "a\u200bb": 2} {
		if got := Width(s); got != want {
			t.Errorf("Width(%q) = %d, want %d", s, got, want)
		}
	}
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"한국어", 5, "한국…"}, {"한국어", 4, "한…"}} {
		if got := Fit(c.in, c.n); got != c.want {
			t.Errorf("Fit(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want []string
	}{
		{"one two three", 7, []string{"one two", "three"}},
		{"one two three", 8, []string{"one two", "three"}},
		{"경복궁은 조선의 법궁이다", 10, []string{"경복궁은", "조선의", "법궁이다"}},
		{"abcdefgh ij", 3, []string{"abc", "def", "gh", "ij"}},
		{"한국어", 3, []string{"한", "국", "어"}},
		{"  spaces   inside ", 6, []string{"spaces", "inside"}},
		{"", 5, nil},
	} {
		var got []string
		text := []rune(c.in)
		for _, r := range Wrap(text, c.n) {
			got = append(got, string(text[r.Start:r.End]))
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("Wrap(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func TestSnippet(t *testing.T) {
	text := []rune("The first sentence is here. Another one follows it. The palace of the kings stands in Seoul. The end comes.")
	at := strings.Index(string(text), "palace")
	marks := []Range{{4, 9}, {at, at + 6}, {at + 14, at + 19}}
	for _, c := range []struct {
		marks   []Range
		columns int
		want    string
	}{
		{marks, 200, string(text)},
		{marks, 44, "The palace of the kings stands in Seoul. The"},
		{nil, 26, "The first sentence is"},
		{marks[:1], 20, "The first sentence"},
	} {
		r := Snippet(text, c.marks, c.columns)
		if got := string(text[r.Start:r.End]); got != c.want {
			t.Errorf("columns %d: %q, want %q", c.columns, got, c.want)
		}
	}
}

func TestTerminal(t *testing.T) {
	if got := Inspect(io.Discard, []string{"COLUMNS=33"}); got.Width() != 33 || got.Color || got.IsTerminal {
		t.Errorf("%+v", got)
	}
	forced := Inspect(io.Discard, []string{"CLICOLOR_FORCE=1"})
	text := []rune("a 경복궁 b")
	if got := forced.PaintRange(text, Range{0, 7}, []Range{{2, 5}}, Match); got != "a \x1b[1;33m경복궁\x1b[0m b" {
		t.Errorf("painted %q", got)
	}
	if got := Inspect(io.Discard, []string{"CLICOLOR_FORCE=1", "NO_COLOR=1"}); got.Color {
		t.Error("NO_COLOR was ignored")
	}
	if got := Clean("a\x1b[31m\tb\nc\u202e"); got != "a\uFFFD[31m b c\uFFFD" {
		t.Errorf("clean %q", got)
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	table := Table{Header: []string{"name", "n"}, Right: []bool{false, true}, Rows: [][]string{{"한국", "5"}, {"en", "1,000"}}}
	if err := table.Write(&b, Terminal{}); err != nil {
		t.Fatal(err)
	}
	if want := "name      n\n한국      5\nen    1,000\n"; b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
