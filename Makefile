# What a person types. CI calls the same targets.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
PLATFORMS = linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

export CGO_ENABLED = 0

# All but the race detector's builds have -trimpath: what one target has compiled
# of the libraries, the next one finds.

.PHONY: build run test test-nethttp test-loops race e2e lint cross cover bench size compare fuzz soak clean

build:
	go build -trimpath -ldflags '-X main.buildVersion=$(VERSION)' -o bin/ ./cmd/devrouter

run: build
	bin/devrouter demo --routes-file examples/routes.yaml

test: race

# The race detector needs cgo, and so a C compiler; where there is none, the
# tests run without it.
race:
	@cc=$$(go env CC); if command -v "$${cc%% *}" >/dev/null; \
	then CGO_ENABLED=1 go test -race ./...; \
	else echo "no C compiler: testing without the race detector"; go test ./...; fi

# The page in a real browser, which needs Node 20, npm and Chromium. The
# packages are those of the lockfile, which names no registry.
e2e: build web/e2e/node_modules/.package-lock.json
	@! grep -n '"resolved"' web/e2e/package-lock.json
	cd web/e2e && npm test --silent

web/e2e/node_modules/.package-lock.json: web/e2e/package-lock.json
	cd web/e2e && npm ci

# net/http at both ends of the router, as the key use_net_http has it: what tests
# what goes over the wire runs so, too.
test-nethttp:
	DEVROUTER_TEST_NET_HTTP=1 go test -trimpath -count=1 ./router/... ./appliance/...

# Loops serve every client that they can, not only the busy ones (package http1).
test-loops:
	go test -trimpath -tags alwaysloops ./router/...
	go test -trimpath -tags alwaysloops -run Contract ./appliance

lint:
	@bad=$$(gofmt -l .); [ -z "$$bad" ] || { echo "not gofmt-clean:"; echo "$$bad"; exit 1; }
	go vet -trimpath ./...
	GOOS=linux go vet -trimpath -tags soak ./cmd/devrouter
	go mod tidy -diff
	@if command -v staticcheck >/dev/null; then staticcheck ./...; fi

cross:
	@for p in $(PLATFORMS); do echo "$$p"; export GOOS=$${p%/*} GOARCH=$${p#*/}; \
	go build -trimpath -o /dev/null ./cmd/devrouter && go vet -trimpath ./... || exit 1; done

cover:
	go test -coverprofile=cover.out ./... && go tool cover -func=cover.out | tail -1

# BENCHTIME=1x runs each once, to see that they run.
BENCHTIME ?= 1s
bench:
	go test -trimpath -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...

# What is downloaded stays below 22 MiB, as large as it would be on most machines.
MAX_BYTES = 23068672
size:
	@GOOS=linux GOARCH=amd64 go build -trimpath -ldflags '-s -w' -o bin/devrouter-stripped ./cmd/devrouter; \
	n=$$(wc -c < bin/devrouter-stripped); echo "stripped: $$n bytes of $(MAX_BYTES)"; [ $$n -le $(MAX_BYTES) ]

# Beside whichever other routers are installed; docs/performance.md.
compare:
	go run ./bench

# Each fuzz test for a moment: FUZZTIME=10m make fuzz for a night.
FUZZTIME ?= 10s
fuzz:
	@for pkg in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; done

# A devrouter under load for a time, and what is left of it afterwards; then a flood
# of its page. Linux only. SOAK=24h make soak for a day.
SOAK ?= 5m
soak:
	SOAK=$(SOAK) go test -trimpath -count=1 -tags soak -timeout 0 -v -run 'TestSoak|TestFlood' ./cmd/devrouter

clean:
	rm -rf bin dist cover.out
