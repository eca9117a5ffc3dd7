package tokenize

// trieBuilder places the nodes of a trie. Free units form a doubly linked
// ring, so that a place is found without scanning what is taken.
type trieBuilder struct {
	units      []unit
	next, prev []uint32 // ring of free units; meaningless for taken ones
	head       uint32   // a free unit, or free if none is left
	labels     []byte   // stack of the children's labels
}

// maxTries bounds the search for a place among the free units, so that
// building stays linear; a fresh block always has one.
const maxTries = 32

func newTrieBuilder() *trieBuilder {
	b := &trieBuilder{head: free}
	b.grow()
	b.take(startRoot)
	b.take(continueRoot)
	return b
}

// insert places the children of node: entries are sorted and share their first
// depth bytes, which are the path to node.
func (b *trieBuilder) insert(node uint32, entries []entry, depth int) {
	if len(entries) > 0 && len(entries[0].key) == depth {
		b.units[node].value = entries[0].id
		entries = entries[1:]
	}
	if len(entries) == 0 {
		return
	}
	mark := len(b.labels)
	for i, e := range entries {
		if i == 0 || e.key[depth] != entries[i-1].key[depth] {
			b.labels = append(b.labels, e.key[depth])
		}
	}
	base := b.place(b.labels[mark:])
	b.units[node].base = base
	for _, label := range b.labels[mark:] {
		child := base ^ uint32(label)
		b.take(child)
		b.units[child].check = node
	}
	b.labels = b.labels[:mark]

	for len(entries) > 0 {
		label, n := entries[0].key[depth], 1
		for n < len(entries) && entries[n].key[depth] == label {
			n++
		}
		b.insert(base^uint32(label), entries[:n], depth+1)
		entries = entries[n:]
	}
}

// place finds a base under which the unit of every label is free.
func (b *trieBuilder) place(labels []byte) uint32 {
	if b.head != free {
		at := b.head
		for range maxTries {
			base := at ^ uint32(labels[0])
			if b.fits(base, labels[1:]) {
				return base
			}
			if at = b.next[at]; at == b.head {
				break
			}
		}
		// The places before this one are crowded: search on from here.
		b.head = at
	}
	fresh := uint32(len(b.units))
	b.grow()
	return fresh
}

func (b *trieBuilder) fits(base uint32, labels []byte) bool {
	for _, label := range labels {
		if b.units[base^uint32(label)].check != free {
			return false
		}
	}
	return true
}

// grow appends a block of 256 free units.
func (b *trieBuilder) grow() {
	first := uint32(len(b.units))
	for i := first; i < first+256; i++ {
		b.units = append(b.units, unit{check: free, value: none})
		b.next = append(b.next, i+1)
		b.prev = append(b.prev, i-1)
	}
	last := first + 255
	if b.head == free {
		b.head = first
		b.next[last], b.prev[first] = first, last
		return
	}
	tail := b.prev[b.head]
	b.next[tail], b.prev[first] = first, tail
	b.next[last], b.prev[b.head] = b.head, last
}

// take removes a unit from the ring; the caller sets its parent.
func (b *trieBuilder) take(i uint32) {
	next, prev := b.next[i], b.prev[i]
	b.next[prev], b.prev[next] = next, prev
	if b.head == i {
		b.head = next
		if next == i {
			b.head = free
		}
	}
	b.units[i].check = orphan
}
