# Thin names for the commands people type. Everything is plain go underneath.
TOOL = go tool -modfile=tools/go.mod

.PHONY: build test race lint fmt fuzz bench-peers bench-index bench-train

build: ## the binary, in ./semdex
	CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o semdex ./cmd/semdex

test: ## every test
	go test ./...

race: ## the concurrent packages under the race detector
	go test -race ./index/... ./api/... ./embed/...

lint: ## formatting, vet, staticcheck
	@test -z "$$($(TOOL) gofumpt -l .)" || { $(TOOL) gofumpt -l .; echo "run: make fmt"; exit 1; }
	go vet ./...
	$(TOOL) staticcheck ./...

fmt: ## write the formatting that lint wants
	$(TOOL) gofumpt -w .

fuzz: ## a short run of every fuzz target
	./testdata/gen/fuzz.sh 20s

bench-peers: ## the encoder beside onnxruntime, see docs/performance.md
	npm --prefix bench ci --ignore-scripts --no-audit --no-fund
	go -C bench run -buildvcs=false . --budget 15m $(ARGS)

bench-train: ## training beside PyTorch (Debian: python3-torch, libopenblas0-pthread), see docs/performance.md
	go -C bench run -buildvcs=false ./train --budget 4m30s $(ARGS)

bench-index: ## the vector backends beside hnswlib, see docs/performance-index.md
	go -C bench run -buildvcs=false ./index $(ARGS)
