//go:build unix && !solaris && !illumos && !aix

package hub

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lock takes the lock file or fails with ErrBusy. The system drops it with the
// process.
func lock(name string) (unlock func() error, err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrBusy
		}
		return nil, err
	}
	return f.Close, nil
}
