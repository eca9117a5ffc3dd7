//go:build race

package encoder_test

// raceDetector says that plain Go loops run ten times slower.
const raceDetector = true
