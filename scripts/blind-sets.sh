#!/bin/sh
# Two retrieval sets in BEIR's form on which keywords find nothing: Korean
# sentences whose English translation is looked for, and English sentences that say
# in other words what follows from a caption.
#
#   DATA=corpora OUT=sets scripts/blind-sets.sh
#   semdex eval retrieval sets/cross-language sets/paraphrase
#
# With SPLIT=dev they are made of other texts of the same kinds, to choose settings
# with. Needs jq. A query stays if a search by keywords alone, over all sentences of the
# set, does not bring its sentence among the first ten.
set -eu
: "${DATA:?folder with pairs/en-ko/tatoeba (or news), nli/en/snli}"
: "${OUT:?folder to write to}"
: "${SEMDEX:=semdex}"
: "${SPLIT:=test}"

# beir NAME makes the set NAME of lines "query TAB sentence" on standard input.
beir() {
	mkdir -p "$OUT/$1/qrels"
	cat >"$OUT/$1/pairs.tsv"
	cut -f 2 "$OUT/$1/pairs.tsv" | jq -Rc '{_id: "d\(input_line_number)", title: "", text: .}' >"$OUT/$1/corpus.jsonl"
	cut -f 1 "$OUT/$1/pairs.tsv" | jq -Rc '{_id: "q\(input_line_number)", text: .}' >"$OUT/$1/queries.jsonl"
	{
		printf 'query-id\tcorpus-id\tscore\n'
		awk '{print "q" NR "\td" NR "\t1"}' "$OUT/$1/pairs.tsv"
	} >"$OUT/$1/qrels/test.tsv"
}

# blind NAME keeps the queries of set NAME that keywords do not answer.
blind() {
	printf 'sets:\n  - {kind: retrieval, path: %s, modes: [keyword]}\n' "$1" >"$OUT/$1.yaml"
	"$SEMDEX" eval suite "$OUT/$1.yaml" --data-dir "$OUT" --json "$OUT/$1.json" -o "$OUT/$1.md"
	jq -r '.sets[0].rows[0].items."recall@10"[]' "$OUT/$1.json" | paste - "$OUT/$1/queries.jsonl" |
		awk -F'\t' '$1 == 0 {print $2}' >"$OUT/$1/left.jsonl"
	jq -r ._id "$OUT/$1/left.jsonl" | awk 'BEGIN {print "query-id\tcorpus-id\tscore"} {d = $1; sub("q", "d", d); print $1 "\t" d "\t1"}' >"$OUT/$1/qrels/test.tsv"
	mv "$OUT/$1/left.jsonl" "$OUT/$1/queries.jsonl"
	echo "$1: $(wc -l <"$OUT/$1/queries.jsonl") of $(wc -l <"$OUT/$1/pairs.tsv") queries"
}

# translations prints Korean sentences and their English translations.
translations() {
	case $SPLIT in
	dev)
		paste "$DATA/pairs/en-ko/news/jhe-dev.ko" "$DATA/pairs/en-ko/news/jhe-dev.en"
		paste "$DATA/pairs/en-ko/news/korean-english-park.dev.ko" "$DATA/pairs/en-ko/news/korean-english-park.dev.en"
		;;
	*) paste "$DATA/pairs/en-ko/tatoeba/tatoeba.kor-eng.kor" "$DATA/pairs/en-ko/tatoeba/tatoeba.kor-eng.eng" ;;
	esac
}

translations | beir cross-language
blind cross-language

# What follows from a caption says the same in other words, and less of it.
paste "$DATA/nli/en/snli/s2.$SPLIT" "$DATA/nli/en/snli/s1.$SPLIT" "$DATA/nli/en/snli/labels.$SPLIT" |
	awk -F'\t' '$3 == "entailment" && !seen[$2]++ {print $1 "\t" $2}' | beir paraphrase
blind paraphrase
