# SPDX-License-Identifier: Apache-2.0
#
# `make help` names the targets. Everything built here lands in build/ and .build/; nothing else is touched but by
# `install`, `uninstall` and `deps`.

PREFIX ?= /usr
DESTDIR ?=
# debug or release; `install` takes release unless told otherwise: it carries the Swift runtime with it.
CONFIGURATION ?= debug
JOBS ?= $(shell nproc)
# Where `install` finds the programs; empty: it builds them.
BINARIES ?=
# How long each fuzz target runs.
SECONDS ?= 30

SBINDIR := $(PREFIX)/sbin
BINDIR := $(PREFIX)/bin
LIBDIR := $(PREFIX)/lib/podshield
UNITDIR := $(PREFIX)/lib/systemd/system
CATALOGDIR := $(PREFIX)/lib/systemd/catalog
DOCDIR := $(PREFIX)/share/doc/podshield
COMPLETIONDIR := $(PREFIX)/share/bash-completion/completions

BPF_OBJECT := build/bpf/podshield.bpf.o
UNITS := podshield-datapath-boot.service podshield-idd.service podshield-idd.socket podshield-agent.socket \
	podshield-netns.socket podshield-netns@.service
# Documentation, until an administrator installs one: each gives something up.
DROP_INS := executables.conf runtime.conf tpm.conf
SWIFT_FLAGS_debug := -c debug
SWIFT_FLAGS_release := -c release --static-swift-stdlib
SWIFT_FLAGS = $(SWIFT_FLAGS_$(CONFIGURATION))
# Ciphers in C are slow without optimization.
FUZZ_FLAGS := --scratch-path .build-fuzz --sanitize=fuzzer --product podshield-fuzz -Xcc -O2
FUZZ_ENVIRONMENT := PODSHIELD_FUZZ=1
# Files name their own places; an installation elsewhere than /usr has them renamed on the way.
RELOCATE := sed -e 's,/usr/sbin/podshield,$(SBINDIR)/podshield,g' -e 's,/usr/lib/podshield,$(LIBDIR),g'
# Units and the journal's catalog are read once; a package's tree has no systemd to tell.
TELL_SYSTEMD := test -n "$(DESTDIR)" || test ! -d /run/systemd/system || \
	{ systemctl daemon-reload && journalctl --update-catalog; }

all: bpf swift ## Build the programs for the kernel, the daemon and the tools

bpf: ## Build the programs for the kernel only
	$(MAKE) -C bpf

swift: ## Build the Swift programs only (CONFIGURATION=debug|release)
	swift build -j $(JOBS) $(SWIFT_FLAGS)

deps: ## Install what the build and the tests need (Debian packages, a Python environment in .build-venv)
	@scripts/deps

demo: deps ## Two nodes, two pods and an eavesdropper on this machine: see it work
	@$(MAKE) --no-print-directory -s bpf
	@scripts/quietly 'swift build' swift build -j $(JOBS)
	@scripts/scenario 01-main-job

test: deps ## Every check and every test, the demo among them
	@scripts/test

scenarios: all ## The black-box scenarios only (SCENARIO=NN-name for one)
	@scripts/scenario $(SCENARIO)

bench: CONFIGURATION = release
bench: deps bpf ## Beside wireguard-go, Envoy and the plain path: writes Benchmarks/results.json and docs/performance.md
	@Benchmarks/setup
	@scripts/quietly 'swift build' swift build -j $(JOBS) $(SWIFT_FLAGS)
	@PODSHIELD_BINARIES=$$(swift build $(SWIFT_FLAGS) --show-bin-path) Benchmarks/bench --write $(BENCH)

fuzz-smoke: deps ## Every fuzz target for a short while (SECONDS=30 each)
	@$(MAKE) --no-print-directory -C bpf fuzz SECONDS=$(SECONDS)
	@$(FUZZ_ENVIRONMENT) scripts/quietly 'swift build' swift build -j $(JOBS) $(FUZZ_FLAGS)
	@Tests/Fuzz/smoke "$$($(FUZZ_ENVIRONMENT) swift build $(FUZZ_FLAGS) --show-bin-path)/podshield-fuzz" $(SECONDS)

format: ## Rewrite the sources to the project's format
	@scripts/format

lint: ## Check format, scripts and units
	@scripts/lint

install: CONFIGURATION = release
install: bpf $(if $(BINARIES),,swift) ## Install a release build under DESTDIR and PREFIX (BINARIES=DIRECTORY: what was built elsewhere)
	bin=$(or $(BINARIES),$$(swift build $(SWIFT_FLAGS) --show-bin-path)) && \
	install -D -m 0755 "$$bin/podshield-idd" $(DESTDIR)$(SBINDIR)/podshield-idd && \
	install -D -m 0755 "$$bin/psid" $(DESTDIR)$(BINDIR)/psid && \
	install -D -m 0755 "$$bin/podshield-netns" $(DESTDIR)$(LIBDIR)/podshield-netns
	strip --strip-debug $(addprefix $(DESTDIR),$(SBINDIR)/podshield-idd $(BINDIR)/psid $(LIBDIR)/podshield-netns)
	install -D -m 0644 $(BPF_OBJECT) $(DESTDIR)$(LIBDIR)/podshield.bpf.o
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)/etc/podshield
	for unit in $(UNITS); do $(RELOCATE) "systemd/$$unit" > "$(DESTDIR)$(UNITDIR)/$$unit" || exit 1; done
	install -D -m 0644 systemd/podshield.catalog $(DESTDIR)$(CATALOGDIR)/podshield.catalog
	$(RELOCATE) systemd/config.yaml > $(DESTDIR)/etc/podshield/config.yaml.example
	test -e $(DESTDIR)/etc/podshield/config.yaml || \
		install -m 0640 $(DESTDIR)/etc/podshield/config.yaml.example $(DESTDIR)/etc/podshield/config.yaml
	install -d $(DESTDIR)$(DOCDIR) $(DESTDIR)$(COMPLETIONDIR)
	install -m 0644 README.md LICENSE SECURITY.md docs/*.md $(addprefix systemd/,$(DROP_INS)) $(DESTDIR)$(DOCDIR)/
	$(DESTDIR)$(BINDIR)/psid --generate-completion-script bash > $(DESTDIR)$(COMPLETIONDIR)/psid
	@$(TELL_SYSTEMD)

uninstall: ## Remove what install put there; configuration and state stay
	rm -f $(DESTDIR)$(SBINDIR)/podshield-idd $(DESTDIR)$(BINDIR)/psid
	rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,$(UNITS))
	rm -f $(DESTDIR)$(CATALOGDIR)/podshield.catalog
	rm -f $(DESTDIR)/etc/podshield/config.yaml.example
	rm -f $(DESTDIR)$(COMPLETIONDIR)/psid
	rm -rf $(DESTDIR)$(LIBDIR) $(DESTDIR)$(DOCDIR)
	@$(TELL_SYSTEMD)

clean: ## Remove what was built here (not the Python environment)
	$(MAKE) -C bpf clean
	swift package clean
	rm -rf build

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

.DEFAULT_GOAL := all
.PHONY: all bpf swift deps demo test scenarios bench fuzz-smoke format lint install uninstall clean help
