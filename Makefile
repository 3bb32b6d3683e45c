# SPDX-License-Identifier: Apache-2.0
# The commands that people type; Meson does the work. `make help` lists them.
PREFIX ?= /usr/local
DESTDIR ?=
TIME ?= 60
JOBS ?= $(shell nproc)
AGAIN ?= # --again: an end-to-end file that failed runs once more, alone

.PHONY: all help deps run test unit e2e sanitize docs lint fuzz bench bench-authority compare-diagnosis install deb clean
all: deps ## build the program, the nginx module and the demo API
	@tools/configure build
	@tools/build build -j $(JOBS) programs

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## /  \1\t/p' Makefile

deps:
	@tools/install-deps run

run: all ## start the gateway, a demo API and an issuer; prints four commands to try
	@tools/quickstart

test: ## unit, fuzz-replay and end-to-end suites; the last line says how many passed
	@tools/install-deps test
	@tools/configure build -- -Dtests=enabled
	@tools/build build -j $(JOBS)
	@tools/test $(AGAIN)

unit: ## the unit suite alone
	@tools/install-deps test
	@tools/configure build -- -Dtests=enabled
	@tools/build build -j $(JOBS)
	@tools/test unit

e2e: ## the end-to-end suite alone
	@tools/install-deps test
	@tools/configure build -- -Dtests=enabled
	@tools/build build -j $(JOBS)
	@tools/test e2e $(AGAIN)

sanitize: ## all suites under the address and undefined-behaviour sanitizers
	@tools/install-deps test
	@tools/configure build-sanitize --sanitize -- -Dtests=enabled
	@tools/build build-sanitize -j $(JOBS)
	@tools/test --sanitize $(AGAIN)

docs: ## write the reference pages from the program's own rows
	@tools/docs

lint: ## layers, formatting, clang-tidy, cppcheck
	@tools/install-deps lint
	@tools/lint

fuzz: ## libFuzzer on every target, TIME seconds each (make fuzz TIME=600)
	@tools/install-deps fuzz
	@tools/fuzz --time $(TIME)

bench: ## CPU time per request against nginx, HAProxy and Apache in one run
	@tools/install-deps bench
	@tools/configure build-release -- --buildtype=release -Dtests=disabled
	@tools/build build-release -j $(JOBS) programs bench-programs
	@bench/run

bench-authority: ## CPU time per token of the authority against oidc-provider and glewlwyd in one run
	@tools/install-deps bench test
	@tools/configure build-release -- --buildtype=release -Dtests=disabled
	@tools/build build-release -j $(JOBS) sallyport bench-programs
	@tests/e2e/run --peers
	@bench/authority

compare-diagnosis: ## write docs/diagnosis.md: what others say of the lab's faults beside what Sallyport says
	@tools/install-deps bench test
	@tools/configure build -- -Dtests=enabled
	@tools/build build -j $(JOBS) sallyport
	@tools/compare-diagnosis

install: deps ## build what `make bench` measures (optimised as a whole) and install it below DESTDIR/PREFIX
	@tools/configure build-install -- --buildtype=release -Dtests=disabled --prefix=$(PREFIX)
	@tools/build build-install -j $(JOBS) programs
	@DESTDIR=$(DESTDIR) meson install -C build-install --no-rebuild --quiet

deb: ## build Debian's package, build-deb/sallyport_*.deb
	@tools/install-deps package
	@tools/deb

clean: ## remove what was built
	rm -rf build build-* tests/e2e/node_modules
