# shellcheck shell=bash
# What the tests share: two network namespaces, results, conversations.
#
#      namespace client                          namespace server
#     +---------------------+                   +---------------------+
#     | peer connect ...    |                   |    peer listen ...  |
#     |           10.1.1.1 veth0 ------------- veth0 10.1.1.2         |
#     |           fd01::1   |                   |    fd01::2          |
#     +---------------------+                   +-- wirecount --------+
#
# A test sources this, calls `topology`, then `talk` and `result` as often as it likes, and
# ends with `finish`. Every conversation has a port of its own, by which `wirecount` (wirecount.c)
# counts what was on the wire; so whether MPTCP was used is not taken from either side's word.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
WORK=$(mktemp -d /tmp/rust-mptcp-test.XXXXXX)
BUILT=$HERE/../../../build/net
PATH=$PATH:$BUILT
V4=10.1.1.2 V6=fd01::2
MPTCP=262 TCP=0
LAST_PORT=10000
# How many times slower this machine is than the limits here suppose.
SLOW=${SLOW:-1}

trap clean_up EXIT

clean_up() {
	local name
	# shellcheck disable=SC2046 # Several numbers.
	kill $(jobs -p) 2>/dev/null
	for name in client server; do
		kill_in "$name"
		ip netns del "$name" 2>/dev/null
	done
	rm -rf "$WORK"
}

kill_in() {
	local pids
	pids=$(ip netns pids "$1" 2>/dev/null) || return 0
	# shellcheck disable=SC2086 # Several numbers.
	[[ -z $pids ]] || kill -KILL $pids 2>/dev/null
}

# stop_in NAMESPACE PROGRAM: ends those of that name, which may finish what they do.
stop_in() {
	local pid
	for pid in $(ip netns pids "$1"); do
		[[ $(<"/proc/$pid/comm") != "$2" ]] || kill -TERM "$pid"
	done
}

# nap SECONDS: without a program, which an emulated machine takes a tenth of a second to start.
nap() { read -rt "$1" -u "$NOTHING"; }
exec {NOTHING}<> <(:)

# --- results ---

RESULTS=0 FAILURES=0
echo "KTAP version 1"

# result NAME STATUS [WHY]: one line of KTAP, and why on the lines before.
result() {
	RESULTS=$((RESULTS + 1))
	if [[ $2 == 0 ]]; then
		echo "ok $RESULTS - $1"
	else
		FAILURES=$((FAILURES + 1))
		[[ -z ${3-} ]] || printf '%s\n' "$3" | sed 's/^/# /'
		echo "not ok $RESULTS - $1"
	fi
}

skip() {
	RESULTS=$((RESULTS + 1))
	echo "ok $RESULTS - $1 # SKIP ${2-}"
}

finish() {
	echo "1..$RESULTS"
	exit $((FAILURES > 0))
}

# --- programs ---

