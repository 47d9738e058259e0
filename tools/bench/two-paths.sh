# shellcheck shell=bash
# Two paths between the namespaces client and server, for `make bench` and `make demo`:
#
#     client                            server
#      10.1.1.1 veth0 -- first path -- veth0 10.1.1.2
#      10.1.2.1 veth1 -- second path - veth1 10.1.2.2
#
# Servers listen on 10.1.1.2. What leaves with 10.1.2.1, the client's endpoint, goes by the second
# path even so, as from a telephone with two networks to a server with one address.

FIRST=10.1.1.2 SECOND=10.1.2.2

# two_paths [RATE DELAY RATE DELAY]: new cables, with Mbit/s and milliseconds each way, or as
# fast as they are; endpoints and limits of whichever stack there is now. The caller has `failed`.
two_paths() {
	local name
	for name in veth0 veth1; do
		ip -n client link del $name 2>/dev/null || true
	done
	ip -n client -batch - <<-END || failed "no second path in the client's namespace"
		link add veth0 type veth peer name veth0 netns server
		link add veth1 type veth peer name veth1 netns server
		addr add 10.1.1.1/24 dev veth0
		addr add 10.1.2.1/24 dev veth1
		link set veth0 up
		link set veth1 up
	END
	ip -n server -batch - <<-END || failed "no second path in the server's namespace"
		addr add $FIRST/24 dev veth0
		addr add $SECOND/24 dev veth1
		link set veth0 up
		link set veth1 up
		mptcp endpoint flush
		mptcp limits set subflow 2 add_addr_accepted 2
	END
	[[ -n $(ip -n client rule show table 2) ]] || ip -n client rule add from 10.1.2.1 table 2
	ip -n client -batch - <<-END || failed "no endpoint in the client's namespace"
		route replace default via $SECOND dev veth1 table 2
		mptcp endpoint flush
		mptcp limits set subflow 2 add_addr_accepted 2
		mptcp endpoint add 10.1.2.1 dev veth1 subflow
	END
	# What one connection learnt of its path is nothing to the next one's.
	for name in client server; do
		ip netns exec $name sysctl -qw net.ipv4.tcp_no_metrics_save=1
	done
	(($# == 0)) || shape "$@"
}

# The delay first, then a queue of one round trip's octets before the cable: as a router has it.
shape() {
	local name
	modprobe -qa sch_netem sch_tbf
	for name in client server; do
		tc -n $name -batch - <<-END || failed "a path cannot be shaped (modules sch_netem, sch_tbf)"
			qdisc add dev veth0 root handle 1: netem delay ${2}ms limit 10000
			qdisc add dev veth0 parent 1:1 handle 2: tbf rate ${1}mbit burst 5000 limit $(($1 * $2 * 250))
			qdisc add dev veth1 root handle 1: netem delay ${4}ms limit 10000
			qdisc add dev veth1 parent 1:1 handle 2: tbf rate ${3}mbit burst 5000 limit $(($3 * $4 * 250))
		END
	done
}

# How the first path dies: so that both ends see it, or without a word.
# shellcheck disable=SC2034
LINK_DOWN="ip -n client link set veth0 down" \
	SILENCE="tc -n server qdisc change dev veth0 root netem loss 100%; tc -n client qdisc change dev veth0 root netem loss 100%"

# octets_by INTERFACE: what the client has sent and received there so far.
octets_by() {
	client cat "/sys/class/net/$1/statistics/rx_bytes" "/sys/class/net/$1/statistics/tx_bytes" | awk '{ all += $1 } END { print all }'
}

# A path of a connection carries more than chatter.
both_paths_used() {
	local first second
	first=$(octets_by veth0) second=$(octets_by veth1)
	((20 * first > second && 20 * second > first))
}
