#!/bin/bash
# An outsider's view: tshark decodes every segment of every kind of conversation without a
# malformed, unexpected or ill-sized option and without an error of any kind.
# timeout: 600
. "$(dirname "$0")/lib.sh"
command -v tshark >/dev/null || {
	skip "tshark decodes every segment" "no tshark here"
	finish
}
topology
client tcpdump -q -i veth0 -s 160 -B 32768 -w "$WORK/capture" tcp 2>"$WORK/tcpdump" &
TCPDUMP=$!
wait_for_line "$WORK/tcpdump" 'tcpdump: listening'

for sums in 0 1; do
	checksums "$sums"
	for address in "$V4" "$V6"; do
		for conversation in bulk ping-pong half-client half-server tiny abort-client abort-server; do
			talk "$conversation" "$address" -n 30000 -- -n 30000
			result "$conversation to $address, checksums $sums" $? "$REPORT"
		done
		talk bulk "$address" -n 10000 -p $TCP -- -n 10000
		result "bulk to plain TCP at $address, checksums $sums" $? "$REPORT"
	done
done
checksums 0
sleep 1
stop_in client tcpdump
wait "$TCPDUMP"

total=$(tshark -n -r "$WORK/capture" -Y 'tcp.option_kind == 30' 2>/dev/null | wc -l)
((total > 200))
result "tshark sees MPTCP options on $total segments" $?
# 8388608: an expert item of severity "error".
tshark -n -r "$WORK/capture" -Y '_ws.malformed || tcp.option.len.invalid ||
	_ws.expert.severity == 8388608' -V >"$WORK/faults" 2>"$WORK/tshark"
[[ ! -s $WORK/faults && ! $(cat "$WORK/tshark") =~ "isn't a valid" ]]
result "tshark finds no fault with any of them" $? "$(cat "$WORK/tshark"; grep -E 'Frame|Expert|Malformed|invalid' "$WORK/faults" | head -n 20)"
finish
