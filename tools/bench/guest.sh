#!/bin/bash
# `make bench`, in the guest: guest.sh KO RAW ROUNDS AMOUNTS, with AMOUNTS as steps.sh reads
# them. In each round plain TCP, in-tree MPTCP, then with the module in: plain TCP beside a
# connection of ours, and ours. A line of RAW is a figure: round, kind, name, value.
# Round 0 warms up and is not counted.
set -euo pipefail
. tools/bench/steps.sh
ko=$1 raw=$2 rounds=$3
read -ra all <<<"$4"

: >"$raw"
topology
into_memory
for ((round = 0; round <= rounds; round++)); do
	read -r BULK REQUESTS CONNECTIONS IDLE <<<"${all[*]}"
	# An eighth of each, or a second, is warm enough.
	((round > 0)) || BULK=$((BULK < 0 ? BULK / 8 : 1)) REQUESTS=$((REQUESTS < 0 ? REQUESTS / 8 : 1)) \
		CONNECTIONS=$((CONNECTIONS < 0 ? CONNECTIONS / 8 : 1))
	measure tcp env
	measure in-tree mptcpize run
	insert "$ko"
	hold_connection
	measure beside env
	let_go
	measure ours mptcpize run
	remove
done
