# SPDX-License-Identifier: GPL-2.0
# Front door of rust_mptcp. The kernel's own build reads Kbuild beside this file.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

ENTER := tools/sandbox/enter.sh
# Outputs stay below build/, one directory a kernel.
MODULE_KO = build/$(if $(filter debug,$(KERNEL)),debug,sandbox)/rust_mptcp.ko

# CMD and T reach the scripts word for word, $ and quotes included. A SECONDS in the
# environment would set bash's own clock.
quote = '$(subst ','\'',$(value $(1)))'
unexport CMD T SECONDS

# Needed by the scripts when given.
export MIRROR TIMEOUT VM_CPUS VM_MEM SPLAT FAST ONLY NET LONG KERNEL
export ICOUNT VM_APPEND SEED SEEDS FIRST JOBS CONNECTIONS PLANTED
export MODE ROUNDS PROFILE EXACT SHORT STACK FIGURES

# The module for the running kernel where that has Rust metadata, otherwise for the
# sandbox's stock kernel; for the kernel in KDIR when one is given.
KDIR ?= $(if $(wildcard /lib/modules/$(shell uname -r)/build/rust/libkernel.rmeta),/lib/modules/$(shell uname -r)/build)

# What a VM inserts: nothing with MODULE=0.
MODULE ?= 1
VM_MODULE := $(if $(filter 0,$(MODULE)),0,$(MODULE_KO))
VM_NEEDS := $(if $(filter 0,$(MODULE)),kernel,sandbox-module)

.PHONY: all help sandbox kernel sandbox-module kdir-module demo pictures test sim fuzz coverage vm vm-run selftests \
	test-debug bench clean clean-cache
all: $(if $(KDIR),kdir-module,sandbox-module)

help:
	@sed -n 's/^#? \?//p' Makefile

#? make                     the module for the running kernel if that has Rust metadata,
#?                          otherwise for the sandbox's stock Debian kernel
#? make KDIR=/path          the module for that kernel tree, built with Rust metadata
#? make demo                programs talk MPTCP through the module, over one path and over two,
#?                          with pictures and a summary (STACK='ours in-tree': beside in-tree)
#? make pictures            those that the README shows, anew: Documentation/pictures/*.svg
#? make test                every test; ends with "N passed, N failed, N skipped"
#?                          (ONLY='host lint build net bench', NET='tools/testing/net/x*.sh': some)
#? make sim [SEEDS=N]       two engines over simulated networks, 10000 seeds, each over one path
#?                          and over several; no root needed (PATHS=one|several: only that;
#?                          SEED=N: one again, with trace and capture; CONNECTIONS=N: so many
#?                          at once; PLANTED=1: bugs planted in a copy are found)
#? make fuzz [T='...']      fuzz the pure part: parse, round_trip, engine, paths, netlink
#?                          (default: each in turn), for SECONDS=60 each
#? make coverage            which lines of wire and engine the host tests run; fails below 95 %
#? make vm CMD='...'        run CMD in a VM of the stock kernel with the module inserted;
#?                          the exit code is CMD's
#? make selftests [T='...'] the kernel's own MPTCP selftests (default: mptcp_connect)
#? make test-debug          the VM tests on a kernel that checks locks, memory, references,
#?                          with faults injected; LONG=1: for hours; builds it once
#? make bench               plain TCP, in-tree MPTCP and ours side by side: throughput, latency,
#?                          connections per second, memory; a table, JSON, a chart (ROUNDS=N,
#?                          MODE='wall icount paths'; PROFILE=1: flame graphs of bulk instead;
#?                          EXACT=1: each function's instructions, counted)
#? make sandbox             only prepare the sandbox: Debian 13, its kernel, tools (once)
#? make clean               remove what was built here; clean-cache: the sandbox as well
#?
#? KERNEL=debug  make vm on the debug kernel              LONG=1  long forms of the tests
#? FAST=1     VM without udev, up in a third of the time
#? MODULE=0   VM without the module (in-tree MPTCP)       TIMEOUT=SECS  for CMD, 1200
#? MIRROR=URL Debian mirror (default: that of this host)  XDG_CACHE_HOME  where the cache is

sandbox:
	@tools/sandbox/prepare.sh

kernel: sandbox
	$(if $(filter debug,$(KERNEL)),@tools/debug/kernel.sh)

sandbox-module: kernel
	@tools/sandbox/build-module.sh

kdir-module:
	@test -f '$(KDIR)/rust/libkernel.rmeta' || { \
		echo 'error: $(KDIR) has no Rust metadata (rust/libkernel.rmeta)' >&2; \
		echo '       with CONFIG_RUST=y, in that tree: make rustavailable prepare modules_prepare' >&2; \
		exit 1; }
	@mkdir -p build/kdir
	+@$(MAKE) -C '$(KDIR)' M='$(CURDIR)' MO='$(CURDIR)/build/kdir' modules
	@echo 'module: build/kdir/rust_mptcp.ko'

demo: sandbox-module
	@tools/demo/run.sh

pictures: sandbox-module
	@PICTURES=Documentation/pictures tools/demo/run.sh

test:
	@tools/testing/run.sh

sim:
	@tools/testing/sim/run.sh

fuzz:
	@DURATION=$(call quote,SECONDS) tools/testing/fuzz.sh $(call quote,T)

coverage: sandbox
	@tools/testing/coverage.sh

# GNU make ends with 2 for any failure: an extension of it, where it can be built, ends with CMD's own code.
ifeq ($(MAKECMDGOALS),vm)
-load build/make-exit.so(make_exit_gmk_setup)
build/make-exit.so: tools/vm/make-exit.c
	@{ mkdir -p build && cc -shared -fPIC -O2 -Wall -Wextra -o $@ $<; } 2>/dev/null || true
endif

vm: vm-run
	@$(eval code := $(or $(shell cat $(VM_CODE); rm $(VM_CODE)),2))$(exit-with $(code))exit $(code)

VM_CODE = build/vm-exit.$(shell echo $$PPID)
vm-run: $(if $(CMD),$(VM_NEEDS))
	@mkdir -p build
	@MODULE=$(VM_MODULE) tools/vm/run.sh $(call quote,CMD) && code=0 || code=$$?; echo $$code > $(VM_CODE)

selftests: $(VM_NEEDS)
	@MODULE=$(VM_MODULE) tools/testing/selftests/run.sh $(call quote,T)

test-debug: sandbox
	@tools/debug/kernel.sh
	@KERNEL=debug ONLY='build net' tools/testing/run.sh

bench: sandbox-module
	@tools/bench/run.sh

clean:
	rm -rf build

clean-cache:
	@tools/sandbox/clean-cache.sh
