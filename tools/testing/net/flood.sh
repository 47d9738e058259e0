#!/bin/bash
# A SYN flood (flood.c) on a listener, without and with SYN cookies: memory does not grow,
# and clients are served, with cookies during it, without them afterwards.
# 10 s each, or 10 minutes with LONG=1.
#
#    namespace flood                             namespace server                    client
#    flood, 198.18.0.0/15   veth1 --- veth1  10.2.2.2, the listener  veth0 --- veth0
# timeout: 2400
. "$(dirname "$0")/lib.sh"
FLOOD_SECONDS=10
[[ -z ${LONG-} ]] || FLOOD_SECONDS=600
programs flood
topology
ip netns del flood 2>/dev/null
ip netns add flood
ip -n flood link add veth1 type veth peer name veth1 netns server
ip -n flood link set veth1 up
ip -n server link set veth1 up
ip -n server addr add 10.2.2.2/24 dev veth1
mac() { ip -n "$1" -o link show veth1 | sed -nE 's/.*ether ([0-9a-f:]+) .*/\1/p'; }
ip -n server neigh replace 10.2.2.1 lladdr "$(mac flood)" dev veth1 nud permanent
ip -n server route add default via 10.2.2.1

flood() {
	ip netns exec flood flood veth1 "$(mac server)" 10.2.2.2 "$PORT" "$FLOOD_SECONDS" >"$WORK/flood" 2>&1
}

# clients N: as many connections as that, one after the other.
clients() {
	peer -N client -n 1000 -c "$1" -t 30 connect "$V4" "$PORT" together >"$WORK/client.$PORT" 2>&1
}

dropped() { server nstat -asz TcpExtListenDrops TcpExtSyncookiesSent | awk '/^Tcp/ { print $1 "=" $2 }' | tr '\n' ' '; }

for cookies in 0 1 2; do
	server sysctl -qw net.ipv4.tcp_syncookies=$cookies
	new_port
	start_server server -n 1000 -c 1000 -t 3600 -- 0.0.0.0 together
	clients 5
	result "clients before the flood, cookies $cookies" $? "$(tail -n 1 "$WORK/client.$PORT")"
	early=$(slab_kib)
	flood &
	FLOOD=$!
	sleep 2
	if ((cookies)); then
		clients 5
		result "clients during the flood, cookies $cookies" $? "$(tail -n 1 "$WORK/client.$PORT")"
	fi
	wait "$FLOOD"
	result "a flood of $(sed 's/.* //' "$WORK/flood") SYNs, cookies $cookies" $? "$(cat "$WORK/flood")"
	flat "$early" "after the flood, cookies $cookies ($(dropped))"
	clients 5
	result "clients after the flood, cookies $cookies" $? "$(tail -n 1 "$WORK/client.$PORT")"
	kill -KILL "$SERVER"
	wait "$SERVER" 2>/dev/null
	idle
	result "no socket is left, cookies $cookies" $? "$LEFT"
done
ip netns del flood
finish
