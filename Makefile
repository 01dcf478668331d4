# Everything that is done to this tree is a target here; `make` lists them.

GO      ?= go
PREFIX  ?= /usr/local
FUZZTIME    ?= 10s
RUNS        ?= 5
RUNTIME     ?= 1s
HOSTILETIME ?= 1m
HOSTILESEED ?= 1
SECONDS     ?= $(if $(KILLS),,600)
PROCESSES   ?= 64
DESTDIR ?=

# What runs on arm64 under an emulator: what differs between machines. Not what
# wants other users' files (it runs in a user namespace) or what the emulator's
# system calls lack: pidfd_open, futex_waitv and membarrier.
ARM64      := ./shm/... ./ipc/... ./internal/busguard ./internal/cpu ./internal/eintr ./internal/fence ./internal/filelock ./internal/futex ./internal/order ./internal/process ./internal/asymlock ./cmd/shmchan/internal/frame
ARM64_SKIP := AnotherUser|Owner|NoticedByABlocked|ThousandThreads|ManyThreads|AwaitReports|CancelledWatch|Mount|OtherFaults|Stranger|GroupShares|Squatted|Swapped|^TestWithout|WhatIsMissing|MayNotBeWritten|TimeNamespace|UnderLoad|Scribbling

# What runs in 32 bits: what differs there. Not what is about one message's time.
TEST386 := ./shm/... ./ipc ./internal/busguard ./internal/cpu ./internal/eintr ./internal/fence ./internal/filelock ./internal/futex ./internal/order ./internal/process ./internal/test/linear ./internal/test/proctest ./internal/asymlock ./cmd/shmchan/internal/frame ./cmd/shmchan/internal/machine ./cmd/shmchan/internal/terminate

# Every Linux that Go has, but for those that are vetted.
LINUXES = $(filter-out amd64 arm64,$(patsubst linux/%,%,$(filter linux/%,$(shell $(GO) tool dist list))))

bin         := bin/shmchan
staticcheck := bin/tools/staticcheck
actionlint  := bin/tools/actionlint
nfpm        := bin/tools/nfpm
ensure      := internal/tools/ensure.sh
emulate     := internal/tools/emulate.sh

