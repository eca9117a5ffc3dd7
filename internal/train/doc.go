// Package train trains BERT and DistilBERT encoders and the heads on top of
// them on spago's graph: parameters are nn.Param, operators run and propagate
// through ag, updates go through an OptimizationStrategy.
//
// The operators are this package's own. Each does a whole block (embedding,
// attention, feed-forward, loss) over a ragged batch: the rows of a matrix are
// the tokens of all sentences one after another, without padding. Their sums
// have one order, whatever the number of workers, and dropout masks are
// functions of a seed and a position. Two runs with one seed therefore give the
// same losses, bit for bit, on one instruction level.
//
// spago ends the process when an operator fails, and waits forever for a
// gradient that an operator forgot. So everything is validated before a graph
// is built, and operators themselves cannot fail.
package train
