#!/bin/bash
# What the socket calls say (calls.c), over IPv4 and IPv6.
. "$(dirname "$0")/lib.sh"
programs calls
topology

for address in 10.1.1.1 fd01::1; do
	family=IPv4 unreachable=10.1.1.77
	[[ $address != *:* ]] || family=IPv6 unreachable=fd01::77
	while read -r verdict name why; do
		[[ $verdict == ok ]]
		result "${name%:} $family" $? "$why"
	done < <(client calls "$address" "$unreachable")
done
finish
