// Package kernel holds the arithmetic that encoders, training and the index
// spend their time in: matrix products over packed weights, attention,
// normalisation, activations and dot products, in assembly where the processor
// has the instructions and in plain Go everywhere else.
//
// Results depend on the level (AVX-512, AVX2, plain), never on how work is cut
// into tiles, batches or goroutines: every reduction has one fixed order.
package kernel

import (
	"fmt"
	"strings"
)

// Level is a set of instructions. Higher levels include lower ones.
type Level int

// The levels, slowest first.
const (
	Plain  Level = iota
	AVX2         // AVX2, FMA and F16C
	AVX512       // AVX-512 F, BW, DQ and VL
	VNNI         // AVX-512 with vpdpbusd
)

var levelNames = [...]string{Plain: "plain", AVX2: "avx2", AVX512: "avx512", VNNI: "vnni"}

func (l Level) String() string { return levelNames[l] }

// ParseLevel reads a level's name as String writes it.
func ParseLevel(s string) (Level, error) {
	for l, name := range levelNames {
		if strings.EqualFold(s, name) {
			return Level(l), nil
		}
	}
	return Plain, fmt.Errorf("unknown instruction level %q: want one of %s", s, strings.Join(levelNames[:], ", "))
}

// EnvLevel names the environment variable that forces a lower level than the
// processor has.
const EnvLevel = "SEMDEX_SIMD"

// Choose returns the processor's best level, or the lower one that forced (the
// value of EnvLevel) names.
func Choose(forced string) (Level, error) {
	best := detect()
	if forced == "" {
		return best, nil
	}
	l, err := ParseLevel(forced)
	if err != nil {
		return best, fmt.Errorf("%s: %w", EnvLevel, err)
	}
	return min(l, best), nil
}
