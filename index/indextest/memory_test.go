package indextest

import (
	"testing"

	"semdex/index"
)

func TestMemory(t *testing.T) {
	Run(t, func(*testing.T) (index.Engine, func() index.Engine) {
		m := NewMemory()
		return m, func() index.Engine { m = m.Reopen(); return m }
	})
}
