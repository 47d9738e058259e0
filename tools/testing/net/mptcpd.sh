#!/bin/bash
# Debian's mptcpd, unchanged, with its plugins: addr_adv, which makes endpoints of addresses for the
# path manager in the kernel, and sspi, which is the path manager of connections whose paths a program
# manages. Programs speak MPTCP because of mptcpize. First all of it with in-tree MPTCP, then with the
# module: what must come of it is the same. Then the module goes and comes under both daemons.
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/paths.sh"
programs pathman

# --- asking ---

# at_last NAME EXPECTED COMMAND...: until it says that; at most 20 s.
at_last() {
	local name=$1 expected=$2 said tries status=1
	shift 2
	for ((tries = 0; tries < 100 * SLOW; tries++)); do
		said=$("$@")
		[[ $said != "$expected" ]] || {
			status=0
			break
		}
		sleep 0.2
	done
	result "$STACK: $name" "$status" "expected:"$'\n'"$expected"$'\n'"got:"$'\n'"$said"$'\n'"mptcpd:"$'\n'"$(
		tail -n 20 "$WORK"/mptcpd.* 2>/dev/null)"
}

endpoints() { ip -n "$1" mptcp endpoint show | sed 's/ *$//'; }
limits() { ip -n "$1" mptcp limits show | sed 's/ *$//'; }

# has NAMESPACE WORDS: the endpoint that begins so.
has() { endpoints "$1" | grep "^$2 "; }

# --- events: "KIND LOCAL-ID/REMOTE-ID SOURCE DESTINATION", where it has them ---

declare -A OLD
listen_in() {
	monitor "$1"
	OLD[$1]=0
}

# news NAMESPACE: since `no_news`, in the order of the alphabet.
news() {
	tail -n "+$((OLD[$1] + 1))" "$WORK/heard.$1" | tr -d '[]' | awk '{
		delete value
		for (i = 2; i <= NF; i++) {
			split($i, pair, "=")
			value[pair[1]] = pair[2]
		}
		line = $1
		if ("locid" in value || "remid" in value)
			line = line " " value["locid"] "/" value["remid"]
		print line (value["saddr4"] ? " " value["saddr4"] " " value["daddr4"] : "")
	}' | sort
}

# heard NAMESPACE PATTERN: until there is such an event; at most 10 s.
heard() {
	local tries
	for ((tries = 0; tries < 50 * SLOW; tries++)); do
		! grep -qE "$2" "$WORK/heard.$1" || return 0
		sleep 0.2
	done
}

no_news() {
	local name
	for name in client server; do
		OLD[$name]=$(wc -l <"$WORK/heard.$name")
	done
}

# --- programs ---

# daemon NAMESPACE PLUGIN OPTION...: both plugins are loaded, that one has the connections.
daemon() {
	local name=$1 plugin=$2
	shift 2
	: >"$WORK/mptcpd.$name"
	ip netns exec "$name" /usr/libexec/mptcpd --log=stderr --path-manager="$plugin" \
		--notify-flags=existing,skip_link_local,skip_loopback "$@" >>"$WORK/mptcpd.$name" 2>&1 &
	disown
}

# no_daemon NAMESPACE: stops it, as systemd does; 0 if it was there until now.
no_daemon() {
	local pid pids=() status=1
	for pid in $(ip netns pids "$1"); do
		[[ $(cat "/proc/$pid/comm") != mptcpd ]] || pids+=("$pid")
	done
	for pid in "${pids[@]}"; do
		status=0
		kill "$pid"
		timeout 10 tail --pid="$pid" -s 0.1 -f /dev/null || status=1
	done
	return "$status"
}

# said NAMESPACE TEXT: how often mptcpd has said that.
said() { grep -cF "$2" "$WORK/mptcpd.$1"; }

