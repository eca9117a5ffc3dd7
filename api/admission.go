package api

// permits admit a fixed number of holders at a time. Nobody waits for one:
// whoever finds none is turned away at once, while a retry is still cheap.
type permits chan struct{}

func newPermits(n int) permits { return make(permits, n) }

// acquire takes a permit, to be given back by release, or fails with
// errOverloaded.
func (p permits) acquire() (release func(), err error) {
	select {
	case p <- struct{}{}:
		return func() { <-p }, nil
	default:
		return nil, errOverloaded
	}
}
