// Package indextest holds what every index.Engine must do, as tests: Run is the
// conformance suite, and Memory the plain engine that it measures others by.
//
//	func TestConformance(t *testing.T) {
//		indextest.Run(t, func(t *testing.T) (index.Engine, func() index.Engine) {
//			m := indextest.NewMemory()
//			return m, func() index.Engine { m = m.Reopen(); return m }
//		})
//	}
package indextest
