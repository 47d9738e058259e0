#!/bin/bash
# `make bench PROFILE=1`, in the guest: profile.sh KO OUT bulk OCTETS runs a bulk transfer of plain
# TCP, in-tree MPTCP and ours under perf; profile.sh KO OUT connections COUNT so many connections.
# OUT/samples-KIND gets each sample's call chain.
set -euo pipefail
. tools/bench/steps.sh
ko=$1 out=$2 of=$3 amount=$4
# Nanoseconds between samples; no divisor of anything that happens regularly.
EVERY=99991
TEST=(TCP_STREAM -m 128K)
[[ $of != connections ]] || EVERY=29989 TEST=(TCP_CRR)

# run AMOUNT
run() { netperf_of "${TEST[0]}" "-$1" "${TEST[@]:1}" -o THROUGHPUT; }

# record KIND WRAPPER...
record() {
	local kind=$1
	shift
	WRAPPER=("$@")
	serve "$@"
	run $((amount / 4))
	AROUND=(perf record -q -e cpu-clock -c "$EVERY" -a -g -o "$WORK/samples" --)
	run "$amount"
	AROUND=()
	stop_serving
	[[ $NETPERF =~ ^[0-9.]+$ ]] || failed "$kind: $NETPERF"
	perf script -i $WORK/samples -F comm,ip,sym,dso >$WORK/script 2>$WORK/complaints ||
		failed "perf script: $(tail -n 1 $WORK/complaints)"
	cp $WORK/script "$out/samples-$kind"
	echo "profile: $kind: $NETPERF ${UNIT[$of]}/s, $(grep -c '^$' $WORK/script) samples"
}

declare -A UNIT=([bulk]=Mbit [connections]=connections)
command -v perf >/dev/null || failed "the sandbox has no perf: the archive had none for this kernel"
sysctl -qw kernel.perf_cpu_time_max_percent=0 kernel.kptr_restrict=0
topology
into_memory
record tcp env
record in-tree mptcpize run
insert "$ko"
record ours mptcpize run
# perf takes the module for a part of the kernel.
sed -nE 's/.* ([^ ]+)\t\[rust_mptcp\]$/\1/p' /proc/kallsyms >"$out/samples-symbols"
remove
echo "$of $amount $EVERY" >"$out/samples"
