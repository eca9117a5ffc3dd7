package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/spf13/cobra"

	"semdex/index"
	"semdex/index/local"
	"semdex/internal/cli"
	"semdex/internal/progress"
)

const backupLong = `Copy a collection of a data folder into an empty folder, with checksums. It works
on the files, so it must run on the machine that has them; a server or another
semdex may use the data folder and write to it meanwhile. The backup holds what was
acknowledged before it began.

semdex restore makes a collection of it again.`

func (a *app) backupCommand() *cobra.Command {
	var data string
	var asJSON bool
	c := &cobra.Command{
		Use:     "backup [flags] COLLECTION DIR",
		Short:   "Copy a collection while it is in use",
		Long:    backupLong,
		Example: "  semdex backup -d data notes backups/notes-monday",
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := os.Stat(data); errors.Is(err, fs.ErrNotExist) {
				return cli.WithHint(fmt.Errorf("there is no data folder %s", data), "--data says where it is")
			}
			var copied copying
			bar := a.progress("copying", copied.state)
			b, err := local.WriteBackup(cmd.Context(), data, args[0], args[1], copied.options())
			bar.Stop()
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(b)
			}
			_, err = fmt.Fprintf(a.stdout, "%s: %s in %s, as of write %d\n", b.Collection, progress.Bytes(b.Bytes()), args[1], b.Sequence)
			return err
		},
	}
	c.Flags().StringVarP(&data, "data", "d", defaultData, "`folder` of the index")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return verb(c, exactly(2, "the name of a collection or the folder of the backup"))
}

const restoreLong = `Make a collection of a backup. All its checksums are verified first; a backup that
is damaged or did not end is refused. No server may use the data folder meanwhile:
restore into a folder of its own if one does, and move the documents with semdex
export and semdex import.`

func (a *app) restoreCommand() *cobra.Command {
	var data, name string
	var asJSON bool
	c := &cobra.Command{
		Use:     "restore [flags] DIR",
		Short:   "Make a collection of a backup",
		Long:    restoreLong,
		Example: "  semdex restore -d data --as notes-monday backups/notes-monday",
		RunE: func(cmd *cobra.Command, dirs []string) error {
			engine, err := a.openEngine(data, mayBeNew)
			if err != nil {
				return err
			}
			defer a.close(engine)
			var copied copying
			bar := a.progress("restoring", copied.state)
			info, err := engine.Restore(cmd.Context(), dirs[0], name, copied.options())
			bar.Stop()
			if errors.Is(err, index.ErrCollectionExists) {
				err = cli.WithHint(err, "--as gives it another name")
			}
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(info)
			}
			_, err = fmt.Fprintf(a.stdout, "%s: %s, %s\n", info.Name, count(info.Documents, "document"), count(info.Passages, "passage"))
			return err
		},
	}
	c.Flags().StringVarP(&data, "data", "d", defaultData, "`folder` of the index")
	c.Flags().StringVar(&name, "as", "", "`name` of the collection (default its name when it was backed up)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return verb(c, exactly(1, "the folder of a backup"))
}

// copying is how far a copy has come.
type copying struct{ done, total atomic.Int64 }

func (c *copying) options() local.BackupOptions {
	return local.BackupOptions{Progress: func(done, total int64) {
		c.done.Store(done)
		c.total.Store(total)
	}}
}

func (c *copying) state() progress.State {
	return progress.State{Done: c.done.Load(), Total: c.total.Load(), Bytes: true}
}
