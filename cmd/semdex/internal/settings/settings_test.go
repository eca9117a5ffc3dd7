package settings

import (
	"errors"
	"fmt"
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
