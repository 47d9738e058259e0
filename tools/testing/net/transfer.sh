#!/bin/bash
# Two programs that only say IPPROTO_MPTCP, both served by the module: every conversation,
# over IPv4 and IPv6, with and without checksums; and with a plain TCP program on one side.
# timeout: 600
. "$(dirname "$0")/lib.sh"
topology

# mptcp NAME SUMS CONVERSATION ADDRESS [SERVER-OPTION...] -- [CLIENT-OPTION...]
mptcp() {
	local name=$1 sums=$2 status=0
	shift 2
	talk "$@" || status=1
	spoke_mptcp "$PORT" "$sums" || status=1
	result "$name" "$status" "$REPORT
$COUNTED"
}

tcp() {
	local name=$1 status=0
	shift
	talk "$@" || status=1
	spoke_tcp "$PORT" || status=1
	result "$name" "$status" "$REPORT
$COUNTED"
}

for sums in 0 1; do
	checksums "$sums" 2>/dev/null
	for address in "$V4" "$V6"; do
		family=IPv4 && [[ $address == *:* ]] && family=IPv6
		with="$family, checksums $sums"
		mptcp "bulk, $with" "$sums" bulk "$address" -n 4000000 -- -n 4000000
		mptcp "ping-pong, $with" "$sums" ping-pong "$address" --
		mptcp "client closes its half first, $with" "$sums" half-client "$address" -n 300000 -- -n 300000
		mptcp "server closes its half first, $with" "$sums" half-server "$address" -n 300000 -- -n 300000
		mptcp "writes of one octet, $with" "$sums" bytes "$address" -n 2000 -- -n 2000
		mptcp "tiny windows, $with" "$sums" tiny "$address" -n 50000 -- -n 50000
		mptcp "slow reader, $with" "$sums" slow "$address" -n 500000 -- -n 500000
		mptcp "both close at once, $with" "$sums" together "$address" -n 100000 -- -n 100000
		mptcp "nothing but a close, $with" "" bulk "$address" -n 0 -- -n 0
		mptcp "client aborts, $with" "$sums" abort-client "$address" --
		mptcp "server aborts, $with" "$sums" abort-server "$address" --
	done
done
checksums 0 2>/dev/null

# A reader acknowledges what it takes, as with TCP: the timer for that has nothing to do.
delayed_acks() { server nstat -asz TcpExtDelayedACKs | awk '/Delayed/ { print $2 }'; }
for address in "$V4" "$V6"; do
	family=IPv4 && [[ $address == *:* ]] && family=IPv6
	before=$(delayed_acks)
	mptcp "short messages one way, $family" 0 drip "$address" --
	late=$(($(delayed_acks) - before))
	((late <= 20))
	result "they are acknowledged when they are read, $family" $? "$late of 60 by the timer"
done

# The first connection asks for a cookie, the others bring their first bytes on the SYN.
client sysctl -qw net.ipv4.tcp_fastopen=1
server sysctl -qw net.ipv4.tcp_fastopen=2
fast_opens() { server nstat -asz TcpExtTCPFastOpenPassive | awk '/FastOpen/ { print $2 }'; }
for address in "$V4" "$V6"; do
	family=IPv4 && [[ $address == *:* ]] && family=IPv6
	for conversation in bulk half-client; do
		before=$(fast_opens)
		mptcp "fast open, $conversation, $family" 0 "$conversation" "$address" -f -c 4 -n 300000 -- -f -c 4 -n 300000
		taken=$(($(fast_opens) - before))
		((taken >= 3))
		result "the listener took the data of a SYN, $conversation, $family" $? "$taken of 4"
	done
	tcp "fast open, plain client, $family" bulk "$address" -f -c 2 -n 20000 -- -f -c 2 -n 20000 -p $TCP
	tcp "fast open, plain server, $family" bulk "$address" -f -c 2 -n 20000 -p $TCP -- -f -c 2 -n 20000
done

for address in "$V4" "$V6"; do
	family=IPv4 && [[ $address == *:* ]] && family=IPv6
	for conversation in bulk ping-pong half-client half-server bytes tiny slow together abort-client abort-server; do
		tcp "$conversation, plain client, $family" "$conversation" "$address" -n 20000 -- -n 20000 -p $TCP
		tcp "$conversation, plain server, $family" "$conversation" "$address" -n 20000 -p $TCP -- -n 20000
	done
done
finish
