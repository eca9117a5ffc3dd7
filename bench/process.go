package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"time"
)

// request is what a side is asked to do; a line of JSON.
//
//	load    Model with Threads, in int8 or not
//	put     Batches of token ids under Name, to be used by what follows
//	encode  the batches of Name: gives Dims and Vectors
//	time    the batches of Name, Count times over: gives Seconds
type request struct {
	Do      string      `json:"do"`
	Model   string      `json:"model,omitempty"`
	Threads int         `json:"threads,omitempty"`
	Int8    bool        `json:"int8,omitempty"`
	Name    string      `json:"name,omitempty"`
	Batches [][][]int32 `json:"batches,omitempty"` // [batches][sentences][tokens]
	Count   int         `json:"count,omitempty"`
}

// answer is a side's line in return.
type answer struct {
	Error   string  `json:"error,omitempty"`
	Engine  string  `json:"engine,omitempty"`
	Dims    int     `json:"dims,omitempty"`
	Vectors []byte  `json:"vectors,omitempty"` // float32, little endian, in the order of the batches
	Seconds float64 `json:"seconds,omitempty"`
}

// side is a program under test in a process of its own.
type side struct {
	name    string
	engine  string // what it says of itself
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	started time.Time
}

// command says how a side is started.
type command struct {
	name string
	args []string
	env  []string // beside the environment of this process
}

// start runs the program; it ends when ctx does.
func (c command) start(ctx context.Context) (*side, error) {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s := &side{name: c.name, cmd: cmd, in: in, out: bufio.NewReaderSize(out, 1<<20), started: time.Now()}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	return s, nil
}

// ask sends a request and waits for its answer.
func (s *side) ask(r request) (answer, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return answer{}, err
	}
	if _, err := s.in.Write(append(raw, '\n')); err != nil {
		return answer{}, fmt.Errorf("%s: %s: %w", s.name, r.Do, err)
	}
	line, err := s.out.ReadBytes('\n')
	if err != nil {
		return answer{}, fmt.Errorf("%s: %s: no answer: %w", s.name, r.Do, err)
	}
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		return answer{}, fmt.Errorf("%s: %s: answer: %w", s.name, r.Do, err)
	}
	if a.Error != "" {
		return answer{}, fmt.Errorf("%s: %s: %s", s.name, r.Do, a.Error)
	}
	return a, nil
}

func (s *side) load(model string, threads int, int8 bool) error {
	a, err := s.ask(request{Do: "load", Model: model, Threads: threads, Int8: int8})
	s.engine = a.Engine
	return err
}

func (s *side) put(name string, batches [][][]int32) error {
	_, err := s.ask(request{Do: "put", Name: name, Batches: batches})
	return err
}

// encode gives the vectors of the sentences of name.
func (s *side) encode(name string) ([][]float32, error) {
	a, err := s.ask(request{Do: "encode", Name: name})
	if err != nil {
		return nil, err
	}
	if a.Dims == 0 || len(a.Vectors)%(4*a.Dims) != 0 {
		return nil, fmt.Errorf("%s: encode: %d bytes for vectors of %d", s.name, len(a.Vectors), a.Dims)
	}
	vectors := make([][]float32, len(a.Vectors)/(4*a.Dims))
	for i := range vectors {
		vectors[i] = make([]float32, a.Dims)
		for j := range vectors[i] {
			vectors[i][j] = math.Float32frombits(binary.LittleEndian.Uint32(a.Vectors[4*(i*a.Dims+j):]))
		}
	}
	return vectors, nil
}

// time encodes the sentences of name count times over and gives the time of
// one.
func (s *side) time(name string, count int) (time.Duration, error) {
	a, err := s.ask(request{Do: "time", Name: name, Count: count})
	if err != nil {
		return 0, err
	}
	if a.Seconds <= 0 {
		return 0, fmt.Errorf("%s: %s took %v seconds", s.name, name, a.Seconds)
	}
	return time.Duration(a.Seconds / float64(count) * float64(time.Second)), nil
}

// stop ends the process and waits for it.
func (s *side) stop() error {
	err := s.in.Close() // the end of its input is the end of its work
	if wait := s.cmd.Wait(); wait != nil {
		err = errors.Join(err, fmt.Errorf("%s: %w", s.name, wait))
	}
	return err
}
