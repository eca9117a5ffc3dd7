package analysis

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func newAnalyzer(t testing.TB) *Analyzer {
	t.Helper()
	a, err := New(KoEn1)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestNew(t *testing.T) {
	if a, err := New(""); err != nil || a.Name() != Default {
		t.Errorf("New(\"\") = %v, %v", a, err)
	}
	if _, err := New("semdex_koen_v99"); err == nil || !strings.Contains(err.Error(), "semdex_koen_v99") {
		t.Errorf("unknown analyzer: %v", err)
	}
}

func TestDocument(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", ""},
		{"?! ...", ""},
		{"The running dogs", "the run dog"},
		{"It's the company's", "it the compani"},
		{"don’t", "dont"},
		{"Café CAFÉ cafe\u0301", "cafe cafe cafe"},
		{"ＧＰＴ４", "gpt4"},
		{"state-of-the-art", "state of the art"},
		{"3.14 1,000 v2.0", "3.14 1000 v2.0"},
		{"soft\u00adhyphen zero\u200bwidth", "softhyphen zero width"},
		{"\ufeffbom", "bom"},
		{"Ελλάδα Москва", "ελλάδα москва"},
		{"한국어", "한국어 한국 국어"},
		{"한국어를", "한국어를 한국어 한국 국어 어를"},
		{"책을", "책 책을"},
		{"물", "물"},
		{"GPT모델을", "gpt 모델을 모델 델을"},
		{"2024년", "2024 년"},
		{"學校", "學校"},
		{"東京都", "東京 京都"},
		{"서울로", "서울로 서울 울로"},
	}
	a := newAnalyzer(t)
	for _, tt := range tests {
		if got := strings.Join(terms(a.Document(tt.text)), " "); got != tt.want {
			t.Errorf("Document(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestQuery(t *testing.T) {
	tests := []struct{ text, want string }{
		{"what is the capital", "what capit"},
		{"to be or not to be", "to be or not to be"},
		{"한국어는 무엇인가요?", "한국어는 한국어 한국 국어"},
		{"북한", "북 북한"},
		{"무엇인가요?", "무엇인가요 무엇 엇인 인가 가요"},
	}
	a := newAnalyzer(t)
	for _, tt := range tests {
		if got := strings.Join(terms(a.Query(tt.text)), " "); got != tt.want {
			t.Errorf("Query(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

// A noun must find itself with any particle, by its whole stem.
func TestParticles(t *testing.T) {
	nouns := map[string]string{
		"한국어": "를 는 가 로 와 에 에서 에서는 의 도 만 까지 부터 보다 처럼 라고 로서 에게 들의",
		"대학원": "을 은 이 으로 과 에 에서 의 도 만 까지 부터 보다 처럼 이라고 으로서 에는",
		"지하철": "을 은 이 로 과 에 에서 의 도 로는",
	}
	a := newAnalyzer(t)
	for noun, list := range nouns {
		for p := range strings.FieldsSeq(list) {
			if got := terms(a.Document(noun + p)); !slices.Contains(got, noun) {
				t.Errorf("%s + %s gives %q, which lacks the noun", noun, p, got)
			}
		}
	}
}

// Particles that do not agree with the sound before them are part of the noun.
func TestParticleAgreement(t *testing.T) {
	for _, noun := range []string{"평창동계은", "소나무이"} {
		var run []char
		for i, r := range []rune(noun) {
			run = append(run, char{r, i, i + 1, -1})
		}
		if k := stemLength(run); k != len(run) {
			t.Errorf("%s: stem of %d syllables", noun, k)
		}
	}
}

// Decomposed text gives the terms of composed text, with offsets of its own.
func TestDecomposed(t *testing.T) {
	a := newAnalyzer(t)
	for _, text := range []string{"한국어를 배우는 사람들", "Übergröße naïve", "GPT모델을 2024년에"} {
		nfc, nfd := a.Document(norm.NFC.String(text)), a.Document(norm.NFD.String(text))
		if !slices.Equal(terms(nfc), terms(nfd)) {
			t.Errorf("%q: %q composed, %q decomposed", text, terms(nfc), terms(nfd))
		}
		source := []rune(norm.NFD.String(text))
		for i, tok := range nfd {
			got := norm.NFC.String(string(source[tok.Start:tok.End]))
			want := []rune(norm.NFC.String(text))[nfc[i].Start:nfc[i].End]
			if got != string(want) {
				t.Errorf("token %q covers %q decomposed, %q composed", tok.Term, got, string(want))
			}
		}
	}
}

func TestMatches(t *testing.T) {
	tests := []struct{ query, text, want string }{
		{"한국어", "나는 한국어를 배운다", "한국어"},
		{"한국어를", "한국어의 역사", "한국어"},
		{"국어", "한국어를", "국어"},
		{"running dogs", "The dog runs; dogs ran.", "dog|runs|dogs"},
		{"GPT 모델", "새 GPT모델을 쓴다", "GPT모델"},
		{"the", "nothing here", ""},
		{"학교", "", ""},
		{"cafe", "le Café bleu", "Café"},
	}
	a := newAnalyzer(t)
	for _, tt := range tests {
		runes := []rune(tt.text)
		var got []string
		for _, s := range a.Matches([]string{tt.query}, nil, tt.text) {
			got = append(got, string(runes[s.Start:s.End]))
		}
		if strings.Join(got, "|") != tt.want {
			t.Errorf("Matches(%q, %q) = %q, want %q", tt.query, tt.text, got, tt.want)
		}
	}
}

func FuzzAnalyze(f *testing.F) {
	for _, s := range []string{"한국어를", "it's 3.14, naïve", "e\u0301\u0301", "\u1112\u1161\u11ab", "ﷺ﷽ ｶﾞ", "a\u200d’b", "\xff\xfe", strings.Repeat("가", 300), "1,", "İstanbul"} {
		f.Add(s)
	}
	a := newAnalyzer(f)
	f.Fuzz(func(t *testing.T, text string) {
		n := utf8.RuneCountInString(text)
		for _, tokens := range [][]Token{a.Document(text), a.Query(text)} {
			for _, tok := range tokens {
				if tok.Term == "" || tok.Start < 0 || tok.Start >= tok.End || tok.End > n || tok.Weight <= 0 || tok.Weight > 1 {
					t.Fatalf("%q of %d runes gives %+v", text, n, tok)
				}
			}
		}
		end := -1
		for _, s := range a.Matches([]string{text}, nil, text) {
			if s.Start <= end || s.End <= s.Start || s.End > n {
				t.Fatalf("span %+v after %d in %d runes", s, end, n)
			}
			end = s.End
		}
	})
}

func BenchmarkDocument(b *testing.B) {
	a := newAnalyzer(b)
	for _, text := range []string{
		strings.Repeat("Retrieval finds the passages that answer a question. ", 20),
		strings.Repeat("한국어를 배우는 사람들이 도서관에서 책을 읽는다. ", 20),
	} {
		b.Run("", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				a.Document(text)
			}
		})
	}
}

func terms(tokens []Token) []string {
	out := make([]string, len(tokens))
	for i, t := range tokens {
		out[i] = t.Term
	}
	return out
}

// Terms of precomposed text are cut out of it, whatever stands beside it: the same
// text written otherwise gives the same terms.
func TestTermsAreOfTheText(t *testing.T) {
	a := newAnalyzer(t)
	for _, text := range []string{"세종대왕이 한글을 만들었다", "the running dogs", "v2.0 한글날"} {
		want := terms(a.Document(text))
		for _, other := range []string{strings.ToUpper(text), norm.NFD.String(text), "\u00ad" + strings.ReplaceAll(text, " ", " \u200b")} {
			if got := terms(a.Document(other)); !slices.Equal(got, want) {
				t.Errorf("%q gives %q, %q gives %q", text, want, other, got)
			}
		}
		for _, term := range want {
			if !utf8.ValidString(term) {
				t.Errorf("%q gives %q", text, term)
			}
		}
	}
}

// What stands in a slice already stays there.
func TestAppendDocument(t *testing.T) {
	a := newAnalyzer(t)
	first, second := "한국어를 배우는 teachers'", "GPT모델 2,024 漢字"
	got := a.AppendDocument(a.AppendDocument(nil, first), second)
	if want := slices.Concat(a.Document(first), a.Document(second)); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
