#!/bin/bash
# The interop matrix: the module against the kernel's own MPTCP, in both roles, over IPv4
# and IPv6, with and without checksums, and against plain TCP. The kernel's own sockets are
# made before the module is inserted: they wait (peer -w) until it is their turn.
# timeout: 900
. "$(dirname "$0")/lib.sh"

CONVERSATIONS=(bulk ping-pong half-client half-server bytes tiny abort-client abort-server)
declare -A OCTETS=([bulk]=1000000 [half-client]=200000 [half-server]=200000 [bytes]=1000 [tiny]=30000)
declare -A PORT_OF CELL

family() { if [[ $1 == *:* ]]; then echo IPv6; else echo IPv4; fi; }

# The kernel's own sockets, one process each, before insertion.
prepare_in_tree() {
	local sums address conversation role key
	for sums in 0 1; do
		checksums "$sums"
		for address in "$V4" "$V6"; do
			for conversation in "${CONVERSATIONS[@]}"; do
				for role in server client; do
					key="$conversation $address $sums $role"
					new_port
					PORT_OF[$key]=$PORT
					mkfifo "$WORK/go.$PORT"
					: >"$WORK/$role.$PORT"
					in_tree_peer "$role" -w "$WORK/go.$PORT" -n "${OCTETS[$conversation]-0}"
				done
			done
		done
		# A socket keeps what the knob says when it is made.
		for key in "${!PORT_OF[@]}"; do
			wait_for_line "$WORK/${key##* }.${PORT_OF[$key]}" 'peer: waiting' || {
				result "in-tree socket for $key" 1 "$(cat "$WORK/${key##* }.${PORT_OF[$key]}")"
			}
		done
	done
}

in_tree_peer() {
	local role=$1 verb=connect
	shift
	[[ $role == client ]] || verb=listen
	peer -N "$role" "$@" "$verb" "$address" "$PORT" "$conversation" \
		>"$WORK/$role.$PORT" 2>&1 &
	PID_OF[PORT]=$!
}

# against_server ADDRESS SUMS CONVERSATION: our client, the kernel's own server.
against_server() {
	local status=0
	PORT=${PORT_OF[$3 $1 $2 server]} SERVER=${PID_OF[PORT]}
	: >"$WORK/go.$PORT"
	wait_for_line "$WORK/server.$PORT" 'peer: listening'
	peer -N client -n "${OCTETS[$3]-0}" connect "$1" "$PORT" "$3" >"$WORK/client.$PORT" 2>&1 || status=1
	reap_server "$status" || status=1
	judge "$status" "$1" "$2" "$3" in-tree ours
}

# against_client ADDRESS SUMS CONVERSATION: our server, the kernel's own client.
against_client() {
	local status=0
	PORT=${PORT_OF[$3 $1 $2 client]}
	start_server server -n "${OCTETS[$3]-0}" -- "$1" "$3"
	: >"$WORK/go.$PORT"
	wait "${PID_OF[PORT]}" || status=1
	reap_server "$status" || status=1
	judge "$status" "$1" "$2" "$3" ours in-tree
}

judge() {
	local status=$1 address=$2 sums=$3 conversation=$4
	agreed "$PORT" || status=1
	spoke_mptcp "$PORT" "$sums" || status=1
	cell "$status" "$conversation" "$address" "$sums" "$5" "$6"
}

cell() {
	CELL["$2 $3 $4 $5 $6"]=$([[ $1 == 0 ]] && echo ok || echo FAIL)
	result "$2, $(family "$3"), checksums $4, server $5, client $6" "$1" "$REPORT
$COUNTED"
}

ours_and_ours() {
	local status=0
	talk "$3" "$1" -n "${OCTETS[$3]-0}" -- -n "${OCTETS[$3]-0}" || status=1
	spoke_mptcp "$PORT" "$2" || status=1
	cell "$status" "$3" "$1" "$2" ours ours
}

plain() {
	local status=0
	talk "$2" "$1" -n "${OCTETS[$2]-0}" -- -n "${OCTETS[$2]-0}" -p $TCP || status=1
	spoke_tcp "$PORT" || status=1
	cell "$status" "$2" "$1" - ours TCP
	status=0
	talk "$2" "$1" -n "${OCTETS[$2]-0}" -p $TCP -- -n "${OCTETS[$2]-0}" || status=1
	spoke_tcp "$PORT" || status=1
	cell "$status" "$2" "$1" - TCP ours
}

table() {
	local conversation address sums pair row
	local pairs=("ours ours" "ours in-tree" "in-tree ours")
	echo "#"
	printf '# %-22s %12s %12s %12s %12s %12s\n' "server / client" "ours/ours" "ours/in-tree" \
		"in-tree/ours" "ours/TCP" "TCP/ours"
	for conversation in "${CONVERSATIONS[@]}"; do
		for address in "$V4" "$V6"; do
			for sums in 0 1; do
				row=()
				for pair in "${pairs[@]}"; do
					row+=("${CELL["$conversation $address $sums $pair"]--}")
				done
				for pair in "ours TCP" "TCP ours"; do
					row+=("${CELL["$conversation $address - $pair"]--}")
				done
				[[ $sums == 0 ]] || row[3]='' row[4]=''
				printf '# %-12s %s %-4s %12s %12s %12s %12s %12s\n' "$conversation" \
					"$(family "$address")" "$([[ $sums == 0 ]] || echo sums)" "${row[@]}"
			done
		done
	done
	echo "#"
}

PID_OF=()
module_out || {
	result "the module can be removed before the test" 1
	finish
}
topology
prepare_in_tree
module_in || {
	result "the module can be inserted beside in-tree sockets" 1
	finish
}

for sums in 0 1; do
	checksums "$sums"
	for address in "$V4" "$V6"; do
		for conversation in "${CONVERSATIONS[@]}"; do
			against_server "$address" "$sums" "$conversation"
			against_client "$address" "$sums" "$conversation"
			ours_and_ours "$address" "$sums" "$conversation"
			[[ $sums == 1 ]] || plain "$address" "$conversation"
		done
	done
done
checksums 0
table
finish
