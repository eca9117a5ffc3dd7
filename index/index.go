// Package index holds collections of documents that are found by meaning and
// by words: the types, the Engine interface, filters, fusion, and Service,
// which splits and encodes documents on their way in and queries on their way
// to an engine. Start with Service.
package index
