#!/bin/sh
# The models inside the binary, from data to folders, with their seeds: the table of
# subword vectors (three minutes of two cores) and the reader (five hours of one).
#
#   DATA=corpora WIKI=more-wikipedia OUT=models scripts/released-models.sh
#
# It can be stopped and started again: what is complete is kept, what was under way
# goes on from its checkpoint.
set -eu
: "${DATA:?folder of corpora: text, nli, sts, pairs, qa}"
: "${WIKI:?folder with wiki-en-b.jsonl.xz and wiki-ko-b.jsonl.xz}"
: "${OUT:?folder to write to}"
: "${SEMDEX:=semdex}"
: "${VOCAB:=embed/builtin/models/semdex-static-ko-en-256/0_StaticEmbedding/vocab.txt}"
mkdir -p "$OUT"
table=$OUT/semdex-static-ko-en-256
reader=$OUT/semdex-reader-ko-en-256

# complete MODEL says that a folder is complete: its card is written last.
complete() { [ -e "$1/README.md" ]; }

for language in en ko; do
	[ -e "$OUT/wiki-$language-b.jsonl.gz" ] || xz -dc "$WIKI/wiki-$language-b.jsonl.xz" | gzip >"$OUT/wiki-$language-b.jsonl.gz"
done
complete "$table" || "$SEMDEX" train static --data-dir "$DATA" --vocab "$VOCAB" --seed 1 \
	--wiki "$OUT/wiki-en-b.jsonl.gz,$OUT/wiki-ko-b.jsonl.gz" --out "$table"

complete "$OUT/wired" || "$SEMDEX" model create --arch bert --layers 4 --hidden 256 --heads 8 --positions 384 \
	--dropout 0 --attention-dropout 0 --vocab "$VOCAB" --words "$table" --wired --out "$OUT/wired"

squad=$DATA/qa/en/squad/train-v1.1.from-html.json.gz
reading="--dev-share 0.02 --window 128 --stride 40 --max-question 24 --unanswerable 0.1
  --batch 32 --batch-tokens 3600 --embedding-lr 5e-5 --workers 1 --save-every 200 --resume"

# English first, the first quarter of a longer schedule.
# shellcheck disable=SC2086 # $reading is a list
complete "$OUT/english" || "$SEMDEX" train qa --model "$OUT/wired" --train "$squad" $reading --dev-sample 400 \
	--steps 4000 --stop-after 1000 --eval-every 500 --lr 8e-4 --warmup 0.03 --seed 1 --out "$OUT/english"

# Then both languages: people ask in English, sentences with a gap in Korean. What is
# measured on stays out.
korquad=$DATA/qa/ko/korquad/KorQuAD_v1.0_dev.json.gz
[ -e "$OUT/cloze-ko.json.gz" ] || "$SEMDEX" data cloze --limit 34000 --exclude "$korquad" \
	"$DATA/text/wiki-ko.jsonl.gz" --out "$OUT/cloze-ko.json.gz"
# shellcheck disable=SC2086
complete "$OUT/both" || "$SEMDEX" train qa --model "$OUT/english" --train "$squad,$OUT/cloze-ko.json.gz" $reading \
	--dev-sample 300 --steps 2400 --eval-every 800 --lr 7e-4 --warmup 0.02 --seed 2 --out "$OUT/both"

# Then with passages that have no answer, as a search brings them.
# shellcheck disable=SC2086
complete "$OUT/silent" || "$SEMDEX" train qa --model "$OUT/both" --train "$squad,$OUT/cloze-ko.json.gz" $reading --negatives 1 \
	--dev-sample 300 --steps 1600 --stop-after 469 --eval-every 400 --lr 5e-4 --warmup 0.03 --seed 3 --out "$OUT/silent"

# Last, shorter Korean questions over more passages.
[ -e "$OUT/cloze-short-ko.json.gz" ] || "$SEMDEX" data cloze --drop 0.35 --per-passage 2 --limit 60000 --exclude "$korquad" \
	"$DATA/text/wiki-ko.jsonl.gz" --out "$OUT/cloze-short-ko.json.gz"
# shellcheck disable=SC2086
complete "$OUT/short" || "$SEMDEX" train qa --model "$OUT/silent" --train "$squad,$OUT/cloze-short-ko.json.gz" $reading \
	--dev-share 0.01 --max-question 32 --negatives 1 --dev-sample 200 --steps 1000 --eval-every 500 --lr 4.5e-4 \
	--warmup 0.03 --seed 4 --out "$OUT/short"
# shellcheck disable=SC2086
complete "$OUT/longer" || "$SEMDEX" train qa --model "$OUT/short" --train "$squad,$OUT/cloze-short-ko.json.gz" $reading \
	--dev-share 0.01 --max-question 32 --negatives 1 --dev-sample 400 --steps 2400 --eval-every 800 --lr 5e-4 \
	--warmup 0.03 --seed 5 --out "$OUT/longer"

# And once more: better in English, worse in Korean. The mean of both has most of the
# one and loses little of the other.
# shellcheck disable=SC2086
complete "$OUT/longest" || "$SEMDEX" train qa --model "$OUT/longer" --train "$squad,$OUT/cloze-short-ko.json.gz" $reading \
	--max-question 32 --negatives 1 --dev-sample 400 --steps 3600 --eval-every 600 --lr 6e-4 \
	--warmup 0.03 --seed 6 --out "$OUT/longest"
complete "$OUT/reader" || "$SEMDEX" model average "$OUT/longer" "$OUT/longest" --out "$OUT/reader"
complete "$reader" || "$SEMDEX" model convert "$OUT/reader" --to safetensors-f16 --out "$reader"
