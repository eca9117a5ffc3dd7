package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

var update = flag.Bool("update", false, "rewrite testdata")

// TestMain lets the test's own binary be semdex's side.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == sideArg {
		if err := serveOurs(context.Background(), os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// peerInstalled skips a test where the peer is not.
func peerInstalled(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("needs Node.js")
	}
	if _, err := os.Stat("node_modules/onnxruntime-node"); err != nil {
		t.Skip("needs onnxruntime: npm ci --ignore-scripts")
	}
}

// TestRun compares small models with the peer from beginning to end, in two
// parts.
func TestRun(t *testing.T) {
	peerInstalled(t)
	o := modeltest.Options{Hidden: 48, Heads: 4, Vocab: 200, Positions: 200, Spread: 0.1, Normalize: true}
	bert, static := modeltest.Folder(t, model.BERT, o), modeltest.Folder(t, model.Static, o)
	cache := t.TempDir()
	table := filepath.Join(cache, "table.md")
	if err := os.WriteFile(table, []byte("above\n"+markerBegin+"\nold\n"+markerEnd+"\nbelow\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	args := func(more ...string) []string {
		return append([]string{
			"--cache", cache, "--model", "tiny=" + bert, "--model", "table=" + static,
			"--rounds", "1", "--round-time", "1ms", "--update", table,
		}, more...)
	}
	var first, second, log bytes.Buffer
	if err := run(t.Context(), args("--cells", "t*/*/2t/1x16,t*/f32/1t/sentences,tiny/int8/2t/start"), &first, &log); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	for _, want := range []string{
		"tiny/f32/1t/sentences ", "tiny/f32/2t/1x16 ", "tiny/int8/2t/1x16 ", "tiny/int8/2t/start ",
		"table/f32/1t/sentences ", "tiny: the vectors agree",
	} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("log lacks %q:\n%s", want, log.String())
		}
	}
	// 7 workloads fit 200 positions, in 4 columns; all 10 the table, in 2.
	if !strings.Contains(first.String(), "43 of 48 cells have not been measured") {
		t.Errorf("table:\n%s", first.String())
	}
	raw, err := os.ReadFile(table)
	if err != nil || string(raw) != "above\n"+markerBegin+"\n"+first.String()+markerEnd+"\nbelow\n" {
		t.Errorf("file: %v\n%s", err, raw)
	}

	log.Reset()
	if err := run(t.Context(), args("--cells", "tiny/*/2t/1x*"), &second, &log); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	if got := log.String(); strings.Contains(got, "1x16") || !strings.Contains(got, "tiny/f32/2t/1x32 ") {
		t.Errorf("the second run measured:\n%s", got)
	}
}

// TestBudget: a run without time begins nothing and says so.
func TestBudget(t *testing.T) {
	peerInstalled(t)
	dir := modeltest.Folder(t, model.BERT, modeltest.Options{})
	var out, log bytes.Buffer
	err := run(t.Context(), []string{"--cache", t.TempDir(), "--model", "tiny=" + dir, "--cells", "tiny", "--budget", "1ns"}, &out, &log)
	if err != nil || !strings.Contains(log.String(), "run again to go on") || strings.Contains(log.String(), "agree") {
		t.Errorf("%v\n%s", err, log.String())
	}
}

// TestDisagreement: a peer that computes something else is found out.
func TestDisagreement(t *testing.T) {
	peerInstalled(t)
	dir := t.TempDir()
	right, err := namedSubject(dir, "right="+modeltest.Folder(t, model.DistilBERT, modeltest.Options{Positions: 400}))
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := namedSubject(dir, "wrong="+modeltest.Folder(t, model.DistilBERT, modeltest.Options{Positions: 400, Seed: 1}))
	if err != nil {
		t.Fatal(err)
	}
	right.onnx = wrong.onnx
	exe, _, err := self()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := agree(t.Context(), commands{exe: exe, node: "node"}, right, 1); err == nil || !strings.Contains(err.Error(), "vectors differ") {
		t.Errorf("agree: %v", err)
	}
}

func TestOptions(t *testing.T) {
	for _, args := range [][]string{
		{"--cells", "a/b/c/d/e"},
		{"--cells", "["},
		{"--threads", "0"},
		{"--threads", "two"},
		{"--rounds", "0"},
		{"A/f32"},
	} {
		if _, err := parseOptions(args, &bytes.Buffer{}); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
	o, err := parseOptions([]string{"--threads", "1,4", "--cells", "A, B/int8/"}, &bytes.Buffer{})
	if err != nil || len(o.threads) != 2 || o.threads[1] != 4 || len(o.cells) != 2 || o.cells[1] != "B/int8" {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestList(t *testing.T) {
	dir := modeltest.Folder(t, model.BERT, modeltest.Options{Positions: 300})
	var out bytes.Buffer
	err := run(t.Context(), []string{"--cache", t.TempDir(), "--model", "m=" + dir, "--cells", "m/int8/?t/[1s]*6,m/int8/*/start", "--list"}, &out, &bytes.Buffer{})
	want := "m/int8/1t/1x16\nm/int8/1t/1x256\nm/int8/2t/start\nm/int8/2t/1x16\nm/int8/2t/1x256\n"
	if err != nil || out.String() != want {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestModelsThatAreNotThere(t *testing.T) {
	for _, arg := range []string{"nowhere", "a b=/x", "x=" + filepath.Join(t.TempDir(), "nothing")} {
		if _, err := namedSubject(t.TempDir(), arg); err == nil {
			t.Errorf("%s is accepted", arg)
		}
	}
}

func TestCancelledRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := &runner{deadline: time.Time{}}
	if err := r.inTime(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	r.deadline = time.Now().Add(-time.Second)
	if err := r.inTime(t.Context()); !errors.Is(err, errBudget) {
		t.Error(err)
	}
}
