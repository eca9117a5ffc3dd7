package api

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

const handbook = "../docs/http-api.md"

// console matches the handbook's examples: a command line and its answer.
var console = regexp.MustCompile("(?s)```console\n\\$ (curl .*?)```")

// TestHandbookExamples runs the commands of the handbook one after the other
// and compares the answers with those printed there. With -update it prints
// them anew.
func TestHandbookExamples(t *testing.T) {
	raw, err := os.ReadFile(handbook)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), "\r\n", "\n")
	s := newTestServer(t, Options{
		Embedder: namedEmbedder{decodingEmbedder{&fakeEmbedder{dims: 256}}},
		Reader:   figureReader{}, AnswerCache: AnswerCache{Entries: 100},
		Reranker: &fakePredictor{name: "my-reranker", labels: score}, Classifier: &fakePredictor{labels: threeWays},
		Version: Version{Version: "0.1.0", Commit: "a077aad"},
	})
	if err := s.warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, do(s, "DELETE", "/collections/demo", ""), 200)
	examples := 0
	updated := console.ReplaceAllStringFunc(text, func(block string) string {
		examples++
		command, printed := splitExample(t, console.FindStringSubmatch(block)[1])
		answer := readable(runCurl(t, s, command))
		if stable(printed) == stable(answer) {
			answer = printed // with the durations of its day
		} else if !*update {
			t.Errorf("%s\nanswers\n%s\nbut the handbook prints\n%s", command, answer, printed)
		}
		return "```console\n$ " + command + "\n" + answer + "\n```"
	})
	if examples < 10 {
		t.Errorf("only %d examples were found", examples)
	}
	if *update && updated != text {
		if err := os.WriteFile(handbook, []byte(updated), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// namedEmbedder has the name that the handbook shows.
type namedEmbedder struct{ decodingEmbedder }

func (namedEmbedder) Model() Model {
	return Model{Name: "builtin", Fingerprint: fingerprint, Dims: 256}
}

// splitExample tells a command, which may span lines within quotes or after a
// backslash, from the answer below it.
func splitExample(t *testing.T, example string) (command, answer string) {
	t.Helper()
	quoted, escaped := false, false
	for i, r := range example {
		switch {
		case r == '\'':
			quoted = !quoted
		case r == '\n' && !quoted && !escaped:
			return example[:i], strings.TrimSpace(example[i:])
		}
		escaped = r == '\\'
	}
	t.Fatalf("an example without an end: %s", example)
	return "", ""
}

// runCurl does what a command line of curl asks for: -X, -d, -H, -T - and the
// address.
func runCurl(t *testing.T, s *Server, command string) []byte {
	t.Helper()
	method, path, body := "", "", ""
	var headers []string
	words := shellWords(command)[1:]
	for i := 0; i < len(words); i++ {
		switch word := words[i]; {
		case word == "-X":
			i++
			method = words[i]
		case word == "-d" || word == "--data-binary":
			i++
			body = strings.TrimPrefix(words[i], "$")
			if method == "" {
				method = "POST"
			}
		case word == "-H":
			i++
			name, value, _ := strings.Cut(words[i], ": ")
			headers = append(headers, name, value)
		case strings.HasPrefix(word, "localhost:8080"):
			path = strings.TrimPrefix(word, "localhost:8080")
		default:
			t.Fatalf("what is %q in %s", word, command)
		}
	}
	if method == "" {
		method = "GET"
	}
	return do(s, method, path, body, headers...).Body.Bytes()
}

// shellWords splits a command line at white space outside of single quotes.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	quoted, inWord := false, false
	for _, r := range strings.ReplaceAll(line, "\\\n", " ") {
		switch {
		case r == '\'':
			quoted, inWord = !quoted, true
		case !quoted && (r == ' ' || r == '\n'):
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}

// readable prints JSON as a person would: what fits stays on one line.
func readable(raw []byte) string {
	var out bytes.Buffer
	if err := json.Indent(&out, bytes.TrimSpace(raw), "", "  "); err != nil {
		return strings.TrimSpace(string(raw))
	}
	return fold(out.String())
}

// innermost is an object or list that holds no other, printed over lines.
var innermost = regexp.MustCompile(`(?m)^( *)("[^"\n]*": )?([\[{])\n((?:[^\[\]{}]|"[^"\n]*")*?)\n *([\]}])(,?)$`)

func fold(text string) string {
	for {
		changed := false
		text = innermost.ReplaceAllStringFunc(text, func(block string) string {
			lines := strings.Split(block, "\n")
			for i := 1; i < len(lines); i++ {
				lines[i] = strings.TrimSpace(lines[i])
			}
			last := len(lines) - 1
			line := lines[0] + strings.Join(lines[1:last], " ") + lines[last]
			if utf8.RuneCountInString(line) > 110 {
				return block
			}
			changed = true
			return line
		})
		if !changed {
			return text
		}
	}
}

// stable drops what differs from run to run.
func stable(answer string) string {
	answer = durations.ReplaceAllString(answer, "$1: 0")
	answer = regexp.MustCompile(`"(go|created|asked_at)": ?"[^"]*"`).ReplaceAllString(answer, `"$1": ""`)
	answer = digits.ReplaceAllString(answer, "$1")
	return strings.Join(strings.Fields(answer), " ")
}
