package index

// Filter is a condition on a document's metadata. Engines evaluate it over
// their own structures by a type switch; Accepts is the reference.
type Filter interface {
	// Accepts reports whether a document with this metadata passes. Values
	// are normalised: string, []string, float64, bool, time.Time.
	Accepts(metadata map[string]any) bool
	// Check reports ErrUnknownField or ErrFieldType against a schema.
	Check(fields map[string]FieldKind) error
	String() string
}
