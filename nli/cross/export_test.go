package cross

import "semdex/embed"

// ReciprocalRank is reciprocalRank of pairs.
func ReciprocalRank(pairs []embed.Pair, scores []float64, relevant []bool) (float64, int) {
	return reciprocalRank(&Set{Pairs: pairs}, scores, relevant)
}
