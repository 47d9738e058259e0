#!/bin/bash
# `make bench MODE=paths`, in the guest: paths.sh KO RAW ROUNDS 'SECONDS OCTETS CUT' [FIGURES [STACK]],
# with seconds of each goodput, octets (as -N) of the bulk transfer, octets before a path dies; which
# figures (equal unequal veth gap_down gap_silent) and which stacks (tcp in-tree ours), or all of them.
# In each round plain TCP, in-tree MPTCP, then with the module in ours. Lines of RAW are as
# guest.sh's; a figure that could not be had has "-" for a value and the reason behind it.
set -euo pipefail
. tools/bench/steps.sh
. tools/bench/two-paths.sh
ko=$1 raw=$2 rounds=$3
read -ra all <<<"$4"
only=${5:-} stacks=${6:-}

# After the death of a path, in seconds: RTOs of a dead path double from one to the next.
AFTER=3
PORT=5300

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
	failed "nothing listens on port $1: $(cat "$WORK/socat.$1")"
}

# A server of zeros without end, until stop_serving.
serve_zeros() {
	# fork, for the listening socket to stay: a path needs one to join.
	server "${WRAPPER[@]}" socat -U TCP-LISTEN:$PORT,reuseaddr,fork OPEN:/dev/zero 2>$WORK/socat.$PORT &
	SERVER=$!
	until_listens $PORT
}

# watched ADDRESS REPORT OPTION...: reads zeros from there as watch.py is told. A reader that has
# seen enough ends its source with SIGPIPE.
watched() {
	local address=$1 report=$2
	shift 2
	{ client "${WRAPPER[@]}" socat -u "TCP:$address:$PORT" STDOUT 2>"$report.socat" || true; } |
		client python3 -B tools/bench/watch.py "$report" "$@" 2>"$report.says" ||
		failed "$kind: $(cat "$report.says" "$report.socat" $WORK/socat.$PORT)"
}

# goodput NAME RATE DELAY RATE DELAY: of one connection, or the sum of a plain one on each path.
goodput() {
	local name=$1 second='' rate
	shift
	two_paths "$@"
	serve_zeros
	if [[ $kind == tcp ]]; then
		watched $SECOND $WORK/second --for "$SECONDS_EACH" &
		second=$!
	fi
	watched $FIRST $WORK/first --for "$SECONDS_EACH"
	[[ -z $second ]] || wait "$second" || failed "$kind: $name: no figure of the second path"
	stop_serving
	if both_paths_used; then
		rate=$(jq -s 'map(.rate) | add * 8e-6' $WORK/first ${second:+$WORK/second})
		figure "$kind" "$name" "$rate"
		said+=" $name $rate Mbit/s,"
	else
		no_figure "$kind" "$name" "one path only"
		said+=" $name: one path only,"
	fi
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

# longest_gap NAME COMMAND: that a reader sees when the command kills the first path, and later on.
longest_gap() {
	local gap later
	two_paths 20 20 20 20
	serve_zeros
	watched $FIRST $WORK/first --cut "$CUT" "$2" --after $AFTER
	stop_serving
	gap=$(jq -r 'if .cut == null then "one path only" elif .stalled then "nothing comes any more"
		else 1000 * (.gap[1] - .gap[0]) end' $WORK/first)
	if [[ $gap == [0-9]* ]]; then
		later=$(jq '1000 * (.later[1] - .later[0])' $WORK/first)
		figure "$kind" "$1" "$gap"
		figure "$kind" "$1_later" "$later"
		said+=" $1 $gap ms (later $later),"
	else
		no_figure "$kind" "$1" "$gap"
		said+=" $1: $gap,"
	fi
}

# wants FIGURE, measures STACK: it is one of those asked for.
wants() { [[ -z $only || " $only " == *" $1 "* ]]; }
measures() { [[ -z $stacks || " $stacks " == *" $1 "* ]]; }

# measure_paths KIND WRAPPER...
measure_paths() {
	local kind=$1 said=
	shift
	WRAPPER=("$@")
	! wants equal || goodput equal 50 5 50 5
	! wants unequal || goodput unequal 100 5 10 50
	! wants veth || unshaped
	if [[ $kind != tcp ]]; then
		! wants gap_down || longest_gap gap_down "$LINK_DOWN"
		! wants gap_silent || longest_gap gap_silent "$SILENCE"
	fi
	echo "round $round: $kind:${said%,}"
}

: >"$raw"
topology
into_memory
for ((round = 0; round <= rounds; round++)); do
	read -r SECONDS_EACH BULK CUT <<<"${all[*]}"
	((round > 0)) || SECONDS_EACH=3 BULK=$((BULK / 8)) CUT=$((CUT / 8))
	! measures tcp || measure_paths tcp env
	! measures in-tree || measure_paths in-tree mptcpize run
	if measures ours; then
		insert "$ko"
		measure_paths ours mptcpize run
		remove
	fi
done