# All packages, those first whose tests take longest, so that none of them is left
# at the end with one processor idle. On a busy machine they take several times as
# long as on an idle one: the timeout is for a hang. builders are those that only
# build and run commands, which the race detector does not see.
packages := ./ipc ./cmd/shmchan ./cmd/shmchan/internal/bench ./...
builders := -e /internal/test/docs$$ -e /internal/failpoint$$ -e /internal/test/house$$
hang     := -timeout 40m
scripts     := $(wildcard .ci/run internal/tools/*.sh examples/*/*.sh packaging/*.sh shm/model/*.sh)

# as-root tells another user what is skipped.
as-root := test "$$(id -u)" = 0 || echo "not run: the tests that need root: other users' files, namespaces, mounts" >&2

.DEFAULT_GOAL := help
.PHONY: help build demo screenshot test vet linux lint unit test-386 race kill guard bench fuzz hostile soak model model-quick arm64 s390x fmt clean install uninstall deb deb-test

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the command, bin/shmchan
	CGO_ENABLED=0 $(GO) build -trimpath -o $(bin) ./cmd/shmchan

demo: build ## eight senders, one receiver, one kill -9: shown to be right
	examples/demo/demo.sh $(bin)

screenshot: build ## draw the screen of shmchan watch, beside a load, as docs/watch.svg
	@$(ensure) tmux tmux
	internal/tools/screenshot.sh $(bin) >bin/watch.ansi
	$(GO) run ./cmd/shmchan/internal/screenshot -title 'shmchan watch' -desc 'Channels with fill, rates and the last minute; one is almost full' <bin/watch.ansi >docs/watch.svg

test: build vet linux lint unit test-386 race kill guard ## everything that must pass before a commit

vet: ## what go vet finds, on arm64 and in 32 bits too, and that other systems compile
	$(GO) vet ./...
	$(GO) vet -tags failpoints ./...
	GOARCH=arm64 $(GO) vet ./...
	GOARCH=386 $(GO) vet ./...
	GOOS=darwin $(GO) build ./...

# By list: it compiles as build does, and does not link. The first time, the standard
# library is compiled too: a minute of processor time for each.
linux: ## compile for every architecture that Go has Linux on
	@for arch in $(LINUXES); do \
		echo "GOARCH=$$arch $(GO) list -export ./..."; \
		GOOS=linux GOARCH=$$arch CGO_ENABLED=0 $(GO) list -export ./... >/dev/null || exit 1; \
	done

test-386: ## the tests of shm, ipc and internal in 32 bits, where the kernel runs such programs
	@if GOARCH=386 CGO_ENABLED=0 $(GO) test -run '^$$' ./internal/order >/dev/null 2>&1; then set -x; \
		GOARCH=386 CGO_ENABLED=0 $(GO) test -short $(TEST386); \
	else echo "not run: the tests in 32 bits, for this kernel runs no such programs" >&2; fi

unit: ## all tests: unit, multi-process, command scripts, a real terminal, examples, README, recipes
	@$(ensure) tmux tmux || echo "not run: shmchan watch in a terminal" >&2
	@$(ensure) strace strace || echo "not run: calls that are interrupted for ever" >&2
	@$(ensure) mkfs.btrfs btrfs-progs || echo "not run: a btrfs that is full" >&2
	@$(as-root)
	$(GO) test $(hang) $(packages)

race: ## the tests again, under the race detector (needs a C compiler)
	@$(ensure) gcc gcc libc6-dev
	@$(ensure) tmux tmux || echo "not run: shmchan watch in a terminal" >&2
	@$(ensure) strace strace || echo "not run: calls that are interrupted for ever" >&2
	@$(ensure) mkfs.btrfs btrfs-progs || echo "not run: a btrfs that is full" >&2
	@$(as-root)
	CGO_ENABLED=1 $(GO) test -race $(hang) $$($(GO) list $(packages) | grep -v $(builders))

# Each in its directory, so that go test shows the count though all is well. The
# situations are mostly waits, so more of them run at a time than processors are.
kill: ## every failpoint: killed there, stopped there
	$(GO) -C internal/failpoint test -count=1 -tags failpoints
	$(GO) -C shm test -count=1 -tags failpoints -run 'AlwaysOvertaken|Killed'
	$(GO) -C internal/test/kill test -count=1 $(hang) -tags failpoints -parallel 4

# By itself, not with all tests: it measures. -v shows what it could not judge on a
# machine that is busy with other things.
guard: ## that no speed is lost: ratios to what bounds it, a loss of half included; a quick start
	SHMCHAN_GUARD=1 $(GO) test -p 1 -count=1 -v -run '^TestGuard' ./cmd/shmchan/internal/bench ./cmd/shmchan

bench: build ## measure this machine, and refresh README.md, docs/bench.md and its plots (takes long)
	$(bin) bench --run . --pin --runs $(RUNS) --duration $(RUNTIME) --json >bin/bench.json
	$(GO) run ./cmd/shmchan/internal/bench/refresh README.md <bin/bench.json

fuzz: ## every fuzz target, for FUZZTIME each (10s)
	@GO=$(GO) internal/tools/fuzz.sh $(FUZZTIME)

hostile: ## a peer that scribbles over the segment, for HOSTILETIME a region (1m), from HOSTILESEED
	SHMCHAN_HOSTILE_TIME=$(HOSTILETIME) SHMCHAN_HOSTILE_SEED=$(HOSTILESEED) \
		$(GO) test -count=1 -v -timeout 2h -run '^TestScribbling' ./ipc

soak: ## kills, stops and restarts for SECONDS (600) or until KILLS, from SEED; then a long life in full
	SHMCHAN_SOAK_SECONDS=$(SECONDS) SHMCHAN_SOAK_KILLS=$(KILLS) SHMCHAN_SOAK_SEED=$(SEED) \
		$(GO) test -count=1 -v -timeout 0 -run '^TestSoak$$' ./internal/test/soak
	SHMCHAN_SOAK_PROCESSES=$(PROCESSES) SHMCHAN_SOAK_CROWD_SECONDS=180 SHMCHAN_SOAK_SEED=$(SEED) \
		$(GO) test -count=1 -v -timeout 0 -run '^TestCrowd$$' ./internal/test/soak
	SHMCHAN_LINEAR_HISTORIES=1000 SHMCHAN_LONG=1 $(GO) test -count=1 -v -timeout 0 ./internal/test/linear ./internal/test/longlife

lint: $(staticcheck) $(actionlint) ## formatting, go.mod, static analysis, shell scripts, workflows
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then \
		echo "not formatted (make fmt): $$unformatted" >&2; exit 1; fi
	$(GO) mod tidy -diff
	$(staticcheck) ./...
	$(staticcheck) -tags failpoints ./...
	@if $(ensure) shellcheck shellcheck; then set -x; \
		shellcheck $(scripts) && internal/tools/blocks.sh README.md docs/recipes.md; \
	else echo "not run: shellcheck" >&2; fi
	$(actionlint) .github/workflows/*.yml

# The linters and the packager have a module of their own, which pins them and
# keeps their needs out of ours.
$(staticcheck): tool := honnef.co/go/tools/cmd/staticcheck
$(actionlint): tool := github.com/rhysd/actionlint/cmd/actionlint
$(nfpm): tool := github.com/goreleaser/nfpm/v2/cmd/nfpm
$(staticcheck) $(actionlint) $(nfpm): internal/tools/go.mod internal/tools/go.sum
	cd internal/tools && GOOS= GOARCH= GOBIN=$(CURDIR)/bin/tools $(GO) install $(tool)
	@touch $@

fmt: ## format the Go files
	gofmt -w .

model: ## check the model of the protocol in full, and that Spin finds every mutant
	shm/model/run.sh full

model-quick: ## the model's small sizes
	shm/model/run.sh quick

arm64: ## build and vet for arm64, and run the core's tests in an emulator
	GOARCH=arm64 $(GO) vet ./...
	GOARCH=arm64 CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/shmchan
	@if $(ensure) qemu-aarch64-static qemu-user-static && $(emulate) true; then set -x; \
		GOARCH=arm64 CGO_ENABLED=0 $(GO) test -exec $(CURDIR)/$(emulate) -skip '$(ARM64_SKIP)' $(ARM64); \
	else echo "not run: the tests on arm64, for want of an emulator or of user namespaces" >&2; fi

s390x: ## run the segment's tests in an emulator of a big-endian machine
	@if $(ensure) qemu-s390x-static qemu-user-static && $(emulate) true; then set -x; \
		GOARCH=s390x CGO_ENABLED=0 $(GO) test -exec $(CURDIR)/$(emulate) -skip '$(ARM64_SKIP)' ./shm; \
	else echo "not run: the tests on s390x, for want of an emulator or of user namespaces" >&2; fi

clean: ## remove what was built
	rm -rf bin

# Where what is installed goes; DESTDIR is for packagers.
prefix     := $(DESTDIR)$(PREFIX)
man1       := $(prefix)/share/man/man1
bash_compl := $(prefix)/share/bash-completion/completions
zsh_compl  := $(prefix)/share/zsh/site-functions
fish_compl := $(prefix)/share/fish/vendor_completions.d

install: build ## install the command, manual pages and completions below PREFIX
	install -d '$(prefix)/bin' '$(man1)' '$(bash_compl)' '$(zsh_compl)' '$(fish_compl)'
	install -m 755 $(bin) '$(prefix)/bin/shmchan'
	$(bin) man --to '$(man1)'
	$(bin) completion bash >'$(bash_compl)/shmchan'
	$(bin) completion zsh >'$(zsh_compl)/_shmchan'
	$(bin) completion fish >'$(fish_compl)/shmchan.fish'

uninstall: ## remove what install has put there
	rm -f '$(prefix)/bin/shmchan' '$(man1)/shmchan.1' '$(man1)'/shmchan-*.1 \
		'$(bash_compl)/shmchan' '$(zsh_compl)/_shmchan' '$(fish_compl)/shmchan.fish'

deb: $(nfpm) ## build a Debian package, bin/deb/shmchan_VERSION_ARCH.deb
	GO=$(GO) packaging/build.sh $(nfpm) bin/deb

deb-test: deb ## install that package in a root of its own, try it, remove it (needs dpkg)
	packaging/test.sh bin/deb/shmchan_*.deb
