#!/usr/bin/env bash
# Makes docs/images/search.png: a real session over the demo corpus, as a
# terminal shows it. Needs script, aha and chromium.
set -euo pipefail
cd "$(dirname "$0")/../../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CGO_ENABLED=0 go build -o "$work/semdex" ./cmd/semdex
"$work/semdex" index -q --data "$work/data" internal/demo/corpus.jsonl
cat >"$work/session" <<'E2'
stty cols 92 rows 60
ask() {
  printf '\033[1;32m$\033[0m semdex search --top 2 "%s"\n\n' "$1"
  "$work/semdex" search --data "$work/data" --top 2 "$1"
  echo
}
ask "빛도 빠져나올 수 없는 천체"
ask "how do plants turn light into energy"
E2
work=$work script -qc "bash $work/session" /dev/null | tr -d '\r' >"$work/out"
{
  echo '<meta charset="utf-8"><style>body{margin:0;background:#16181d;color:#d7dae0;padding:18px 22px;width:880px}
pre{font:15px/1.38 "DejaVu Sans Mono","Noto Sans Mono CJK KR",monospace;margin:0}</style><pre>'
  aha --no-header --black <"$work/out"
  echo '</pre>'
} | sed 's/filter: *opacity([^)]*)/opacity:.55/g' >"$work/page.html"
chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
  --disable-component-update --disable-sync --user-data-dir="$work/profile" --hide-scrollbars \
  --force-device-scale-factor=2 --window-size=924,660 --screenshot="$work/search.png" "file://$work/page.html" 2>/dev/null
mkdir -p docs/images
mv "$work/search.png" docs/images/search.png
