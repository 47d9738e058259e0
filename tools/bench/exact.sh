#!/bin/bash
# `make bench EXACT=1`, in the guest: exact.sh KO OUT bulk|paths|requests|connections AMOUNT. For plain
# TCP, in-tree MPTCP and ours the plugin of qemu counts two runs of which the second has AMOUNT more
# than the first, so that what is done once for both does not show. OUT/symbols says what is where.
set -euo pipefail
. tools/bench/steps.sh
. tools/bench/two-paths.sh
ko=$1 out=$2 of=$3 amount=$4
declare -A TEST=([bulk]="TCP_STREAM -m 128K" [paths]="TCP_STREAM -m 128K" [requests]=TCP_RR [connections]=TCP_CRR)
declare -A UNIT=([bulk]=Mbit [paths]=Mbit [requests]=requests [connections]=connections)

# run AMOUNT
run() {
	local test
	read -ra test <<<"${TEST[$of]}"
	netperf_of "${test[0]}" "-$1" "${test[@]:1}" -o THROUGHPUT
	[[ $NETPERF =~ ^[0-9.]+$ ]] || failed "$of: $NETPERF"
}

# counted AMOUNT
counted() {
	"$out/exact-mark" begin
	run "$1"
	"$out/exact-mark" end
}

# both KIND WRAPPER...
both() {
	local kind=$1 before
	shift
	WRAPPER=("$@")
	[[ $of != paths ]] || two_paths
	serve "$@"
	before=$(mptcp_connections)
	run $((amount / 4))
	counted $((amount / 4))
	counted $((amount + amount / 4))
	stop_serving
	[[ $of != paths || $kind == tcp ]] || both_paths_used || failed "$kind: one path only"
	before=$(($(mptcp_connections) - before))
	[[ $kind == tcp ]] || ((before > 1)) || failed "$kind: only $before connections were MPTCP"
	[[ $kind != tcp ]] || ((before == 0)) || failed "$kind: $before connections were MPTCP"
	echo "exact: $kind: $NETPERF ${UNIT[$of]}/s"
}

sysctl -qw kernel.kptr_restrict=0
topology
into_memory
both tcp env
both in-tree mptcpize run
insert "$ko"
both ours mptcpize run
cat /proc/kallsyms >"$out/symbols"
remove
