#!/bin/sh
# A small BERT teacher of 12 layers and DistilBERT students of 6, in Korean and
# English, on one core in about an hour: the recorded run of docs/training.md.
#
#   DATA=corpora OUT=run scripts/mlm-distill.sh
#
# It can be stopped and started again: what is complete is kept, what was under
# way continues from its checkpoint.
set -eu
: "${DATA:?folder with text/wiki-en.jsonl.gz, text/wiki-ko.jsonl.gz, text/wikitext-2/valid.txt}"
: "${OUT:?folder to write to}"
: "${SEMDEX:=semdex}"
: "${VOCAB:=embed/builtin/models/semdex-static-ko-en-256/0_StaticEmbedding/vocab.txt}"
mkdir -p "$OUT"
vocab=$OUT/vocab.txt
[ -e "$vocab" ] || head -n 8192 "$VOCAB" >"$vocab"

text="--text $DATA/text/wiki-en.jsonl.gz,$DATA/text/wiki-ko.jsonl.gz --text-share 0.25
  --dev-share 0.005 --dev $DATA/text/wikitext-2/valid.txt
  --max-tokens 64 --mask 0.3 --whole-word --workers 1 --eval-every 250 --resume"

# run NAME VERB... trains unless NAME is there.
run() {
	name=$1
	shift
	[ -e "$OUT/$name/config.json" ] && return
	echo "== $name"
	# shellcheck disable=SC2086 # $text is a list
	"$SEMDEX" train "$@" $text --out "$OUT/$name" --json >"$OUT/$name.tmp" 2>>"$OUT/$name.log"
	mv "$OUT/$name.tmp" "$OUT/$name.json"
}

# init NAME TEACHER FLAGS... copies layers unless NAME is there.
init() {
	name=$1
	teacher=$2
	shift 2
	[ -e "$OUT/$name/config.json" ] || "$SEMDEX" distill init "$OUT/$teacher" "$@" --out "$OUT/$name"
}

# The teacher grows: 3 layers learn to use context within minutes, 12 would take
# hours to begin (Gong et al. 2019, "Efficient training of BERT by progressively
# stacking").
[ -e "$OUT/empty/config.json" ] || "$SEMDEX" model create --arch bert --layers 3 --hidden 128 --heads 4 \
	--vocab "$vocab" --words builtin --positions 128 --sinusoidal --init-range 0.05 --dropout 0 --attention-dropout 0 \
	--out "$OUT/empty"
run teacher-3 mlm --model "$OUT/empty" --batch-tokens 1024 --steps 2500 --lr 2e-3 --warmup 0.05 \
	--schedule constant
init stacked-6 teacher-3 --arch bert --layers 0,1,2,0,1,2
run teacher-6 mlm --model "$OUT/stacked-6" --batch-tokens 2048 --steps 1000 --lr 1e-3 --warmup 0.1 \
	--schedule constant --seed 2
init stacked-12 teacher-6 --arch bert --layers 0,1,2,3,4,5,0,1,2,3,4,5
run teacher-12 mlm --model "$OUT/stacked-12" --batch-tokens 2048 --steps 1200 --lr 1e-3 --warmup 0.1 --seed 3

# Students with the same start, text and steps, with the teacher and without.
init student teacher-12 --layers 0,2,4,7,9,11
for seed in 1 2 3; do
	run "distilled-$seed" distill mlm --teacher "$OUT/teacher-12" --student "$OUT/student" \
		--alpha "${ALPHA:-0.5}" --temperature "${TEMPERATURE:-2}" --beta "${BETA:-0}" --hidden-only \
		--batch-tokens 1024 --steps 600 --lr 1e-3 --warmup 0.1 --seed "1$seed"
	run "alone-$seed" mlm --model "$OUT/student" \
		--batch-tokens 1024 --steps 600 --lr 1e-3 --warmup 0.1 --seed "1$seed"
done
