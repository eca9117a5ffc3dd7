// Package nli reads sentence-pair corpora and evaluates sentence encoders on
// them: natural language inference (NLI, pairs labelled entailment, neutral or
// contradiction) and semantic textual similarity (STS, pairs with a graded
// score).
//
//	pairs, err := nli.ReadSTS("stsb-en-dev.csv")
//	scores, err := nli.EvalSTS(ctx, encoder, pairs, 256, 128, 64)
//
// Package pairs gathers training pairs from a folder of corpora, package static
// trains a table of subword vectors on them.
package nli
