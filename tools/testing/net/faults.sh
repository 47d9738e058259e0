#!/bin/bash
# Memory refused: first each allocation of each socket call in turn (faults.c), then some
# below the module at random, in softirq too. A connection may fail, but says so at once,
# delivers no wrong octet, and leaves nothing behind. Needs the debug kernel.
# timeout: 1200
. "$(dirname "$0")/lib.sh"
DEBUGFS=/sys/kernel/debug
TALKS=1
[[ -z ${LONG-} ]] || TALKS=100
[[ -d $DEBUGFS/failslab ]] || {
	skip "allocations are refused" "this kernel has no fault injection"
	finish
}

# set_both FILE VALUE
set_both() {
	local kind
	for kind in failslab fail_page_alloc; do echo "$2" >"$DEBUGFS/$kind/$1"; done
}

# refuse PERCENT: of the allocations that have the module in their call trace.
refuse() {
	local range
	mapfile -t range < <(awk '/\[rust_mptcp\]$/ && tolower($2) == "t" { print $1 }' /proc/kallsyms |
		sort | sed -n '1p;$p')
	set_both require-start "0x${range[0]}"
	set_both require-end "0x${range[1]}"
	set_both stacktrace-depth 32
	set_both interval 1
	set_both times -1
	set_both probability "$1"
}

programs faults
topology
set_both verbose 0
set_both ignore-gfp-wait N
echo N >$DEBUGFS/fail_page_alloc/ignore-gfp-highmem
echo 0 >$DEBUGFS/fail_page_alloc/min-order
trap 'set_both probability 0; clean_up' EXIT

for address in 10.1.1.1 fd01::1; do
	while read -r verdict name; do
		[[ $verdict == ok ]]
		result "refused: ${name%%:*} to $address" $? "${name#*: }"
	done < <(client faults "$address")
done
((RESULTS == 2 * 18))
result "faults came to its end" $?

# Whatever becomes of it, the octets that arrive are the right ones, and it does become something.
for percent in 1 10 50; do
	ended=0 wrong=
	refuse "$percent"
	for ((round = 0; round < TALKS; round++)); do
		for conversation in bulk ping-pong half-client together; do
			for address in "$V4" "$V6"; do
				talk "$conversation" "$address" -n 50000 -t 20 -- -n 50000 -t 20 && ended=$((ended + 1))
				# A server may wait for a client that got no socket, or no SYN out.
				wrong+=$(grep -E 'octet .* is|more than was sent|not done after|says nothing' <<<"$REPORT" |
					grep -v 'as server: .*(sent 0, received 0)')
			done
		done
	done
	set_both probability 0
	[[ -z $wrong ]]
	result "$percent % refused: $ended of $((8 * TALKS)) conversations came to a good end, none to a bad one" $? "$wrong"
	talk bulk "$V4" -n 100000 -- -n 100000 && spoke_mptcp "$PORT"
	result "a conversation afterwards" $? "$REPORT
$COUNTED"
	idle
	result "no socket is left" $? "$LEFT"
done
finish
