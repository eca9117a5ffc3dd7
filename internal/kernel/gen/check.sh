#!/usr/bin/env bash
# Regenerates the assembly of package kernel and compares it with what is
# committed.
set -euo pipefail
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
go run . -out "$out/zz_kernel_amd64.s" -stubs "$out/zz_kernel_amd64.go" -pkg kernel -dispatch "$out/zz_dispatch_amd64.go"
go -C train run . -out "$out/zz_train_amd64.s" -stubs "$out/zz_train_amd64.go" -pkg kernel
for file in "$out"/*; do
  # The first line holds the command and with it the folder.
  diff -u <(tail -n +2 "../$(basename "$file")") <(tail -n +2 "$file") || {
    echo "$(basename "$file") is not what the generator writes; run: go generate ./internal/kernel" >&2
    exit 1
  }
done
