// Package sbert trains sentence encoders: transformers whose pooled states are
// compared by cosine (Reimers and Gurevych 2019).
//
//	m, err := sbert.FromStatic(table, sbert.Spec{Layers: 6, Heads: 8, MaxPositions: 512})
//	net, err := trainable.Sentence(m)
//	corpus, err := sbert.NewCorpus(ctx, m.Tokenizer, data, workers)
//	task := &sbert.Ranking{Net: net.SentenceEncoder, Corpus: corpus, ...}
//	err = task.Prepare()
//	trainer, err := train.NewTrainer(engine, task, train.Options{Plan: sbert.Plan, ...})
package sbert

import (
	"context"

	"semdex/embed"
	"semdex/embed/model"
	"semdex/nli"
	"semdex/nli/devset"
)

// Score measures a model on development sets with the engine that serves it.
// Texts are cut at maxTokens; 0: at the model's own limit.
func Score(ctx context.Context, m *model.Model, sets *devset.Sets, maxTokens, workers int, widths ...int) ([]devset.Score, error) {
	e, err := embed.FromModel(m, embed.Options{Workers: workers})
	if err != nil {
		return nil, err
	}
	o := embed.EncodeOptions{MaxTokens: maxTokens, NoPrompt: true}
	return sets.Score(ctx, nli.EncoderFunc(func(ctx context.Context, texts []string) ([][]float32, error) {
		r, err := e.Encode(ctx, texts, o)
		return r.Vectors, err
	}), widths...)
}
