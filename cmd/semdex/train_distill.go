package main

import (
	"github.com/spf13/cobra"

	"semdex/cmd/semdex/internal/card"
)

// trainDistillCommand holds the verbs that train a student with a teacher, one
// for each thing that there is to learn.
func (a *app) trainDistillCommand() *cobra.Command {
	return group("distill", "Train a student with a teacher",
		a.trainDistillMLMCommand(),
		a.trainDistillNLICommand(),
		a.trainDistillSentenceCommand(),
	)
}

// teacherFlags name the two models of a distillation.
type teacherFlags struct {
	teacher string
	student string
}

func (f *teacherFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.teacher, "teacher", "", "`model` to learn from")
	c.Flags().StringVar(&f.student, "student", "", "`model` to train, as semdex distill init makes it")
}

func (f *teacherFlags) parse(cmd *cobra.Command) error {
	switch {
	case f.teacher == "":
		return usage(cmd, "%s: --teacher is missing", cmd.Name())
	case f.student == "":
		return usage(cmd, "%s: --student is missing", cmd.Name())
	}
	return nil
}

// sideScores adds two compared models to a card.
func sideScores(c *card.Card, set string, sides []side) {
	for _, s := range sides {
		cells := s.cells()
		for i := 1; i < len(cells); i++ {
			c.Scores = append(c.Scores, card.Score{Set: set, Measure: sideHeader[i] + " of " + s.Name, Value: cells[i]})
		}
	}
}
