package local

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"semdex/index"
)

const (
	// envCrashChild makes the test binary index into that folder until it is
	// killed.
	envCrashChild = "SEMDEX_TEST_CRASH_CHILD"
	// envCrashKills is how often TestKilled kills it; 25 times if unset.
	envCrashKills = "SEMDEX_TEST_KILLS"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(envCrashChild); dir != "" {
		if err := crashChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

var crashOptions = Options{FileBytes: 8 << 10, CompactBytes: 4 << 10, CompactPassages: 16, GraphPassages: 16, TextPassages: 8, Logger: quiet()}

// crashChild makes random changes and says on standard output what it is about
// to do and what was acknowledged:
//
//	put ID VERSION | delete ID | ok
func crashChild(dir string) error {
	e, err := Open(dir, crashOptions)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if len(e.Names()) == 0 {
		if _, err := e.Create(ctx, "c", testSettings); err != nil {
			return err
		}
	}
	c, err := e.Open(ctx, "c")
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(rand.Uint64(), 0))
	for {
		id, version := fmt.Sprint(rng.IntN(30)), rng.IntN(1<<15)
		if rng.IntN(5) == 0 {
			fmt.Println("delete", id)
			_, err = c.Delete(ctx, []string{id})
		} else {
			fmt.Println("put", id, version)
			err = c.Upsert(ctx, []index.Record{testRecord(id, version)})
		}
		if err != nil {
			return err
		}
		fmt.Println("ok")
	}
}

// A process that is killed at any moment loses nothing that it acknowledged.
func TestKilled(t *testing.T) {
	kills := 25
	if s := os.Getenv(envCrashKills); s != "" {
		var err error
		if kills, err = strconv.Atoi(s); err != nil {
			t.Fatalf("%s: %v", envCrashKills, err)
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d, %d kills", seed, kills)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	m, acknowledged := model{}, 0
	for kill := range kills {
		maybe, n := runAndKill(t, dir, m, 1+rng.IntN(60), time.Duration(rng.IntN(3000))*time.Microsecond)
		acknowledged += n
		s := &store{T: t, dir: dir, o: crashOptions}
		s.open()
		if s.c != nil { // it may have died before the collection was made
			if a, b := compareModel(s.c, m), compareModel(s.c, maybe); a != "" && b != "" {
				t.Fatalf("kill %d: neither what was acknowledged: %s\nnor with the last change: %s", kill, a, b)
			} else if a != "" {
				clear(m)
				for id, v := range maybe {
					m[id] = v
				}
			}
			s.check()
		}
		s.close()
	}
	t.Logf("%d acknowledged changes", acknowledged)
}

// runAndKill runs a child, kills it a moment after a number of changes, and
// applies what it acknowledged to m. It returns the model with the change that
// was under way.
func runAndKill(t *testing.T, dir string, m model, changes int, moment time.Duration) (maybe model, acknowledged int) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), envCrashChild+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	maybe = cloneModel(m)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		switch {
		case len(f) == 3 && f[0] == "put":
			if maybe[f[1]], err = strconv.Atoi(f[2]); err != nil {
				t.Fatal(err)
			}
		case len(f) == 2 && f[0] == "delete":
			delete(maybe, f[1])
		case len(f) == 1 && f[0] == "ok":
			acknowledged++
			clear(m)
			for id, v := range maybe {
				m[id] = v
			}
			if acknowledged == changes {
				time.AfterFunc(moment, func() { _ = child.Process.Kill() })
			}
		default:
			t.Fatalf("the child says %q", lines.Text())
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.Exited() {
		t.Fatalf("the child was not killed: %v", err)
	}
	return maybe, acknowledged
}

func cloneModel(m model) model {
	out := make(model, len(m))
	for id, v := range m {
		out[id] = v
	}
	return out
}
