package train

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Line is one line of log.jsonl: an update, or an evaluation if Score is set.
type Line struct {
	Step     int      `json:"step"`
	Epoch    int      `json:"epoch"`
	Loss     float64  `json:"loss,omitempty"`
	LR       float64  `json:"lr,omitempty"`
	GradNorm float64  `json:"grad_norm,omitempty"`
	Tokens   int      `json:"tokens,omitempty"`
	Rate     float64  `json:"tokens_per_s,omitempty"`
	Score    *float64 `json:"score,omitempty"`
	Best     bool     `json:"best,omitempty"`
}

// ReadLog reads the lines of a log. A last line cut short is left out.
func ReadLog(r io.Reader) ([]Line, error) {
	var lines []Line
	in := bufio.NewReader(r)
	for n := 1; ; n++ {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
		var l Line
		if err := json.Unmarshal(text, &l); err != nil {
			return lines, fmt.Errorf("log line %d: %w", n, err)
		}
		lines = append(lines, l)
	}
}

// runLog appends to log.jsonl. A nil log swallows everything.
type runLog struct {
	f *os.File
	w *bufio.Writer
}

// openLog opens a log for the run that stands at step and drops what an
// interrupted process wrote beyond it, since those updates will come again.
func openLog(name string, step int) (*runLog, error) {
	old, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("log of the run: %w", err)
	}
	lines, err := ReadLog(bytes.NewReader(old))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	err = writeAtomic(name, func(w io.Writer) error {
		e := json.NewEncoder(w)
		for _, l := range lines {
			if l.Step > step {
				continue
			}
			if err := e.Encode(l); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("log of the run: %w", err)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("log of the run: %w", err)
	}
	return &runLog{f: f, w: bufio.NewWriter(f)}, nil
}

func (l *runLog) step(p Progress, tokens int) error {
	return l.line(Line{
		Step: p.Step, Epoch: p.Epoch, Loss: p.Loss, LR: p.LR, GradNorm: p.GradNorm, Tokens: tokens, Rate: p.TokenRate,
	})
}

func (l *runLog) evaluation(s State, score float64) error {
	return l.line(Line{Step: s.Step, Epoch: s.Epoch, Score: &score, Best: s.BestStep == s.Step})
}

// line writes through: whoever follows the file sees every step.
func (l *runLog) line(line Line) error {
	if l == nil {
		return nil
	}
	text, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("log of the run: %w", err)
	}
	l.w.Write(append(text, '\n'))
	return l.Flush()
}

// Flush writes out what is buffered.
func (l *runLog) Flush() error {
	if l == nil {
		return nil
	}
	if err := l.w.Flush(); err != nil {
		return fmt.Errorf("log of the run: %w", err)
	}
	return nil
}

// Close ends the log.
func (l *runLog) Close() error {
	if l == nil {
		return nil
	}
	return errors.Join(l.Flush(), l.f.Close())
}

// rate follows the speed of a run over its last updates, evaluations apart.
type rate struct {
	last    time.Time
	perStep float64 // seconds, smoothed
	perTok  float64
}

func (r *rate) start(now time.Time) { *r = rate{last: now} }

// pause takes time out of the measurement.
func (r *rate) pause(d time.Duration) { r.last = r.last.Add(d) }

func (r *rate) add(now time.Time, tokens int) {
	seconds := now.Sub(r.last).Seconds()
	r.last = now
	if tokens == 0 {
		return
	}
	const weight = 0.1
	if r.perStep == 0 {
		r.perStep, r.perTok = seconds, seconds/float64(tokens)
		return
	}
	r.perStep += weight * (seconds - r.perStep)
	r.perTok += weight * (seconds/float64(tokens) - r.perTok)
}

func (r *rate) tokens() float64 {
	if r.perTok <= 0 {
		return 0
	}
	return 1 / r.perTok
}

func (r *rate) left(steps int) time.Duration {
	return time.Duration(float64(steps) * r.perStep * float64(time.Second))
}
