package model

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// argument says how the argument of an opcode is laid out.
type argument int

const (
	refusedOp argument = iota
	none
	fixed1 // n bytes
	fixed2
	fixed4
	fixed8
	counted1 // a length of n bytes, then so many bytes
	counted4
	counted8
	global // two lines: module and name
)

// pickleOps are the opcodes that torch.save has ever used for a state dict
// (protocols 2 to 5). All others are refused: INST, OBJ, NEWOBJ, EXT and BUFFER
// among them.
var pickleOps = [256]argument{
	'\x80': fixed1, // PROTO
	'\x95': fixed8, // FRAME
	'.':    none,   // STOP
	'(':    none,   // MARK
	'0':    none,   // POP
	'1':    none,   // POP_MARK
	'2':    none,   // DUP
	'N':    none, '\x88': none, '\x89': none,
	'K': fixed1, 'M': fixed2, 'J': fixed4, 'G': fixed8, // BININT1, 2, BININT, BINFLOAT
	'\x8a': counted1,                // LONG1
	'U':    counted1, 'T': counted4, // SHORT_BINSTRING, BINSTRING
	'\x8c': counted1, 'X': counted4, '\x8d': counted8, // BINUNICODE
	'C': counted1, 'B': counted4, // BINBYTES
	'}': none, ']': none, ')': none,
	't': none, '\x85': none, '\x86': none, '\x87': none, // TUPLE
	's': none, 'u': none, 'a': none, 'e': none, // SETITEM, APPEND
	'q': fixed1, 'r': fixed4, '\x94': none, // BINPUT, MEMOIZE
	'h': fixed1, 'j': fixed4, // BINGET
	'Q': none, // BINPERSID
	'R': none, // REDUCE: only allow-listed globals can be called
	'b': none, // BUILD: sets attributes of an OrderedDict
	'c': global,
	// STACK_GLOBAL takes module and name from the stack: findClass decides.
	'\x93': none,
}

// scanPickle walks over one pickle without running it and returns its length.
// Every length must lie inside data, so that the unpickler can allocate what a
// length says; the globals named in the code must be known.
func scanPickle(data []byte) (int, error) {
	for at := 0; at < len(data); {
		op := data[at]
		at++
		var size uint64
		switch pickleOps[op] {
		case refusedOp:
			return 0, fmt.Errorf("%w: opcode %#02x at byte %d is not part of a saved state dict; nothing was run", ErrUnsafe, op, at-1)
		case fixed1:
			size = 1
		case fixed2:
			size = 2
		case fixed4:
			size = 4
		case fixed8:
			if op == '\x95' { // a frame's content is scanned like the rest
				if len(data)-at < 8 || binary.LittleEndian.Uint64(data[at:]) > uint64(len(data)-at-8) {
					return 0, errPickleEnd
				}
			}
			size = 8
		case counted1, counted4, counted8:
			width := map[argument]int{counted1: 1, counted4: 4, counted8: 8}[pickleOps[op]]
			if len(data)-at < width {
				return 0, errPickleEnd
			}
			var length [8]byte
			copy(length[:], data[at:at+width])
			size = binary.LittleEndian.Uint64(length[:])
			at += width
			if op == '\x8a' && size > 16 {
				return 0, fmt.Errorf("%w: an integer of %d bytes in a pickle", ErrCorrupt, size)
			}
		case global:
			name, n, err := scanGlobal(data[at:])
			if err != nil {
				return 0, err
			}
			if !allowedGlobal(name) {
				return 0, refused(name)
			}
			size = uint64(n)
		}
		if size > uint64(len(data)-at) {
			return 0, errPickleEnd
		}
		at += int(size)
		if op == '.' {
			return at, nil
		}
	}
	return 0, errPickleEnd
}

var errPickleEnd = fmt.Errorf("%w: the pickle is truncated", ErrCorrupt)

// scanGlobal reads the two lines of a GLOBAL.
func scanGlobal(data []byte) (name string, n int, err error) {
	module, rest, ok1 := bytes.Cut(data[:min(len(data), 1024)], []byte("\n"))
	class, _, ok2 := bytes.Cut(rest, []byte("\n"))
	if !ok1 || !ok2 {
		return "", 0, errPickleEnd
	}
	return string(module) + "." + string(class), len(module) + len(class) + 2, nil
}
