package static

import (
	"context"
	"fmt"
	"os"

	"semdex/embed/model"
	"semdex/embed/tokenize"
	"semdex/internal/kernel"
	"semdex/nli/pairs"
)

// Train trains a static table for the tokenizer's vocabulary on data, and calls
// progress, which may be nil, as it goes. The model is in memory, float32;
// Model.Save writes it, as int8 if asked,
// with a card that names data, licences and scores. A cancelled ctx ends the training
// within a step with ctx's error and without a model.
func Train(ctx context.Context, c Config, tok *tokenize.Tokenizer, data *pairs.Data, progress func(Progress)) (*model.Model, Report, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, Report{}, fmt.Errorf("static table: %w", err)
	}
	level, err := kernel.Choose(os.Getenv(kernel.EnvLevel))
	if err != nil {
		return nil, Report{}, err
	}
	t, err := newTrainer(ctx, c, level, tok, tok.Len(), data)
	if err != nil {
		return nil, Report{}, fmt.Errorf("static table: %w", err)
	}
	t.table = newTable(level, tok.Len(), c.Dims, c.Workers, c.Seed)
	report, err := t.run(ctx, progress)
	if err != nil {
		return nil, Report{}, fmt.Errorf("static table: %w", err)
	}
	rows := model.NewF32("embedding.weight", []int{t.table.vocab, c.Dims}, t.table.rows)
	return &model.Model{
		Architecture: model.Static,
		Config:       model.Config{VocabSize: t.table.vocab, Hidden: c.Dims},
		Tokenizer:    tok,
		Static:       &model.StaticTable{Rows: rows},
		Pooling:      model.PoolMean,
		Similarity:   "cosine",
		Card:         card(report),
	}, report, nil
}
