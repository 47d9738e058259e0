#!/bin/bash
# Mutated MPTCP options on segments that TCP takes, in every state of a connection (rawfuzz.c):
# the kernel does not complain, no socket and no memory stays, honest peers are served, and
# the module can be removed afterwards. 1800 connections (fewer on a slow machine), or 30 times as many
# with LONG=1.
# SEED=7 begins with another seed than 1; SEED=7:123 plays connection 123 of it alone.
#
#    namespace raw                                   namespace server
#    rawfuzz, from a packet socket  veth1 --- veth1  10.2.2.2, fd02::2, listeners and clients
#    (10.2.2.1, fd02::1 are nobody's)
# vm: own
# timeout: 3600
. "$(dirname "$0")/lib.sh"
. "$HERE/../../vm/complaints.sh"
export COMPLAINTS
CONNECTIONS=$((1800 / SLOW)) SEEDS=1
[[ -z ${LONG-} ]] || SEEDS=30
SEED=${SEED:-1}
[[ $SEED =~ ^[0-9]+(:[0-9]+)?$ ]] || {
	result "SEED is a number, or two with a colon between them" 1 "SEED=$SEED"
	finish
}

programs rawfuzz
topology
ip netns del raw 2>/dev/null
ip netns add raw
ip -n raw link add veth1 type veth peer name veth1 netns server
ip -n raw link set veth1 up
ip -n server link set veth1 up
ip -n server addr add 10.2.2.2/24 dev veth1
ip -n server addr add fd02::2/64 dev veth1 nodad
mac() { ip -n "$1" -o link show veth1 | sed -nE 's/.*ether ([0-9a-f:]+) .*/\1/p'; }
for us in 10.2.2.1 fd02::1; do
	ip -n server neigh replace $us lladdr "$(mac raw)" dev veth1 nud permanent
done
# TCP answers each segment that it does not take, so that the numbers stay right; fast open needs no cookie.
server sysctl -qw net.ipv4.tcp_invalid_ratelimit=0 net.ipv4.tcp_challenge_ack_limit=1000000 \
	net.ipv4.tcp_max_tw_buckets=32 net.ipv4.tcp_fastopen=519 net.mptcp.blackhole_timeout=0
# What we write to the kernel's log stays off the console, unless the kernel dies: then all of it goes there.
read -r console_level _ </proc/sys/kernel/printk
echo 7 >/proc/sys/kernel/printk
echo on >/proc/sys/kernel/printk_devkmsg
echo Y >/sys/module/kernel/parameters/panic_console_replay

# fuzz SEEDS CONNECTIONS
fuzz() { rawfuzz "$SEED" "$1" "$2" server raw veth1 "$(mac server)" 2>&1; }

idle || {
	result "no socket of an earlier test is left" 1 "$LEFT"
	finish
}
# What is allocated once and for all is there after these.
fuzz 1 60 >"$WORK/warm"
result "the first connections" $? "$(cat "$WORK/warm")"
early=$(slab_kib) early_kmalloc=$(kmalloc_kib)
while read -r verdict name; do
	case $verdict in
	'#') echo "# $name" ;;
	ok) result "$name" 0 ;;
	end) result "rawfuzz came to its end" "$name" ;;
	*) result "$name" 1 ;;
	esac
done < <(fuzz $SEEDS $CONNECTIONS && echo end 0 || echo end 1)
idle
result "no socket is left" $? "$LEFT"
flat "$early" "after $((SEEDS * CONNECTIONS)) connections"
flat "$early_kmalloc" "after them" kmalloc_kib 512
for address in "$V4" "$V6"; do
	talk bulk "$address" -n 100000 -- -n 100000 && spoke_mptcp "$PORT"
	result "a conversation afterwards, $address" $? "$REPORT
$COUNTED"
done
module_out && module_in
result "the module can be removed" $?
ip netns del raw
echo "$console_level" >/proc/sys/kernel/printk
echo ratelimit >/proc/sys/kernel/printk_devkmsg
echo N >/sys/module/kernel/parameters/panic_console_replay
finish
