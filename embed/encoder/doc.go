// Package encoder computes sentence vectors from token ids.
//
// New gives the Encoder of a model. It works on ragged batches: the tokens of
// all sentences lie one after another, one row each, with an offset per
// sentence and no padding.
//
//	IDs      t0 t1 t2 | t3 t4 | t5 t6 t7 t8
//	Offsets  0          3       5            9
//
// Two kinds of encoder stand behind the interface. A transformer (BERT,
// DistilBERT) is an Engine, which gives one state per token, followed by a
// head: pooling, Dense modules, truncation, normalisation. A static model
// averages rows of a table.
//
// Reference is the Engine in plain Go, the definition. Packed takes its place on
// the kernels of the processor, in float32 or int8, and is tested against it.
//
// A sentence's vector is bit-identical in any batch, at any place in it, and
// with any number of workers: a sentence never reads another's rows, and every
// sum runs in one fixed order whatever the blocking. Products are rounded to
// float32 before they are added, so that no compiler fuses one into the sum in
// one loop and not in another.
package encoder
