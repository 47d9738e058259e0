#!/bin/bash
# Several subflows between two programs that the module serves, over two pairs of devices: both
# carry, either may die, the peer may refuse, announce or want one only in need.
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/paths.sh"

endpoints() {
	local name
	for name in client server; do
		ip netns exec "$name" ip mptcp endpoint flush
		ip netns exec "$name" ip mptcp limits set subflows 2 add_addr_accepted 0
	done
}

joins() {
	expect client MPJoinSynTx=1 MPJoinSynAckRx=1
	expect server MPJoinSynRx=1 MPJoinAckRx=1
}

OCTETS=3000000

# bulk_over ADDRESS: the long conversation.
bulk_over() { talk bulk "$1" -n "$OCTETS" -- -n "$OCTETS"; }

# bulk_at_any ADDRESS ANY: the same, and the server listens at all of its addresses.
bulk_at_any() {
	local status=0
	new_port
	start_server server -n "$OCTETS" -- "$2" bulk
	peer -N client -n "$OCTETS" connect "$1" "$PORT" bulk >"$WORK/client.$PORT" 2>&1 || status=1
	reap_server "$status" || status=1
	agreed "$PORT" || status=1
	return "$status"
}

use_second() {
	endpoints
	client ip mptcp endpoint add 10.1.2.1 dev veth1 "$@"
	client ip mptcp endpoint add fd02::1 dev veth1 "$@"
}

# The three segments of the handshake, by the size of their option.
watch_handshake() {
	: >"$WORK/tcpdump.log"
	ip netns exec client tcpdump -Z root -Uni veth1 -w "$WORK/join.pcap" tcp 2>"$WORK/tcpdump.log" &
	DUMP=$!
	wait_for_line "$WORK/tcpdump.log" tcpdump
}

handshake_is_right() {
	local text
	kill "$DUMP"
	wait "$DUMP" 2>/dev/null
	text=$(tcpdump -Z root -nr "$WORK/join.pcap" 2>/dev/null | head -20)
	REPORT+=$text
	grep -q 'Flags \[S\].*mptcp.* 12 join' <<<"$text" && grep -q 'Flags \[S\.\].*mptcp.* 16 join' <<<"$text" &&
		grep -q 'Flags \[\.\].*mptcp.* 24 join' <<<"$text"
}

both_carry() {
	local status=0
	use_second subflow
	weigh
	joins
	watch_handshake
	bulk_over "$1" || status=1
	kept || status=1
	carries veth0 $((OCTETS / 20)) || status=1
	carries veth1 $((OCTETS / 20)) || status=1
	handshake_is_right || status=1
	result "both subflows carry, $(name_of "$1")" "$status" "$REPORT"
}

conversations() {
	local conversation status
	for conversation in ping-pong half-client half-server slow together abort-client abort-server; do
		status=0
		talk "$conversation" "$1" -n 300000 -- -n 300000 || status=1
		result "$conversation over two subflows, $(name_of "$1")" "$status" "$REPORT"
	done
}

# dies ADDRESS DEVICE HOW COMMAND...: in the middle of a conversation.
dies() {
	local address=$1 device=$2 how=$3 status=0
	shift 3
	healthy
	meanwhile "$@"
	bulk_over "$address" || status=1
	done_meanwhile || status=1
	result "$device $how, $(name_of "$address")" "$status" "$REPORT"
	healthy
}

refused() {
	local status=0
	use_second subflow
	server ip mptcp limits set subflows 0
	expect client MPJoinSynTx=1 MPJoinSynAckRx=1
	expect server MPJoinSynRx=1 MPJoinRejected=1 MPJoinAckRx=0
	bulk_over "$1" || status=1
	kept || status=1
	result "the peer takes no further subflow, $(name_of "$1")" "$status" "$REPORT"
}

announced() {
	local status=0 any=0.0.0.0
	[[ $1 != *:* ]] || any=::
	endpoints
	client ip mptcp limits set subflows 1 add_addr_accepted 1
	server ip mptcp endpoint add "$2" dev veth1 signal
	joins
	expect server AddAddrTx=1 EchoAdd=1
	expect client AddAddr=1 EchoAddTx=1
	weigh
	bulk_at_any "$1" "$any" || status=1
	kept || status=1
	carries veth1 $((OCTETS / 20)) || status=1
	result "a join to an announced address, $(name_of "$1")" "$status" "$REPORT"
}

backup() {
	local status=0
	use_second subflow backup
	joins
	expect server MPJoinSynBackupRx=1
	weigh
	bulk_over "$1" || status=1
	kept || status=1
	carries veth1 $((OCTETS / 30)) && status=1
	result "a backup waits, $(name_of "$1")" "$status" "$REPORT"
	meanwhile shape veth0 loss 100%
	weigh
	status=0
	bulk_over "$1" || status=1
	done_meanwhile || status=1
	carries veth1 $((OCTETS / 20)) || status=1
	result "a backup steps in, $(name_of "$1")" "$status" "$REPORT"
	healthy
}

cookies() {
	local status=0
	use_second subflow
	server sysctl -qw net.ipv4.tcp_syncookies=2
	joins
	bulk_over "$1" || status=1
	kept || status=1
	result "a join under SYN cookies, $(name_of "$1")" "$status" "$REPORT"
	server sysctl -qw net.ipv4.tcp_syncookies=1
}

topology
second_path
for address in "$V4" "$V6"; do
	announced_address=10.1.2.2
	[[ $address != *:* ]] || announced_address=fd02::2
	both_carry "$address"
	conversations "$address"
	dies "$address" veth1 'dies without a word' shape veth1 loss 100%
	dies "$address" veth0 'dies without a word' shape veth0 loss 100%
	dies "$address" veth1 'is taken down' ip -n client link set veth1 down
	dies "$address" veth0 'is taken down' ip -n client link set veth0 down
	refused "$address"
	announced "$address" "$announced_address"
	backup "$address"
	cookies "$address"
done
idle
result "no socket is left" $? "$LEFT"
finish
