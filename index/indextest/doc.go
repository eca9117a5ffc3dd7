// Package indextest holds what every index.Engine must do, as tests: Run is the
// conformance suite, and Memory the plain engine that it measures others by.
package indextest