# changed NAME: since it was made, or a header that it may use.
changed() {
	local source
	for source in "$HERE/$1.c" "$HERE"/*.h; do
		[[ $BUILT/$1 -nt $source ]] || return 0
	done
	return 1
}

# Makes the named programs of this directory, unless the guest has them; once for all tests.
programs() {
	local name there
	mkdir -p "$BUILT"
	for name; do
		there=$(command -v "$name")
		[[ -z $there || $there == "$BUILT"/* ]] || continue
		changed "$name" || continue
		gcc -O1 -Wall -Wextra -D_GNU_SOURCE -o "$BUILT/$name" "$HERE/$name.c" || {
			result "$name can be compiled" 1
			finish
		}
	done
}

# --- namespaces ---

client() { ip netns exec client "$@"; }
server() { ip netns exec server "$@"; }

# A process in each, through whose /proc/PID/net this shell can look.
declare -A INSIDE

# look_into NAMESPACE: 0 once there is one. The shell does not say when it is killed.
look_into() {
	local tries
	ip netns exec "$1" sleep infinity >/dev/null 2>&1 &
	INSIDE[$1]=$!
	disown
	for ((tries = 0; tries < 1000 * SLOW; tries++)); do
		[[ ! /proc/${INSIDE[$1]}/ns/net -ef /run/netns/$1 ]] || return 0
		kill -0 "${INSIDE[$1]}" 2>/dev/null || break
		nap 0.01
	done
	return 1
}

topology() {
	local name
	programs peer wirecount
	modprobe veth 2>/dev/null
	for name in client server; do
		ip netns del "$name" 2>/dev/null
		ip netns add "$name"
		ip -n "$name" link set lo up
		look_into "$name" || {
			result "a network namespace can be made" 1 "$(ip netns)"
			finish
		}
	done
	ip -n client link add veth0 type veth peer name veth0 netns server
	ip -n client addr add 10.1.1.1/24 dev veth0
	ip -n client addr add fd01::1/64 dev veth0 nodad
	ip -n server addr add 10.1.1.2/24 dev veth0
	ip -n server addr add fd01::2/64 dev veth0 nodad
	ip -n client link set veth0 up
	ip -n server link set veth0 up
	: >"$WORK/watch.log"
	ip netns exec server wirecount veth0 "$WORK/counts" >"$WORK/watch.log" &
	WATCH=$!
	wait_for_line "$WORK/watch.log" 'wirecount: ready'
}

checksums() {
	client sysctl -qw net.mptcp.checksum_enabled="$1"
	server sysctl -qw net.mptcp.checksum_enabled="$1"
}

# wait_for_line FILE TEXT: until the file has a line that begins so; at most 10 s.
wait_for_line() {
	local tries line
	for ((tries = 0; tries < 500 * SLOW; tries++)); do
		while read -r line; do
			[[ $line != "$2"* ]] || return 0
		done 2>/dev/null <"$1"
		nap 0.02
	done
	return 1
}

# --- conversations ---

# Each conversation has one of its own; PORT may be set back to an earlier one's.
new_port() { PORT=$((LAST_PORT += 1)); }

# start_server NAMESPACE OPTION... -- ADDRESS CONVERSATION: on PORT; returns as soon as it
# listens, or waits to be told to (-w).
start_server() {
	local namespace=$1 options=()
	shift
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	: >"$WORK/server.$PORT"
	peer -N "$namespace" "${options[@]}" listen "$2" "$PORT" "$3" >"$WORK/server.$PORT" 2>&1 &
	SERVER=$!
	wait_for_line "$WORK/server.$PORT" "peer: "
}

# talk CONVERSATION ADDRESS [SERVER-OPTION...] -- [CLIENT-OPTION...]: both sides, to the end.
# 0 if both were content and each got what the other sent; REPORT has what they said.
talk() {
	local conversation=$1 address=$2 server_options=() ours theirs status=0
	shift 2
	while [[ $1 != -- ]]; do
		server_options+=("$1")
		shift
	done
	shift
	new_port
	start_server server "${server_options[@]}" -- "$address" "$conversation"
	peer -N client "$@" connect "$address" "$PORT" "$conversation" >"$WORK/client.$PORT" 2>&1 || status=1
	reap_server "$status" || status=1
	agreed "$PORT" || status=1
	((status == 0)) || REPORT+=$(counters client)$'\n'$(counters server)$'\n'
	return "$status"
}

# counters NAMESPACE: what TCP and MPTCP counted there so far, on one line.
counters() {
	printf '%s:' "$1"
	ip netns exec "$1" nstat -asz | awk '/TcpExt|TcpRetrans/ && $2 != 0 { printf " %s=%s", $1, $2 }'
	echo
}

# reap_server CLIENT-STATUS: without a client it may wait for ever.
reap_server() {
	local tries
	for ((tries = 0; $1 != 0 && tries < 20 * SLOW; tries++)); do
		kill -0 "$SERVER" 2>/dev/null || break
		nap 0.1
	done
	[[ $1 == 0 ]] || kill -KILL "$SERVER" 2>/dev/null
	wait "$SERVER" 2>/dev/null
}

# Here and below without other programs where bash can do it, as in `nap`.

# last_words ROLE PORT: what it sent and received, a word for each connection.
last_words() {
	local line
	SENT='' RECEIVED=''
	while read -r line; do
		REPORT+="$line"$'\n'
		[[ $line =~ ^peer:\ ok.*\ as\ $1\ sent=([^ ]*)\ received=([^ ]*) ]] || continue
		SENT+=" ${BASH_REMATCH[1]}" RECEIVED+=" ${BASH_REMATCH[2]}"
	done <"$WORK/$1.$2"
}

# agreed PORT: do the last words of both sides fit?
agreed() {
	local sent received
	REPORT=
	last_words client "$1"
	sent=$SENT received=$RECEIVED
	last_words server "$1"
	[[ -n $sent && $sent == "$RECEIVED" && $received == "$SENT" ]]
}

# --- the wire ---

# counted PORT: what `wirecount` has seen of that port, as shell variables (see wirecount.c).
counted() {
	local line tries
	rm -f "$WORK/counts"
	kill -USR1 "$WATCH"
	for ((tries = 0; tries < 250 * SLOW; tries++)); do
		[[ ! -f $WORK/counts ]] || break
		nap 0.02
	done
	COUNTED=
	while read -r line; do
		[[ $line != "port=$1 "* ]] || COUNTED=$line
	done <"$WORK/counts"
	port=0 syn=0 synack=0 c_data=0 s_data=0 c_dss=0 s_dss=0 c_none=0 s_none=0 checksummed=0 fins=0
	infinite=0 rst=0 fastclose=0 fail=0 reason=0 bad=0
	eval "$COUNTED"
}

# spoke_mptcp PORT [SUMS]: handshake with keys, every octet mapped, no fallback, nothing odd.
# SUMS: 1, every mapping has a checksum; 0, none has.
spoke_mptcp() {
	counted "$1"
	((syn > 0 && synack > 0 && c_none == 0 && s_none == 0 && infinite == 0 && fail == 0 && bad == 0)) ||
		return 1
	((c_data == 0 || c_dss > 0)) && ((s_data == 0 || s_dss > 0)) || return 1
	case ${2-} in
	0) ((checksummed == 0)) ;;
	1) ((checksummed > 0)) ;;
	esac
}

# spoke_tcp PORT: no octet was mapped.
spoke_tcp() {
	counted "$1"
	((c_dss == 0 && s_dss == 0 && bad == 0 && c_data + s_data > 0))
}

# --- the module ---

module_out() { ! grep -q '^rust_mptcp ' /proc/modules || rmmod rust_mptcp; }
module_in() { grep -q '^rust_mptcp ' /proc/modules || insmod "${RUST_MPTCP_KO:-/mod/rust_mptcp.ko}"; }

# monitor NAMESPACE: `ip mptcp monitor` there, into heard.NAMESPACE, from when on it hears of everything.
monitor() {
	local tries
	ip netns exec "$1" ip mptcp monitor >"$WORK/heard.$1" 2>&1 &
	for ((tries = 0; tries < 200 * SLOW; tries++)); do
		! listens_to_events $! || break
		nap 0.05
	done
	# Its end is no news.
	disown
}

# listens_to_events PID: it has a socket of NETLINK_GENERIC (16) that has joined a group.
listens_to_events() {
	awk -v pid="$1" '$2 == 16 && $3 == pid && $4 !~ /^0+$/ { found = 1 } END { exit !found }' "/proc/$1/net/netlink"
}

# idle: until the module serves no socket any more; at most 30 s. Otherwise LEFT says which.
idle() {
	local end=$((SECONDS + ${PATIENCE:-30} * SLOW)) references name
	while ((SECONDS < end)); do
		references=$(</sys/module/rust_mptcp/refcnt)
		[[ $references != 0 ]] || return 0
		nap 0.1
	done
	LEFT="$references references$(for name in $(ip netns | cut -d' ' -f1); do
		echo
		ip netns exec "$name" ss -HMtnaeo
	done)"
	return 1
}

# --- memory ---

slab_kib() { awk '/^SUnreclaim/ { print $2 }' /proc/meminfo; }

# What modules allocate for themselves is in these slabs, and not much else comes and goes there.
kmalloc_kib() { awk '/^kmalloc-/ { octets += $3 * $4 } END { print int(octets / 1024) }' /proc/slabinfo; }

# flat EARLIER WHEN [slab_kib|kmalloc_kib KIB]: since then such memory has not grown by as much as
# that. KASAN keeps what is freed, so that nothing can be said where it is on.
flat() {
	local now kind=${3-slab_kib} most=${4-8192}
	now=$($kind)
	if grep -qm 1 ' kasan_' /proc/kallsyms; then
		skip "slab memory $2" "KASAN is on"
		return
	fi
	((now - $1 < most))
	result "${kind%_kib} memory $2: $1 KiB early, $now KiB now" $?
}
