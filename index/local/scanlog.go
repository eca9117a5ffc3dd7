package local

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"semdex/index"
)

// frame is a frame that was read; its payload is valid until the next one.
type frame struct {
	kind     frameKind
	sequence uint64
	offset   int64
	payload  []byte
}

func (f frame) size() int { return frameHeaderSize + len(f.payload) }

// scanner reads a log file frame by frame, batch by batch, and checks
// everything on the way.
type scanner struct {
	name string
	file file
	size int64
	last uint64 // sequence of the last frame, of the files before at first

	r      *bufio.Reader
	at     int64
	frames uint32 // of the batch being read
	buf    []byte
}

// tornError is an end of a file that a crash may leave: a batch that was not
// written to its end.
type tornError struct {
	offset int64
	reason string
}

func (e *tornError) Error() string {
	return fmt.Sprintf("incomplete at byte %d: %s", e.offset, e.reason)
}

// newScanner checks the header of a file that is size bytes long.
func newScanner(f file, name string, size int64, number uint32, id collectionID, last uint64) (*scanner, error) {
	header := make([]byte, min(fileHeaderSize, size))
	if _, err := f.ReadAt(header, 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if err := checkFileHeader(header, number, id); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &scanner{
		name: name, file: f, size: size, last: last, at: fileHeaderSize,
		r: bufio.NewReaderSize(io.NewSectionReader(f, fileHeaderSize, size-fileHeaderSize), int(min(size, 1<<18))),
	}, nil
}

// next returns the next frame. At the end of the file the error is io.EOF after
// a commit and *tornError within a batch; damage is index.ErrCorrupt.
func (s *scanner) next() (frame, error) {
	left := s.size - s.at
	if left == 0 {
		if s.frames > 0 {
			return frame{}, &tornError{s.at, "a batch has no commit"}
		}
		return frame{}, io.EOF
	}
	if left < frameHeaderSize {
		return frame{}, &tornError{s.at, "the file ends within the header of a frame"}
	}
	var head [frameHeaderSize]byte
	if _, err := io.ReadFull(s.r, head[:]); err != nil {
		return frame{}, fmt.Errorf("read %s at byte %d: %w", s.name, s.at, err)
	}
	h, ok := parseFrameHeader(head[:])
	if !ok {
		return frame{}, s.damaged(s.size, "the header of a frame is not valid")
	}
	if int64(h.length) > left-frameHeaderSize {
		return frame{}, &tornError{s.at, "the file ends within a frame"}
	}
	payload, err := s.payload(h)
	if err != nil {
		return frame{}, err
	}
	f := frame{kind: h.kind, sequence: h.sequence, offset: s.at, payload: payload}
	if err := s.order(f); err != nil {
		return frame{}, err
	}
	s.at += int64(f.size())
	return f, nil
}

func (s *scanner) payload(h frameHeader) ([]byte, error) {
	if cap(s.buf) < int(h.length) {
		s.buf = make([]byte, h.length)
	}
	s.buf = s.buf[:h.length]
	if _, err := io.ReadFull(s.r, s.buf); err != nil {
		return nil, fmt.Errorf("read %s at byte %d: %w", s.name, s.at, err)
	}
	if checksum(s.buf) != h.checksum {
		return nil, s.damaged(s.at+frameHeaderSize+int64(h.length), "the checksum of a frame does not match")
	}
	return s.buf, nil
}

// order checks that sequences grow and that commits close what they should.
func (s *scanner) order(f frame) error {
	if f.kind != frameCommit {
		if f.sequence <= s.last {
			return s.corrupt(fmt.Sprintf("sequence %d after %d", f.sequence, s.last))
		}
		s.last = f.sequence
		s.frames++
		return nil
	}
	c, ok := parseCommit(f.payload)
	if !ok || f.sequence != s.last || c.frames != s.frames || c.frames == 0 {
		return s.corrupt("a commit does not match its batch")
	}
	s.frames = 0
	return nil
}

func (s *scanner) corrupt(reason string) error {
	return fmt.Errorf("%w: %s at byte %d: %s", index.ErrCorrupt, s.name, s.at, reason)
}

// damaged tells a torn write from damage to what had been written. Both look
// like a frame whose checksum fails. A write that a crash cut short leaves
// sectors that were never written, and those read as zeros; and nothing was
// written behind it, for the next batch waits until this one is on disk.
func (s *scanner) damaged(end int64, reason string) error {
	hollow, err := s.hollow(end)
	if err != nil {
		return err
	}
	if !hollow {
		return s.corrupt(reason)
	}
	later, err := s.laterBatch()
	if err != nil {
		return err
	}
	if later {
		return s.corrupt(reason)
	}
	return &tornError{s.at, reason}
}

const sector = 512

// hollow reports whether a sector between the current frame's start and end was
// never written. Of a sector that the frame shares with what is before it, or
// that the file ends in, the part behind the one and before the other counts:
// neither begins or ends with a zero if it was written.
func (s *scanner) hollow(end int64) (bool, error) {
	buf := make([]byte, sector)
	for at := s.at; at < end; {
		n := min(sector-at%sector, s.size-at)
		if _, err := s.file.ReadAt(buf[:n], at); err != nil {
			return false, fmt.Errorf("read %s at byte %d: %w", s.name, at, err)
		}
		if zeros(buf[:n]) {
			return true, nil
		}
		at += n
	}
	return false, nil
}

func zeros(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// laterBatch looks behind the current frame for a commit of a batch that was
// begun when the current one was on disk already.
func (s *scanner) laterBatch() (bool, error) {
	const size = frameHeaderSize + commitSize
	r := bufio.NewReaderSize(io.NewSectionReader(s.file, s.at, s.size-s.at), 1<<18)
	for {
		b, err := r.Peek(size)
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("read %s: %w", s.name, err)
		}
		if b[0] == byte(frameCommit) && b[4] == commitSize {
			if h, ok := parseFrameHeader(b); ok && h.kind == frameCommit && checksum(b[frameHeaderSize:]) == h.checksum {
				c, _ := parseCommit(b[frameHeaderSize:])
				if c.durable > s.last || s.frames > 0 && c.durable == s.last {
					return true, nil
				}
			}
		}
		if _, err := r.Discard(1); err != nil {
			return false, fmt.Errorf("read %s: %w", s.name, err)
		}
	}
}
