package postings

import "encoding/binary"

// widths of numbers by code, in bytes.
var widths = [4]int{0, 1, 2, 4}

func widthCode(most uint32) byte {
	switch {
	case most == 0:
		return 0
	case most < 1<<8:
		return 1
	case most < 1<<16:
		return 2
	default:
		return 3
	}
}

// appendBlock appends a block that comes behind a passage, or -1.
func appendBlock(out []byte, before int64, list []Posting) []byte {
	var gap, frequency uint32
	at := before
	for _, p := range list {
		gap |= uint32(int64(p.Passage) - at - 1)
		frequency |= p.Frequency - 1
		at = int64(p.Passage)
	}
	gaps, frequencies := widthCode(gap), widthCode(frequency)
	out = append(out, gaps|frequencies<<2)
	at = before
	for _, p := range list {
		out = appendNumber(out, gaps, uint32(int64(p.Passage)-at-1))
		at = int64(p.Passage)
	}
	for _, p := range list {
		out = appendNumber(out, frequencies, p.Frequency-1)
	}
	return out
}

func appendNumber(out []byte, code byte, n uint32) []byte {
	switch code {
	case 0:
		return out
	case 1:
		return append(out, byte(n))
	case 2:
		return binary.LittleEndian.AppendUint16(out, uint16(n))
	default:
		return binary.LittleEndian.AppendUint32(out, n)
	}
}

// readBlock reads the n postings of a block that comes behind a passage, or -1,
// into out, which has the room. ok is false if the block is not as long as it must
// be.
func readBlock(data []byte, before int64, out []Posting) (ok bool) {
	n := len(out)
	if len(data) == 0 || data[0] > 15 {
		return false
	}
	gaps, frequencies := data[0]&3, data[0]>>2
	if len(data) != 1+n*(widths[gaps]+widths[frequencies]) {
		return false
	}
	data = data[1:]
	readFrequencies(data[n*widths[gaps]:], frequencies, out)
	return readGaps(data[:n*widths[gaps]], gaps, uint32(before+1), out)
}

// readGaps is not ok if a passage is beyond all numbers. Two bytes cannot bring
// that about without the last one showing it.
func readGaps(data []byte, code byte, next uint32, out []Posting) (ok bool) {
	switch code {
	case 0:
		for i := range out {
			out[i].Passage = next
			next++
		}
	case 1:
		data = data[:len(out)]
		for i := range out {
			next += uint32(data[i])
			out[i].Passage = next
			next++
		}
	case 2:
		for i := range out {
			next += uint32(binary.LittleEndian.Uint16(data[2*i:]))
			out[i].Passage = next
			next++
		}
	default:
		next := uint64(next)
		for i := range out {
			next += uint64(binary.LittleEndian.Uint32(data[4*i:]))
			out[i].Passage = uint32(next)
			next++
		}
		return next <= 1<<32
	}
	return true
}

func readFrequencies(data []byte, code byte, out []Posting) {
	switch code {
	case 0:
		for i := range out {
			out[i].Frequency = 1
		}
	case 1:
		data = data[:len(out)]
		for i := range out {
			out[i].Frequency = uint32(data[i]) + 1
		}
	case 2:
		for i := range out {
			out[i].Frequency = uint32(binary.LittleEndian.Uint16(data[2*i:])) + 1
		}
	default:
		for i := range out {
			out[i].Frequency = binary.LittleEndian.Uint32(data[4*i:]) + 1
		}
	}
}
