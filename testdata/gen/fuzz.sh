#!/usr/bin/env bash
# Runs every fuzz target of the module for the time given (default 20s).
set -euo pipefail
time=${1:-20s}
grep -rl --include='*_test.go' 'func Fuzz' . | xargs -n1 dirname | sort -u | while read -r dir; do
  grep -rhoP --include='*_test.go' --max-count=100 '^func \KFuzz\w+' "$dir"/*_test.go | sort -u | while read -r target; do
    echo "== $dir $target"
    go test -run "^$" -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 200x "$dir"
  done
done
