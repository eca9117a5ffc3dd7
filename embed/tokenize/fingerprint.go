package tokenize

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"
)

// fingerprintVersion changes when equal input would be split differently.
const fingerprintVersion = "semdex tokenizer 1"

// Fingerprint is a SHA-256 over everything that decides the ids of a text: the
// vocabulary, the normalization, the special tokens around a text and the
// added tokens. It does not depend on the files it was loaded from.
func (t *Tokenizer) Fingerprint() [32]byte {
	p := printer{sha256.New()}
	p.text(fingerprintVersion)
	c := &t.config
	p.number(int64(t.vocab.Len()))
	for _, token := range t.vocab.tokens {
		p.text(token)
	}
	p.flags(c.Lowercase, c.strips(), c.CleanText, c.ChineseChars)
	p.number(int64(c.MaxWordRunes))
	p.number(int64(t.unknown))
	p.number(int64(t.class))
	p.number(int64(t.separator))

	added := t.addedByID()
	p.number(int64(len(added)))
	for _, a := range added {
		p.number(int64(a.ID))
		p.text(a.Content)
		p.flags(a.Special, a.SingleWord, a.LeftStrip, a.RightStrip, a.Normalized)
	}
	return [32]byte(p.Sum(nil))
}

// printer writes values so that no two sequences of them look alike.
type printer struct{ hash.Hash }

func (p printer) number(n int64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	p.Write(b[:])
}

func (p printer) text(s string) {
	p.number(int64(len(s)))
	p.Write([]byte(s))
}

func (p printer) flags(flags ...bool) {
	for _, f := range flags {
		b := byte(0)
		if f {
			b = 1
		}
		p.Write([]byte{b})
	}
}

func (t *Tokenizer) addedByID() []AddedToken {
	added := slices.Clone(t.config.Added)
	slices.SortFunc(added, func(x, y AddedToken) int { return int(x.ID) - int(y.ID) })
	return added
}
