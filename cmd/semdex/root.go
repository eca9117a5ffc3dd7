package main

import (
	"github.com/spf13/cobra"

	"semdex/cmd/semdex/internal/settings"
	"semdex/internal/cli"
)

const rootLong = `semdex finds documents by meaning and by words, in Korean and English.

  semdex serve --demo                     a server with a small bilingual corpus
  semdex index --data DIR corpus.jsonl    documents in
  semdex search --data DIR "a question"   ranked passages out

Data goes to standard output, everything else to standard error. Every flag can
also be set by an environment variable (--data is SEMDEX_DATA) or by a key of its
name in semdex.yaml, in the working folder or the user's configuration folder.
Exit status: 0 done, 1 failed, 2 usage.`

const (
	groupSearch = "search"
	groupModels = "models"
	groupOther  = "other"
)

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:               "semdex",
		Short:             "Search by meaning and by words",
		Long:              rootLong,
		Args:              cobra.ArbitraryArgs,
		RunE:              showHelp,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: a.applySettings,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, "%v", err) })
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { writeHelp(a.stdout, cmd, a.out) })
	flags := root.PersistentFlags()
	flags.StringVar(&a.config, "config", "", "settings file (default semdex.yaml, if there is one)")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "no progress and no notes")
	flags.BoolVar(&a.verbose, "verbose", false, "log more")

	root.AddGroup(
		&cobra.Group{ID: groupSearch, Title: "Documents:"},
		&cobra.Group{ID: groupModels, Title: "Models:"},
		&cobra.Group{ID: groupOther, Title: "Other:"},
	)
	add := func(id string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = id
			root.AddCommand(c)
		}
	}
	add(groupSearch, a.serveCommand(), a.indexCommand(), a.searchCommand(), a.askCommand(), a.getCommand(), a.deleteCommand(),
		a.collectionsCommand(), a.aliasCommand(), a.exportCommand(), a.importCommand(), a.reembedCommand(),
		a.backupCommand(), a.restoreCommand(), a.checkCommand())
	add(groupModels, a.embedCommand(), a.modelCommand(), a.adaptCommand(), a.distillCommand(), a.dataCommand(), a.trainCommand(), a.evalCommand(), a.benchCommand())
	add(groupOther, a.versionCommand())
	root.SetHelpCommandGroupID(groupOther)
	root.SetCompletionCommandGroupID(groupOther)
	return root
}

// applySettings fills the flags that the command line left open.
func (a *app) applySettings(cmd *cobra.Command, _ []string) error {
	path := a.config
	if path == "" {
		path = cli.Getenv(a.env, "SEMDEX_CONFIG")
	}
	fill, err := settings.Load("SEMDEX", path, "semdex", "semdex.yaml", a.env)
	if err != nil {
		return cli.WithHint(err, "settings are read from --config, or semdex.yaml in the working or the user's configuration folder")
	}
	return fill.Apply(cmd)
}
