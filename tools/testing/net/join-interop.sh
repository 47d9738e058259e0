#!/bin/bash
# Several subflows between the module and the kernel's own MPTCP, in both roles: who connects also
# joins, from an endpoint on the second path. The kernel's own sockets are made before the module is
# inserted: they wait (peer -w) until it is their turn.
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/paths.sh"

OCTETS=2000000
CONVERSATIONS=(bulk half-client half-server together abort-client abort-server)
PID_OF=()

# Both path managers are told the same: in-tree's before the module is inserted, ours after.
endpoints() {
	local name
	for name in client server; do
		ip netns exec "$name" ip mptcp endpoint flush
		ip netns exec "$name" ip mptcp limits set subflows 1 add_addr_accepted 0
	done
	client ip mptcp endpoint add 10.1.2.1 dev veth1 subflow
	client ip mptcp endpoint add fd02::1 dev veth1 subflow
}

# Every cell of the matrix: which address, which conversation, and the role of the kernel's own socket.
CELLS=()
for address in "$V4" "$V6"; do
	for conversation in "${CONVERSATIONS[@]}"; do
		CELLS+=("$address $conversation client" "$address $conversation server")
	done
done

# cell N: sets ADDRESS, CONVERSATION and ROLE, and the port that is its own.
cell() {
	read -r ADDRESS CONVERSATION ROLE <<<"${CELLS[$1]}"
	PORT=$((20000 + $1))
}

prepare() {
	local verb=connect
	[[ $ROLE == client ]] || verb=listen
	mkfifo "$WORK/go.$PORT"
	ip netns exec "$ROLE" peer -w "$WORK/go.$PORT" -n "$OCTETS" "$verb" "$ADDRESS" "$PORT" "$CONVERSATION" \
		>"$WORK/$ROLE.$PORT" 2>&1 &
	PID_OF[PORT]=$!
	wait_for_line "$WORK/$ROLE.$PORT" 'peer: waiting'
}

# Ours listens, the kernel's own connects and joins.
as_server() {
	start_server server -n "$OCTETS" -- "$ADDRESS" "$CONVERSATION"
	: >"$WORK/go.$PORT"
	wait "${PID_OF[PORT]}"
}

# The kernel's own listens, ours connects and joins.
as_client() {
	SERVER=${PID_OF[PORT]}
	: >"$WORK/go.$PORT"
	wait_for_line "$WORK/server.$PORT" 'peer: listening'
	client peer -n "$OCTETS" connect "$ADDRESS" "$PORT" "$CONVERSATION" >"$WORK/client.$PORT" 2>&1
}

converse() {
	local status=0
	weigh
	[[ $CONVERSATION == abort-* ]] || expect client MPJoinSynAckRx=1
	[[ $CONVERSATION == abort-* ]] || expect server MPJoinAckRx=1
	if [[ $ROLE == client ]]; then
		as_server || status=1
	else
		as_client || status=1
	fi
	reap_server "$status" || status=1
	agreed "$PORT" || status=1
	kept || status=1
	if [[ $CONVERSATION == bulk ]]; then
		carries veth0 100000 || status=1
		carries veth1 100000 || status=1
	fi
	result "$CONVERSATION, in-tree $ROLE, $(name_of "$ADDRESS")" "$status" "$REPORT"
}

module_out || {
	result "the module can be removed before the test" 1
	finish
}
topology
second_path
endpoints
for number in "${!CELLS[@]}"; do
	cell "$number"
	prepare
done
module_in || {
	result "the module can be inserted beside in-tree sockets" 1
	finish
}
endpoints
for number in "${!CELLS[@]}"; do
	cell "$number"
	converse
done
idle
result "no socket is left" $? "$LEFT"
finish
