package index

import "strings"

// abbreviations are words, in lower case and without the last dot, after which
// a dot and a capital letter do not begin a sentence.
var abbreviations = words("dr mr mrs ms prof rev hon gen col lt sgt capt cmdr gov sen rep pres st mt ft messrs",
	"vs v.s e.g i.e eg ie cf viz approx ca resp incl esp",
	"fig figs eq eqs ref refs tab sec sect chap app suppl",
	"ph.d m.d b.a m.a b.sc m.sc d.c dept univ assn bros",
	"jan feb mar apr jun jul aug sep sept oct nov dec")

// beforeNumbers are abbreviations only when a number follows: "No. 5".
var beforeNumbers = words("no nos vol vols p pp art ch al ver v par para line op")

// starters are words that begin a sentence after an abbreviation such as U.S.
var starters = words("The This That These Those It Its In On At He She They We You I But And However Although",
	"When While After Before If As For There Then Thus Here What Why How Since Because Many Some Most")

func words(lists ...string) map[string]bool {
	set := make(map[string]bool)
	for _, list := range lists {
		for _, word := range strings.Fields(list) {
			set[word] = true
		}
	}
	return set
}
