#!/bin/bash
# `make bench MODE=paths`, in the guest: paths.sh KO RAW ROUNDS 'SECONDS OCTETS CUT', with
# seconds of each goodput, octets (as -N) of the bulk transfer, octets before a path dies.
# In each round plain TCP, in-tree MPTCP, then with the module in ours. Lines of RAW are as
# guest.sh's; a figure that could not be had has "-" for a value and the reason behind it.
set -euo pipefail
. tools/bench/steps.sh
. tools/bench/two-paths.sh
ko=$1 raw=$2 rounds=$3
read -ra all <<<"$4"

# The first seconds, in which connections grow and paths join, are not counted.
OMIT=2
# After the death of a path, in seconds: RTOs of a dead path double from one to the next.
AFTER=3
PORT=5200 WEB=5300

# no_figure KIND NAME REASON: that is an answer of ours, and a fault of the measurement otherwise.
no_figure() {
	[[ $1 == ours ]] || failed "$1: no figure for $2: $3"
	echo "$round $1 $2 - $3" >>"$raw"
}

until_listens() {
	local tries
	for ((tries = 0; tries < 1000; tries++)); do
		[[ -z $(server ss -Htln "sport = :$1") ]] || return 0
		sleep 0.02
	done
	failed "nothing listens on port $1: $(cat $WORK/*."$1")"
}

# iperf_to PORT ADDRESS: in the background, into a file of that port.
iperf_to() {
	server "${WRAPPER[@]}" iperf3 -s -1 -p "$1" >"$WORK/iperf-server.$1" 2>&1 &
	until_listens "$1"
	client "${WRAPPER[@]}" iperf3 -c "$2" -p "$1" -O $OMIT -t "$SECONDS_EACH" -J \
		>"$WORK/iperf.$1" 2>"$WORK/iperf-says.$1" &
	CLIENTS+=("$!")
}

# goodput NAME RATE DELAY RATE DELAY: of one connection, or the sum of a plain one on each path.
goodput() {
	local name=$1 client value
	shift
	two_paths "$@"
	CLIENTS=()
	iperf_to $PORT $FIRST
	[[ $kind != tcp ]] || iperf_to $((PORT + 1)) $SECOND
	for client in "${CLIENTS[@]}"; do
		wait "$client" || failed "$kind: iperf3: $(tail -n 1 -q $WORK/iperf-* $WORK/iperf.*)"
	done
	if both_paths_used; then
		value=$(jq -s 'map(.end.sum_received.bits_per_second) | add / 1e6' $WORK/iperf.*)
		figure "$kind" "$name" "$value"
		said+=" $name $value Mbit/s,"
	else
		no_figure "$kind" "$name" "one path only"
		said+=" $name: one path only,"
	fi
	rm $WORK/iperf*
}

# As fast as the machine is; plain TCP uses the first path.
unshaped() {
	local bulk octets
	two_paths
	serve "${WRAPPER[@]}"
	netperf_of TCP_STREAM "$BULK" -m 128K -o THROUGHPUT,LOCAL_BYTES_SENT
	IFS=, read -r bulk octets <<<"$NETPERF"
	stop_serving
	if [[ $kind == tcp ]] || both_paths_used; then
		figure "$kind" veth "$bulk"
		figure "$kind" veth_octets "$octets"
		[[ $(nproc) != 1 ]] || figure "$kind" veth_idle_ns "$IDLE_NS"
		said+=" unshaped $bulk Mbit/s,"
	else
		no_figure "$kind" veth "one path only"
		said+=" unshaped: one path only,"
	fi
}

# longest_gap NAME COMMAND: that a reader sees when the command has killed the first path.
longest_gap() {
	local gap
	two_paths 20 20 20 20
	# fork, for the listening socket to stay: a join needs one.
	server "${WRAPPER[@]}" socat -U TCP-LISTEN:$WEB,reuseaddr,fork OPEN:/dev/zero 2>$WORK/socat.$WEB &
	SERVER=$!
	until_listens $WEB
	# A reader that has seen enough ends the sender with SIGPIPE.
	{ client "${WRAPPER[@]}" socat -u TCP:$FIRST:$WEB STDOUT 2>>$WORK/socat.$WEB || true; } |
		client python3 -B tools/bench/watch.py $WORK/watch --cut "$CUT" "$2" --after $AFTER 2>$WORK/watching ||
		failed "$kind: $1: $(cat $WORK/watching $WORK/socat.$WEB)"
	stop_serving
	gap=$(jq -r 'if .cut == null then "one path only" elif .stalled then "nothing comes any more"
		else 1000 * (.gap[1] - .gap[0]) end' $WORK/watch)
	if [[ $gap == [0-9]* ]]; then figure "$kind" "$1" "$gap"; else no_figure "$kind" "$1" "$gap"; fi
	said+=" $1 $gap ms,"
}

# measure_paths KIND WRAPPER...
measure_paths() {
	local kind=$1 said=
	shift
	WRAPPER=("$@")
	goodput equal 50 5 50 5
	goodput unequal 100 5 10 50
	unshaped
	if [[ $kind != tcp ]]; then
		longest_gap gap_down "$LINK_DOWN"
		longest_gap gap_silent "$SILENCE"
	fi
	echo "round $round: $kind:${said%,}"
}

modprobe -a sch_netem sch_tbf
: >"$raw"
topology
into_memory
for ((round = 0; round <= rounds; round++)); do
	read -r SECONDS_EACH BULK CUT <<<"${all[*]}"
	((round > 0)) || SECONDS_EACH=1 BULK=$((BULK / 8)) CUT=$((CUT / 8))
	measure_paths tcp env
	measure_paths in-tree mptcpize run
	insert "$ko"
	measure_paths ours mptcpize run
	remove
done
