//go:build race

package tokenize

// underRace says that the race detector is on: pools forget at random, and
// everything takes many times as long.
const underRace = true
