package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"semdex/api/wire"
)

// postEmbed is TEI's POST /embed: texts in, a list of vectors out, always a
// list of lists.
func (s *Server) postEmbed(c echo.Context) error {
	start := time.Now()
	var request wire.TEIEmbed
	if err := s.readJSON(c, &request, lenient); err != nil {
		return err
	}
	options, err := teiOptions(request, s.model.Dims)
	if err != nil {
		return err
	}
	inputs, err := s.parseInputs("inputs", request.Inputs)
	if err != nil {
		return err
	}
	texts, err := s.teiTexts(inputs)
	if err != nil {
		return err
	}
	began := time.Now()
	encoding, err := s.encode(c.Request().Context(), texts, options)
	if err != nil {
		return err
	}
	inference := time.Since(began)

	teiHeaders(c, start, characters(texts), sum(encoding.Tokens), encoding.Waited, inference)
	return s.send(c, http.StatusOK, jsonType, wire.AppendVectors(nil, encoding.Vectors))
}

// teiOptions reads the options of a TEI request; dims is the model's.
func teiOptions(r wire.TEIEmbed, dims int) (EncodeOptions, error) {
	o := EncodeOptions{Truncate: true, Normalize: true}
	if r.Truncate != nil {
		o.Truncate = *r.Truncate
	}
	if r.Normalize != nil {
		o.Normalize = *r.Normalize
	}
	if r.PromptName != nil {
		o.Prompt = *r.PromptName
	}
	var err error
	if r.TruncationDirection != nil {
		if o.CutStart, err = cutLeft(*r.TruncationDirection); err != nil {
			return o, err
		}
	}
	o.Dims, err = dimensions(r.Dimensions, dims)
	return o, err
}

// dimensions checks a wish for shorter vectors; nil is none.
func dimensions(wish *int, dims int) (int, error) {
	switch {
	case wish == nil:
		return 0, nil
	case *wish <= 0:
		return 0, badRequest("invalid_dimensions", "dimensions", "`dimensions` should be positive")
	case *wish > dims:
		return 0, badRequest("invalid_dimensions", "dimensions", "`dimensions` is %d, but the model's vectors have %d", *wish, dims)
	}
	return *wish, nil
}

// parseInputs reads the inputs of an embedding request and refuses none, too
// many, and empty ones.
func (s *Server) parseInputs(field string, raw []byte) ([]wire.Input, error) {
	inputs, err := wire.ParseInputs(field, raw)
	if e, ok := errors.AsType[*wire.InputError](err); ok {
		return nil, badRequest("wrong_type", e.Path, "%s", e)
	}
	if err != nil {
		return nil, err
	}
	if len(inputs) == 0 {
		return nil, badRequest("empty_input", field, "`%s` cannot be empty", field)
	}
	if len(inputs) > s.limits.Inputs {
		return nil, badRequest("too_many_inputs", field, "batch size %d > maximum allowed batch size %d", len(inputs), s.limits.Inputs)
	}
	for _, input := range inputs {
		if input.Text == "" && len(input.IDs) == 0 {
			return nil, badRequest("empty_text", input.Path, "`%s` cannot be empty", input.Path)
		}
	}
	return inputs, nil
}

// teiTexts turns token ids into text, as TEI does.
func (s *Server) teiTexts(inputs []wire.Input) ([]string, error) {
	decoder, canDecode := s.embedder.(TokenDecoder)
	texts := make([]string, len(inputs))
	for i, input := range inputs {
		texts[i] = input.Text
		if input.IDs == nil {
			continue
		}
		if !canDecode {
			return nil, badRequest("token_ids_unsupported", "inputs", "this model does not take token ids").hint("send texts")
		}
		text, err := decoder.DecodeTokens(input.IDs)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", input.Path, err)
		}
		texts[i] = text
	}
	return texts, nil
}

// postOpenAIEmbeddings is OpenAI's POST /v1/embeddings.
func (s *Server) postOpenAIEmbeddings(c echo.Context) error {
	var request wire.OpenAIEmbeddings
	if err := s.readJSON(c, &request, lenient); err != nil {
		return err
	}
	if err := s.checkModel(request.Model); err != nil {
		return err
	}
	asBase64, err := openAIFormat(request.EncodingFormat)
	if err != nil {
		return err
	}
	options := EncodeOptions{Truncate: true, Normalize: true}
	if options.Dims, err = dimensions(request.Dimensions, s.model.Dims); err != nil {
		return err
	}
	inputs, err := s.parseInputs("input", request.Input)
	if err != nil {
		return err
	}
	texts := make([]string, len(inputs))
	for i, input := range inputs {
		if input.IDs != nil {
			return badRequest("token_ids_unsupported", "input", "token ids are refused: they come from a tokenizer that is not this model's").
				hint("send texts; in LangChain's OpenAIEmbeddings set check_embedding_ctx_length=False")
		}
		texts[i] = input.Text
	}
	encoding, err := s.encode(c.Request().Context(), texts, options)
	if err != nil {
		return err
	}
	body := wire.AppendOpenAIEmbeddings(nil, s.model.Name, encoding.Vectors, sum(encoding.Tokens), asBase64)
	return s.send(c, http.StatusOK, jsonType, body)
}

func openAIFormat(format *string) (asBase64 bool, err error) {
	switch {
	case format == nil || *format == "float":
		return false, nil
	case *format == "base64":
		return true, nil
	}
	return false, badRequest("invalid_parameter", "encoding_format", "encoding_format must be \"float\" or \"base64\", not %q", *format)
}

// checkModel accepts the model that is served, by its name or by none: vectors
// of another model than the one asked for would be a silent mistake.
func (s *Server) checkModel(name string) error {
	served := s.model.Name
	if name == "" || strings.EqualFold(name, served) {
		return nil
	}
	e := badRequest("model_not_found", "model", "the model %q is not served here", name).hint("use %q", served)
	e.Status = http.StatusNotFound
	return e
}

func (s *Server) openAIModel() wire.OpenAIModel {
	m := s.model
	model := wire.OpenAIModel{ID: m.Name, Object: "model", OwnedBy: "semdex"}
	if !m.Created.IsZero() {
		model.Created = m.Created.Unix()
	}
	return model
}

func (s *Server) listOpenAIModels(c echo.Context) error {
	return s.sendJSON(c, http.StatusOK, wire.OpenAIModels{Object: "list", Data: []wire.OpenAIModel{s.openAIModel()}})
}

func (s *Server) getOpenAIModel(c echo.Context) error {
	name, err := pathParam(c, "*")
	if err != nil {
		return err
	}
	if err := s.checkModel(name); err != nil {
		return err
	}
	return s.sendJSON(c, http.StatusOK, s.openAIModel())
}

func characters(texts []string) int {
	n := 0
	for _, t := range texts {
		n += utf8.RuneCountInString(t)
	}
	return n
}

// wholeMilliseconds is how TEI's headers tell durations.
func wholeMilliseconds(d time.Duration) string {
	return strconv.FormatInt(d.Milliseconds(), 10)
}
