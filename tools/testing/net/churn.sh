#!/bin/bash
# Short connections, one after the other, by two clients at once: each is served, and
# memory stays flat. 1000 of them, or 10,000 with LONG=1.
# timeout: 1800
. "$(dirname "$0")/lib.sh"
EACH=500
[[ -z ${LONG-} ]] || EACH=5000

# The connections of one round; PORTS has their ports.
round() {
	local clients=() address status=0 pid
	PORTS=()
	for address in "$V4" "$V6"; do
		new_port
		PORTS+=("$PORT")
		start_server server -n 200 -c "$1" -t 30 -- "$address" together
		peer -N client -n 200 -c "$1" -t 30 connect "$address" "$PORT" together \
			>"$WORK/client.$PORT" 2>&1 &
		clients+=($! "$SERVER")
	done
	for pid in "${clients[@]}"; do wait "$pid" || status=1; done
	return "$status"
}

# Every connection's last word, on both sides.
served() {
	local port
	for port in "${PORTS[@]}"; do
		[[ $(grep -c '^peer: ok.*mptcp=yes' "$WORK/client.$port") == "$1" ]] || return 1
		[[ $(grep -c '^peer: ok.*mptcp=yes' "$WORK/server.$port") == "$1" ]] || return 1
	done
}

topology
# Those in TIME_WAIT are TCP's, and would be most of the memory.
for namespace in client server; do
	ip netns exec "$namespace" sysctl -qw net.ipv4.tcp_max_tw_buckets=32
done
round $((EACH / 5))
early=$(slab_kib)
round "$EACH" && served "$EACH"
result "$((2 * EACH)) connections" $? "$(tail -n 2 "$WORK"/{client,server}."${PORTS[0]}" "$WORK"/{client,server}."${PORTS[1]}")"
idle
result "no socket is left" $? "$LEFT"
flat "$early" "after $((2 * EACH)) connections"
finish
