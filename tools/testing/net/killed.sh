#!/bin/bash
# kill -9 in every state (states.c): the survivor learns of it, and nothing stays behind.
# timeout: 600
. "$(dirname "$0")/lib.sh"
programs states
topology
idle || {
	result "no socket of an earlier test is left" 1 "$LEFT"
	finish
}

for address in 10.1.1.1 fd01::1; do
	family=IPv4 unreachable=10.1.1.77
	[[ $address != *:* ]] || family=IPv6 unreachable=fd01::77
	while read -r verdict name; do
		[[ $verdict == ok ]]
		result "${name%%:*} $family" $? "${name#*: }"
	done < <(client states "$address" "$unreachable")
	idle
	result "no socket is left, $family" $? "$LEFT"
done
((RESULTS > 150))
result "states came to its end" $?
finish
