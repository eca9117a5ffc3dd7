package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// request is what a side is asked to do; a line of JSON.
//
//	load  a model and its optimizer, with so many threads
//	put   a batch
//	step  one update, timed
type request struct {
	Do      string `json:"do"`
	Threads int    `json:"threads,omitempty"`
	Model   *model `json:"model,omitempty"`
	Batch   *batch `json:"batch,omitempty"`
}

// answer is a side's line in return.
type answer struct {
	Error      string  `json:"error,omitempty"`
	Engine     string  `json:"engine,omitempty"`
	Parameters int     `json:"parameters,omitempty"`
	CPU        float64 `json:"cpu,omitempty"`  // seconds of processor time
	Wall       float64 `json:"wall,omitempty"` // seconds
	Loss       float64 `json:"loss,omitempty"`
	Allocs     uint64  `json:"allocs,omitempty"`
}

// side is a program under test in a process of its own.
type side struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *json.Decoder
}

// startSide starts a program with more environment.
func startSide(ctx context.Context, name string, args, env []string) (*side, error) {
	s := &side{name: name, cmd: exec.CommandContext(ctx, args[0], args[1:]...)}
	s.cmd.Env = append(os.Environ(), env...)
	s.cmd.Stderr = os.Stderr
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.in, s.out = in, json.NewDecoder(bufio.NewReader(out))
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

func (s *side) ask(q request) (a answer, err error) {
	if err := json.NewEncoder(s.in).Encode(q); err != nil {
		return a, fmt.Errorf("%s: %s: %w", s.name, q.Do, err)
	}
	if err := s.out.Decode(&a); err != nil {
		return a, fmt.Errorf("%s: %s: %w", s.name, q.Do, err)
	}
	if a.Error != "" {
		return a, fmt.Errorf("%s: %s: %s", s.name, q.Do, a.Error)
	}
	return a, nil
}

func (s *side) stop() error {
	if s == nil {
		return nil
	}
	err := errors.Join(s.in.Close(), s.cmd.Wait())
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}
