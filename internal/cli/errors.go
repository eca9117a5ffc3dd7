package cli

import (
	"errors"
	"fmt"
	"io"
)

// Exit statuses.
const (
	ExitOK     = 0
	ExitFailed = 1
	ExitUsage  = 2
)

// UsageError is a command line that cannot be meant: exit status 2.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef makes a UsageError.
func Usagef(format string, args ...any) error {
	return &UsageError{fmt.Errorf(format, args...)}
}

// ErrShown is an error whose message has been shown; only its exit status counts.
var ErrShown = errors.New("failed")

type hinted struct {
	error
	hint string
}

func (e *hinted) Unwrap() error { return e.error }

// WithHint adds what to do next to an error. The hint nearest to the cause is
// the one shown.
func WithHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// Hint returns the innermost hint of an error, of joined ones the first, or "".
func Hint(err error) string {
	switch e := err.(type) {
	case *hinted:
		if inner := Hint(e.error); inner != "" {
			return inner
		}
		return e.hint
	case interface{ Unwrap() error }:
		return Hint(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			if hint := Hint(part); hint != "" {
				return hint
			}
		}
	}
	return ""
}

// ExitStatus is what a process that ends with err returns.
func ExitStatus(err error) int {
	var usage *UsageError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &usage):
		return ExitUsage
	}
	return ExitFailed
}

// Report writes an error and its hint as people read them.
func Report(w io.Writer, program string, err error) {
	_, _ = fmt.Fprintf(w, "%s: %v\n", program, err)
	if hint := Hint(err); hint != "" {
		_, _ = fmt.Fprintf(w, "hint: %s\n", hint)
	}
}
