//go:build !amd64

package kernel

// Pause is a short wait for loops that poll.
func Pause() {
	for range 200 {
	}
}
