package main

import (
	"errors"
	"syscall"

	"semdex/embed"
	"semdex/embed/model"
	"semdex/index"
	"semdex/index/local"
	"semdex/internal/cli"
)

// hints are what to do next about errors that come from below without one.
var hints = []struct {
	err  error
	hint string
}{
	{index.ErrLocked, "a server or another semdex uses this folder; stop it, or ask it with --server URL"},
	{index.ErrCollectionNotFound, "semdex collections lists what there is"},
	{local.ErrBackup, "take the last backup that ended; semdex backup says so when it is done"},
	{index.ErrAliasNotFound, "semdex alias list shows what there is"},
	{index.ErrAliased, "semdex alias set moves an alias to another collection, semdex alias delete forgets it"},
	{index.ErrDocumentNotFound, "ids are those of the indexed file; semdex search shows them"},
	{index.ErrModelMismatch, "use the model the collection was built with (--model), or index into a new collection"},
	{index.ErrUnknownField, "semdex collections info NAME lists the fields that filters can use"},
	{index.ErrInvalidFilter, `filters look like: lang = "ko" and year >= 2000`},
	{index.ErrFieldType, "a field keeps the kind of its first value; --meta NAME:keyword or NAME:number sets it"},
	{index.ErrInvalidName, "names are made of letters, digits, hyphens and underscores"},
	{index.ErrNewerFormat, "upgrade semdex, or use another data folder"},
	{index.ErrCorrupt, "semdex check --repair mends what can be mended; restore a backup of the rest, or drop it and index its documents again"},
	{model.ErrNotModel, "a model folder holds config.json, model.safetensors, and tokenizer.json or vocab.txt"},
	{model.ErrCorrupt, "the copy of the model is not whole; semdex model pull fetches it again"},
	{model.ErrTensor, "the files of the folder do not belong together; semdex model pull fetches the model again"},
	{model.ErrVocabulary, "the files of the folder do not belong together; semdex model pull fetches the model again"},
	{embed.ErrNotFinite, "the weights are broken: train, convert or fetch the model again"},
	{embed.ErrNotClassifier, "semdex train cross makes a model that judges pairs of texts"},
	{syscall.ENOSPC, "free some space on the disk and try again; nothing that was stored is lost"},
}

// withHint adds the hint for an error of the packages below.
func withHint(err error) error {
	if cli.Hint(err) != "" {
		return err
	}
	for _, h := range hints {
		if errors.Is(err, h.err) {
			return cli.WithHint(err, "%s", h.hint)
		}
	}
	return err
}
