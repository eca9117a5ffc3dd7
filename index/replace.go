package index

import "context"

// Replacer is the part of an Engine that puts one collection in the place of
// another.
type Replacer interface {
	// Replace gives collection with the name of collection name, which is
	// dropped, in one step: every call of Open gives the one before or the one
	// after, a crash leaves either. Aliases stay those of the name. When it
	// returns nil the change is durable. Calls of the one before that are under
	// way are waited for; later ones are ErrReplaced, and opening the name again
	// helps. ErrCollectionNotFound (an alias is none), ErrAliased if with has
	// aliases, ErrCollectionExists if both are the same.
	Replace(ctx context.Context, name, with string) error
}

// Changes is the part of a Collection that tells what came after a moment.
type Changes interface {
	// Changed lists the documents that were stored after a sequence and are still
	// there, in any order, and the sequence to ask with the next time. After 0
	// that is all of them. Deletions do not show.
	Changed(ctx context.Context, after uint64) (ids []string, sequence uint64, err error)
}
