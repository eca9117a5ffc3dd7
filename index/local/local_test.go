package local_test

import (
	"testing"

	"semdex/index"
	"semdex/index/indextest"
	"semdex/index/local"
)

func TestConformance(t *testing.T) {
	indextest.Run(t, func(t *testing.T) (index.Engine, func() index.Engine) {
		dir := t.TempDir()
		// Small limits, so that files are changed and compacted all the time.
		o := local.Options{FileBytes: 16 << 10, CompactBytes: 4 << 10, CompactPassages: 8, GraphPassages: 20, TextPassages: 10}
		engine := open(t, dir, o)
		return engine, func() index.Engine {
			if err := engine.Close(); err != nil {
				t.Fatal(err)
			}
			engine = open(t, dir, o)
			return engine
		}
	})
}

func open(t *testing.T, dir string, o local.Options) *local.Engine {
	t.Helper()
	e, err := local.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}
