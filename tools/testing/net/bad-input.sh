#!/bin/bash
# Segments that no stack would send (raw.c): the right reset, fallback or ignoring.
# vm: own
# (What it leaves unanswered TCP sends again for minutes: later tests would find its sockets.)
#
#    namespace raw                                namespace server
#    raw, from a packet socket   veth1 --- veth1  10.2.2.2, listeners of raw
#    (10.2.2.1 is nobody's)
. "$(dirname "$0")/lib.sh"
programs raw
topology
ip netns del raw 2>/dev/null
ip netns add raw
ip -n raw link add veth1 type veth peer name veth1 netns server
ip -n raw link set veth1 up
ip -n server link set veth1 up
ip -n server addr add 10.2.2.2/24 dev veth1
mac() { ip -n "$1" -o link show veth1 | sed -nE 's/.*ether ([0-9a-f:]+) .*/\1/p'; }
ip -n server neigh replace 10.2.2.1 lladdr "$(mac raw)" dev veth1 nud permanent

while read -r verdict name why; do
	[[ $verdict == ok ]]
	result "${name%:}" $? "$why"
done < <(raw server raw veth1 "$(mac server)")
((RESULTS > 50))
result "raw came to its end" $?
ip netns del raw
finish