# hold: a connection of two programs that ask for TCP. It stays until `let_go`.
hold() {
	local role verb
	new_port
	for role in server client; do
		verb=connect
		[[ $role == client ]] || verb=listen
		mkfifo "$WORK/keep.$role.$PORT"
		: >"$WORK/$role.$PORT"
		ip netns exec "$role" mptcpize run peer -p 0 -n 1000 -t 600 -k "$WORK/keep.$role.$PORT" \
			"$verb" "$V4" "$PORT" together >"$WORK/$role.$PORT" 2>&1 &
		printf -v "${role^^}" %s $!
		[[ $role == client ]] || wait_for_line "$WORK/server.$PORT" 'peer: listening'
	done
	for role in server client; do
		heard "$role" "^\\[ +ESTABLISHED\\].*port=$PORT"
	done
}

# let_go NAME: both close, and both say that it was MPTCP.
let_go() {
	local status=0 role
	for role in client server; do
		# Until it waits there.
		timeout $((10 * SLOW)) tee "$WORK/keep.$role.$PORT" </dev/null || status=1
	done
	wait "$CLIENT" && wait "$SERVER" && agreed "$PORT" && [[ $REPORT == *mptcp=yes*mptcp=yes* ]] || status=1
	result "$STACK: $1" "$status" "$REPORT"
}

# --- addr_adv: the path manager in the kernel ---

ALL_FOUR='10.1.1.1 id 1 subflow dev veth0
10.1.2.1 id 2 subflow dev veth1
fd01::1 id 3 subflow dev veth0
fd02::1 id 4 subflow dev veth1'

addr_adv() {
	daemon client addr_adv --addr-flags=subflow
	at_last "addr_adv makes an endpoint of each address" "$ALL_FOUR" endpoints client
	at_last "and raises the limits" 'add_addr_accepted 6 subflows 6' limits client
	no_news
	hold
	at_last "a connection of programs under mptcpize joins from there" \
		$'CREATED 0/0 10.1.1.1 10.1.1.2\nESTABLISHED 0/0 10.1.1.1 10.1.1.2\nSF_ESTABLISHED 2/0 10.1.2.1 10.1.1.2' \
		news client
	no_news
	ip -n client addr add 10.1.2.7/24 dev veth1
	at_last "an address that is added becomes one too" "$ALL_FOUR"$'\n10.1.2.7 id 5 subflow dev veth1' endpoints client
	at_last "and joins" 'SF_ESTABLISHED 5/0 10.1.2.7 10.1.1.2' news client
	at_last "which the peer sees" 'SF_ESTABLISHED 0/5 10.1.1.2 10.1.2.7' news server
	no_news
	ip -n client addr del 10.1.2.7/24 dev veth1
	at_last "an address that is deleted is none any more" "$ALL_FOUR" endpoints client
	at_last "and its subflow ends" 'SF_CLOSED 5/0 10.1.2.7 10.1.1.2' news client
	at_last "which the peer is told" $'REMOVED /5\nSF_CLOSED 0/5 10.1.1.2 10.1.2.7' news server
	no_daemon client
	result "$STACK: mptcpd ends when it is told to" $? "$(cat "$WORK/mptcpd.client")"
	ip -n client addr add 10.1.2.7/24 dev veth1
	daemon client addr_adv --addr-flags=subflow
	at_last "started again it finds its endpoints, and what is new" "$ALL_FOUR"$'\n10.1.2.7 id 5 subflow dev veth1' endpoints client
	at_last "mptcp-get-debug shows the connection" "ESTAB 10.1.1.1 10.1.1.2:$PORT" shown_by_debug
	let_go "and it ends as it should"
	no_daemon client
	ip -n client mptcp endpoint flush
}

shown_by_debug() {
	client /usr/libexec/mptcp-get-debug --collect </dev/null 2>&1 | sed -n '/ss -ManiH/,$p' |
		awk '$1 == "ESTAB" && /10.1.1.1:/ { sub(":.*", "", $4); print $1, $4, $5 }'
}

# --- sspi: one subflow for each interface, and a program says so ---

path_manager() { ip netns exec "$1" sysctl -qw net.mptcp.path_manager="$2"; }

