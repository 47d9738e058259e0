#!/bin/bash
# Listeners that are closed while the last segment of a handshake is half through TCP on another
# CPU. TCP then copies a listener that has lost its ULP without telling us, and may find that there is
# no place for the copy: what is ours in there is the listener's, and freed once.
# The module late_handshake (tools/testing/late) gives the two of them time to meet.
# timeout: 120
. "$(dirname "$0")/lib.sh"

late=${RUST_MPTCP_KO%/*}-late/late_handshake.ko
if (($(nproc) < 2)); then
	skip "listeners close under handshakes" "one CPU"
	finish
fi
[[ -f $late ]] || {
	result "there is $late" 1 "make test ONLY='build net' makes it"
	finish
}
topology
programs closing
insmod "$late"
result "handshakes can be held up" $?
for address in IPv4:127.0.0.1 IPv6:::1; do
	said=$(server closing "${address#*:}" $((4 * SLOW)) 2>&1)
	result "listeners close under handshakes, ${address%%:*}" $? "$said"
	echo "# $said"
done
rmmod late_handshake
idle
result "no socket is left" $? "$LEFT"
finish
