#!/bin/bash
# `make bench`: figures of plain TCP, in-tree MPTCP and ours beside each other (guest.sh), as
# a table, build/bench/figures.json and figures.svg. `make bench PROFILE=1`: where the
# instructions go instead (profile.sh), as build/bench/flame-*.svg and a table; with
# PROFILE=connections that is of opening and closing connections. `make bench EXACT=1`: not
# sampled but counted, each instruction of bulk, requests and connections (exact.sh), as
# build/bench/exact-*.txt; EXACT='requests': only some.
#
#   MODE='wall icount paths'   which of the three; ROUNDS=N (wall 4, icount 3, paths 2)
#   FIGURES='equal gap_down', STACK='tcp ours'   of paths: some of its figures, some of the stacks
#   STEPS='bulk requests connections memory'   only some of those, in wall and icount
#   SHORT=1              one small round, to see that it works
#   BENCH_OUT=DIR        below this tree, in build/bench's place
#
# A goal that is missed is no failure; a figure that could not be had is.
set -euo pipefail
. "$(dirname "$0")/../sandbox/lib.sh"
need_root
load_sandbox
cd "$TREE"
[[ -s $(module_dir)/rust_mptcp.ko ]] || die "no module $(module_dir)/rust_mptcp.ko" "build it with: make sandbox-module"

OUT=${BENCH_OUT:-build/bench} KO=$(module_dir)/rust_mptcp.ko
MODE=${MODE:-wall icount paths}
STEPS=${STEPS:-bulk requests connections memory}

# For each mode: bulk, requests, connections; seconds, or with - octets and counts. Then the
# number of idle connections, and of rounds. Those of paths are in paths.sh.
declare -A AMOUNTS=([wall]="2 1 1 200" [icount]="-400000000 -2000 -500 1000" [paths]="8 -400000000 12000000")
declare -A COUNT=([wall]=4 [icount]=3 [paths]=2) GUEST=([wall]=guest.sh [icount]=guest.sh [paths]=paths.sh)
if [[ -n ${SHORT-} ]]; then
	AMOUNTS=([wall]="1 1 1 100" [icount]="-20000000 -100 -50 100" [paths]="3 -20000000 4000000")
	COUNT=([wall]=1 [icount]=1 [paths]=1)
fi

for mode in $MODE; do
	[[ -n ${AMOUNTS[$mode]-} ]] || die "no mode '$mode'" "MODE is some of: wall icount paths"
done
for step in $STEPS; do
	[[ $step =~ ^(bulk|requests|connections|memory)$ ]] || die "no step '$step'" "STEPS is some of: bulk requests connections memory"
done
declare -A EXACTLY=([bulk]=400000000 [paths]=400000000 [requests]=10000 [connections]=2000)
[[ ${EXACT-} != 1 ]] || EXACT="bulk requests connections"
for of in ${EXACT-}; do
	[[ -n ${EXACTLY[$of]-} ]] || die "cannot count '$of'" "EXACT is 1, or some of: bulk paths requests connections"
done
[[ ${ROUNDS:-1} =~ ^[1-9][0-9]*$ ]] || die "ROUNDS=$ROUNDS is no number of rounds" "e.g. ROUNDS=5"

# in_vm MODE COMMAND: no module yet; the guest takes it in and out. With a plugin of qemu, if there is to be one.
plugin=
in_vm() {
	local icount=1
	[[ $1 != wall ]] || icount=
	VM_PLUGIN=$plugin MODULE=0 FAST=1 ICOUNT=$icount VM_APPEND=mitigations=off VM_LOGS=$OUT/vm-$1 TIMEOUT=${TIMEOUT:-1800} \
		tools/vm/run.sh "$2"
}

facts() {
	local qemu kvm accelerator=emulated
	kvm=$CACHE/kvm-$(uname -r)-$KREL
	[[ ! -s $kvm || $(<"$kvm") == no ]] || accelerator=KVM
	qemu=$("$SANDBOX/enter.sh" qemu-system-x86_64 --version | sed -nE 's/.*version ([^ ]+).*/\1/p')
	FACTS=("kernel=$KREL" "cpu=$(sed -nE 's/^model name\s*: //p' /proc/cpuinfo | head -n 1)" "cores=$(nproc)"
		"qemu=$qemu" "accelerator=$accelerator"
		"date=$(date -u +%FT%TZ)" "commit=$(git describe --always --dirty 2>/dev/null || echo unknown)"
		"load=$(cut -d' ' -f1 /proc/loadavg)" "mode=$MODE")
}

bench() {
	local mode
	facts
	for mode in $MODE; do
		say "bench: $mode, ${ROUNDS:-${COUNT[$mode]}} rounds and one to warm up"
		in_vm "$mode" "STEPS='$STEPS' tools/bench/${GUEST[$mode]} $KO $OUT/raw-$mode ${ROUNDS:-${COUNT[$mode]}} '${AMOUNTS[$mode]}' '${FIGURES-}' '${STACK-}'"
		FACTS+=("amounts_$mode=${AMOUNTS[$mode]}")
	done
	# shellcheck disable=SC2086 # A list.
	"$SANDBOX/enter.sh" python3 -B tools/bench/figures.py "$OUT" $MODE -- "${FACTS[@]}"
	echo "  raw figures: $OUT/figures.json   chart: $OUT/figures.svg"
}

profile() {
	local of=bulk amount=400000000
	[[ $PROFILE != connections ]] || of=connections amount=2000
	[[ -z ${SHORT-} ]] || amount=$((amount / 20))
	say "bench: a profile, $of"
	in_vm icount "tools/bench/profile.sh $KO $OUT $of $amount"
	"$SANDBOX/enter.sh" python3 -B tools/bench/flame.py "$OUT"
	echo "  all functions: $OUT/profile.txt   flame graphs:$(printf " $OUT/flame-%s.svg" tcp in-tree ours)"
}

exact() {
	local of amount compiler
	compiler=("$SANDBOX/enter.sh" gcc -O2 -Wall -Wextra -Werror)
	"${compiler[@]}" -shared -fPIC -fvisibility=hidden -o "$OUT/exact-plugin.so" tools/bench/exact-plugin.c
	"${compiler[@]}" -o "$OUT/exact-mark" tools/bench/exact-mark.c
	for of in $EXACT; do
		amount=${EXACTLY[$of]}
		[[ -z ${SHORT-} ]] || amount=$((amount / 20))
		say "bench: each instruction of $of"
		rm -f "$OUT"/counts.*
		plugin=/src/$OUT/exact-plugin.so,out=/src/$OUT/counts
		in_vm icount "tools/bench/exact.sh $KO $OUT $of $amount"
		"$SANDBOX/enter.sh" python3 -B tools/bench/exact.py "$OUT" "$of" "$amount"
		echo "  all functions: $OUT/exact-$of.txt"
	done
}

mkdir -p "$OUT"
if [[ -n ${EXACT-} ]]; then
	exact
elif [[ -n ${PROFILE-} ]]; then
	profile
else
	bench
fi
