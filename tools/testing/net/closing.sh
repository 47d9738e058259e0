#!/bin/bash
# Listeners that are closed while a handshake is half through TCP on another CPU. TCP may then copy a
# listener that has lost its ULP without telling us, and find that there is no place for the copy: what
# is ours in there is the listener's, and freed once. The module late_handshake (tools/testing/late)
# gives the two of them time to meet.
# timeout: 180
. "$(dirname "$0")/lib.sh"

trap 'rmmod late_handshake 2>/dev/null; clean_up' EXIT
LATE=${RUST_MPTCP_KO%/*}-late/late_handshake.ko
if (($(nproc) < 2)); then
	skip "listeners close under handshakes" "one CPU"
	finish
fi
[[ -f $LATE ]] || {
	result "there is $LATE" 1 "make test ONLY='build net' makes it"
	finish
}

# late FAMILY ADDRESS FUNCTION: handshakes that are late there.
late() {
	local said status
	insmod "$LATE" at="$3" || {
		result "$1: a handshake can be late at $3" 1
		return
	}
	said=$(server closing "$2" $((2 * SLOW)) 2>&1)
	status=$?
	rmmod late_handshake
	result "$1: listeners close, handshakes are late at $3" $status "$said"
	echo "# $said"
}

topology
programs closing
# The SYN; its answer; the last segment, before TCP calls the listener, before it copies it, when the copy is new, and before it
# is queued for accept(2).
for function in tcp_conn_request inet_csk_reqsk_queue_hash_add tcp_check_req syn_recv_sock tcp_create_openreq_child \
	inet_csk_complete_hashdance; do
	late IPv4 127.0.0.1 "${function/#syn_/tcp_v4_syn_}"
	late IPv6 ::1 "${function/#syn_/tcp_v6_syn_}"
done
idle
result "no socket is left" $? "$LEFT"
finish
