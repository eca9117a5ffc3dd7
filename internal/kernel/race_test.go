//go:build race

package kernel

// raceDetector says that plain Go runs ten times slower, and that there is
// nothing concurrent here to find.
const raceDetector = true
