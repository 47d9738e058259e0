#!/bin/bash
# `make bench`, in the guest: guest.sh KO RAW ROUNDS AMOUNTS, with AMOUNTS as steps.sh reads
# them. In each round plain TCP, in-tree MPTCP, then with the module in: plain TCP beside a
# connection of ours, and ours. A line of RAW is a figure: round, kind, name, value.
# Round 0 warms up and is not counted.
set -euo pipefail
. tools/bench/steps.sh
ko=$1 raw=$2 rounds=$3
read -r BULK REQUESTS CONNECTIONS IDLE <<<"$4"

: >"$raw"
topology
into_memory
for ((round = 0; round <= rounds; round++)); do
	measure tcp env
	measure in-tree mptcpize run
	insert "$ko"
	hold_connection
	measure beside env
	let_go
	measure ours mptcpize run
	remove
done