sspi() {
	path_manager server userspace
	daemon server sspi
	client ip mptcp limits set subflows 8 add_addr_accepted 8
	at_last "sspi is there" 1 said server 'single-subflow-per-interface path manager initialized'
	hold
	at_last "sspi hears of a connection" 1 said server 'sspi_connection_established'
	no_news
	client ip mptcp endpoint add 10.1.2.1 dev veth1 subflow
	at_last "and of one subflow too many for its interface" 1 said server 'Closing new subflow'
	at_last "which it has closed" $'SF_CLOSED 0/1 10.1.1.2 10.1.2.1\nSF_ESTABLISHED 0/1 10.1.1.2 10.1.2.1' news server
	at_last "for both" $'SF_CLOSED 1/0 10.1.2.1 10.1.1.2\nSF_ESTABLISHED 1/0 10.1.2.1 10.1.1.2' news client
	let_go "the connection goes on with the first"
	no_daemon server
	client ip mptcp endpoint flush
	path_manager server kernel
	server ip mptcp limits set subflows 8
	path_manager client userspace
	daemon client sspi
	at_last "sspi is on the other side" 1 said client 'single-subflow-per-interface path manager initialized'
	hold
	at_last "and hears of a connection there" 1 said client 'sspi_connection_established'
	create 10.1.2.1 5
	at_last "a subflow on another interface" 'SF_ESTABLISHED 5/0 10.1.2.1 10.1.1.2' news client
	no_news
	create 10.1.2.7 6
	at_last "stays, a second one there does not" $'SF_CLOSED 6/0 10.1.2.7 10.1.1.2\nSF_ESTABLISHED 6/0 10.1.2.7 10.1.1.2' news client
	let_go "and the connection ends as it should"
	no_daemon client
	path_manager client kernel
	# addr_adv is there as well, and has made some without a flag.
	client ip mptcp endpoint flush
	server ip mptcp endpoint flush
}

# create ADDRESS ID: as a program would that knows of a path.
create() {
	local token
	token=$(sed -nE "s/^\[ *CREATED\] token=([0-9a-f]+).*dport=$PORT.*/0x\\1/p" "$WORK/heard.client")
	no_news
	client pathman <<<"create token $token { a4 $1 id $2 } [ a4 $V4 port $PORT ]" >"$WORK/created"
}

# --- the same daemons while the module goes and comes ---

outlives() {
	daemon client addr_adv --addr-flags=subflow
	path_manager server userspace
	daemon server sspi
	at_last "both daemons are there" $'10.1.2.7 id 3 subflow dev veth1' has client 10.1.2.7
	hold
	at_last "and hear of a connection" 1 said server 'sspi_connection_established'
	let_go "which ends"
	idle
	module_out
	result "the module can be removed under mptcpd" $? "${LEFT-}"
	path_manager server userspace
	ip -n client addr add 10.1.2.8/24 dev veth1
	STACK="in-tree again"
	at_last "mptcpd makes its endpoints here" $'10.1.2.8 id 6 subflow dev veth1' endpoints client
	hold
	at_last "and hears of a connection" 2 said server 'sspi_connection_established'
	let_go "which ends"
	module_in
	STACK="module again"
	path_manager server userspace
	ip -n client addr add 10.1.2.9/24 dev veth1
	at_last "mptcpd makes its endpoints here" $'10.1.2.9 id 7 subflow dev veth1' endpoints client
	no_news
	hold
	at_last "and hears of a connection" 3 said server 'sspi_connection_established'
	at_last "which it manages" $'CREATED 0/0 10.1.1.1 10.1.1.2\nESTABLISHED 0/0 10.1.1.1 10.1.1.2\nSF_CLOSED 7/0 10.1.2.9 10.1.1.2\nSF_ESTABLISHED 7/0 10.1.2.9 10.1.1.2' news client
	let_go "and which ends"
	no_daemon client && no_daemon server
	result "$STACK: both daemons have lived through it" $?
}

scenario() {
	STACK=$1
	client ip mptcp limits set subflows 2 add_addr_accepted 0
	server ip mptcp limits set subflows 8 add_addr_accepted 8
	addr_adv
	sspi
}

module_out || {
	result "the module can be removed before the test" 1
	finish
}
topology
second_path
listen_in client
listen_in server
scenario in-tree
rmmod mptcp_diag 2>/dev/null
ip -n client addr del 10.1.2.7/24 dev veth1
module_in
scenario module
outlives
idle
result "no socket is left" $? "$LEFT"
finish
