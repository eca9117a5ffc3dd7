package model

import "errors"

// Errors of reading and writing folders. They arrive wrapped, with the file and
// the tensor or field named.
var (
	// ErrNotModel: the path holds no model folder.
	ErrNotModel = errors.New("not a model folder")
	// ErrUnsupported: a model that semdex knows of but does not run.
	ErrUnsupported = errors.New("unsupported model")
	// ErrCorrupt: a file breaks its format, or is cut short.
	ErrCorrupt = errors.New("corrupt file")
	// ErrUnsafe: a pickle asks for more than rebuilding tensors.
	ErrUnsafe = errors.New("unsafe pickle")
	// ErrTensor: a tensor is missing, unexpected, or has another shape or type
	// than the configuration says.
	ErrTensor = errors.New("weights do not fit the configuration")
	// ErrVocabulary: the tokenizer has more entries than the model has rows.
	ErrVocabulary = errors.New("vocabulary does not fit the weights")
)
