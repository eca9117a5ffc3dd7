// Package settings fills a verb's flags from the environment and from a file.
package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"gopkg.in/yaml.v3"

	"semdex/internal/cli"
)

// Settings fill the flags that the command line leaves open: from environment
// variables PREFIX_FLAG_NAME, then from a YAML file whose keys are the flags'
// names, or maps of them under a verb's name.
type Settings struct {
	Prefix string // of environment variables, without the underscore
	Env    []string
	File   string // "" if there is none
	values map[string]any
}

// Load reads the settings file: path if given, else the first of name in the
// working folder and name in the user's configuration folder that exists.
func Load(prefix, path, app, name string, env []string) (*Settings, error) {
	s := &Settings{Prefix: prefix, Env: env}
	candidates := []string{name}
	if dir := userConfigDir(env); dir != "" {
		candidates = append(candidates, filepath.Join(dir, app, name))
	}
	if path != "" {
		candidates = []string{path}
	}
	for _, file := range candidates {
		raw, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) && path == "" {
			continue
		}
		if err != nil {
			return nil, err
		}
		s.File = file
		if err := yaml.Unmarshal(raw, &s.values); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		break
	}
	return s, nil
}

func userConfigDir(env []string) string {
	home := cli.Getenv(env, "HOME")
	switch runtime.GOOS {
	case "windows":
		return cli.Getenv(env, "APPDATA")
	case "darwin":
		if home != "" {
			return filepath.Join(home, "Library", "Application Support")
		}
		return ""
	}
	if dir := cli.Getenv(env, "XDG_CONFIG_HOME"); dir != "" {
		return dir
	}
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".config")
}

// EnvName is the environment variable of a flag.
func (s *Settings) EnvName(flag string) string {
	return s.Prefix + "_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Apply sets cmd's flags that were not given. A key that no verb has is an
// error, so that a misspelt setting does not pass in silence.
func (s *Settings) Apply(cmd *cobra.Command) error {
	if err := s.check(cmd.Root()); err != nil {
		return err
	}
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if failed == nil && !f.Changed && f.Name != "help" {
			failed = s.fill(cmd, f)
		}
	})
	return failed
}

func (s *Settings) fill(cmd *cobra.Command, f *pflag.Flag) error {
	name := s.EnvName(f.Name)
	if value := cli.Getenv(s.Env, name); value != "" {
		if err := set(cmd, f.Name, value); err != nil {
			return cli.Usagef("environment variable %s: %v", name, err)
		}
		return nil
	}
	value, ok := s.lookup(cmd, f.Name)
	if !ok {
		return nil
	}
	text, err := flagText(value)
	if err == nil {
		err = set(cmd, f.Name, text)
	}
	if err != nil {
		return cli.Usagef("%s: key %q: %v", s.File, f.Name, err)
	}
	return nil
}

// filled is the annotation of flags that Apply has set.
const filled = "semdex_settings"

func set(cmd *cobra.Command, flag, value string) error {
	if err := cmd.Flags().Set(flag, value); err != nil {
		return err
	}
	return cmd.Flags().SetAnnotation(flag, filled, []string{"true"})
}

// Typed says whether a flag was given on the command line itself: a setting for
// every verb is no wish of this one.
func Typed(cmd *cobra.Command, flag string) bool {
	f := cmd.Flags().Lookup(flag)
	return f != nil && f.Changed && f.Annotations[filled] == nil
}

// lookup finds a key in the innermost section that has it: for "model info"
// that is model: {info: {...}}, then model: {...}, then the top.
func (s *Settings) lookup(cmd *cobra.Command, key string) (value any, ok bool) {
	section := s.values
	value, ok = scalar(section, key)
	for _, verb := range strings.Fields(cmd.CommandPath())[1:] {
		section, _ = section[verb].(map[string]any)
		if inner, found := scalar(section, key); found {
			value, ok = inner, true
		}
	}
	return value, ok
}

// scalar leaves maps out: those are sections, even where a flag has the name.
func scalar(section map[string]any, key string) (any, bool) {
	value, ok := section[key]
	if _, isMap := value.(map[string]any); isMap || value == nil {
		return nil, false
	}
	return value, ok
}

func flagText(value any) (string, error) {
	switch value := value.(type) {
	case []any:
		items := make([]string, len(value))
		for i, item := range value {
			items[i] = fmt.Sprint(item)
		}
		return strings.Join(items, ","), nil
	case string, int, int64, uint64, float64, bool:
		return fmt.Sprint(value), nil
	}
	return "", fmt.Errorf("a value of type %T cannot be used here", value)
}

func (s *Settings) check(root *cobra.Command) error { return s.checkSection(s.values, root, "") }

func (s *Settings) checkSection(section map[string]any, cmd *cobra.Command, path string) error {
	known := map[string]bool{}
	gatherFlags(cmd, known)
	for key, value := range section {
		inner, isMap := value.(map[string]any)
		if !isMap {
			if !known[key] {
				return cli.WithHint(cli.Usagef("%s: unknown key %q", s.File, path+key), "keys are the names of flags; semdex VERB --help lists them")
			}
			continue
		}
		i := slices.IndexFunc(cmd.Commands(), func(c *cobra.Command) bool { return c.Name() == key })
		if i < 0 {
			return cli.Usagef("%s: section %q is not a verb", s.File, path+key)
		}
		if err := s.checkSection(inner, cmd.Commands()[i], path+key+"."); err != nil {
			return err
		}
	}
	return nil
}

func gatherFlags(cmd *cobra.Command, known map[string]bool) {
	add := func(f *pflag.Flag) { known[f.Name] = true }
	cmd.Flags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	cmd.PersistentFlags().VisitAll(add)
	for _, c := range cmd.Commands() {
		gatherFlags(c, known)
	}
}
