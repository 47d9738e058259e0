# shellcheck shell=bash
# shellcheck disable=SC2153,SC2154 # Amounts, round and raw are guest.sh's.
# What guest.sh, profile.sh and exact.sh share: two namespaces with a cable, netperf between them, the
# module in and out. A step that fails ends the run, with the reason last.

ADDRESS=10.1.1.2 WORK=/tmp/bench
mkdir -p $WORK

failed() {
	echo "bench: $*"
	exit 1
}

client() { ip netns exec client "$@"; }
server() { ip netns exec server "$@"; }

topology() {
	local name
	modprobe veth
	for name in client server; do
		ip netns add "$name"
		ip -n "$name" link set lo up
	done
	ip -n client link add veth0 type veth peer name veth0 netns server
	ip -n client addr add 10.1.1.1/24 dev veth0
	ip -n server addr add $ADDRESS/24 dev veth0
	ip -n client link set veth0 up
	ip -n server link set veth0 up
}

insert() { insmod "/src/$1" || failed "insmod: $(dmesg | tail -n 1)"; }

# Connections that are still closing keep the module for a minute at most.
remove() {
	local tries
	for ((tries = 0; tries < 900; tries++)); do
		! rmmod rust_mptcp 2>$WORK/rmmod || return 0
		sleep 0.1
	done
	failed "the module cannot be removed: $(cat $WORK/rmmod)"
}

# until_says FILE WORD: a program in the background has said so.
until_says() {
	local tries
	for ((tries = 0; tries < 3000; tries++)); do
		! grep -q "$2" "$1" || return 0
		sleep 0.02
	done
	failed "no '$2' but: $(cat "$1")"
}

# serve WRAPPER...: netserver, until stop_serving. The wrapper env changes nothing.
serve() {
	ip netns exec server chroot "$ROOT" "$@" netserver -D -4 -L $ADDRESS >$WORK/netserver 2>&1 &
	SERVER=$!
	until_listening
}

until_listening() {
	local tries
	for ((tries = 0; tries < 1000; tries++)); do
		kill -0 "$SERVER" 2>/dev/null || break
		[[ -z $(server ss -Htln 'sport = :12865') ]] || return 0
		sleep 0.02
	done
	failed "netserver does not listen: $(cat $WORK/netserver)"
}

stop_serving() {
	# shellcheck disable=SC2046 # Several numbers.
	kill $(ip netns pids server) 2>/dev/null || true
	wait "$SERVER" || true
}

# A connection of ours that is there, so that everything the module hooks is hooked.
hold_connection() {
	python3 tools/bench/idle.py hold 262 >$WORK/hold 2>&1 &
	HELD=$!
	until_says $WORK/hold holding
}

let_go() {
	kill "$HELD"
	wait "$HELD" || true
}

# Makes ROOT, a root in memory with what a netperf opens. The files of our own are the host's,
# and a CPU whose clock counts instructions (ICOUNT=1) sees seconds go by until it answers.
into_memory() {
	local trace=(strace -f -qq -e "trace=execve,openat") file
	ROOT=/
	server "${trace[@]}" -o $WORK/opened-there mptcpize run netserver -D -4 -L $ADDRESS >$WORK/netserver 2>&1 &
	SERVER=$!
	until_listening
	client "${trace[@]}" -o $WORK/opened-here mptcpize run \
		netperf -4 -H $ADDRESS -P 0 -t TCP_CRR -l -1 >$WORK/netperf 2>&1 ||
		failed "netperf: $(cat $WORK/netperf)"
	stop_serving

	mkdir -p $WORK/root/{proc,dev,tmp,bin}
	cp /bin/busybox /usr/bin/env $WORK/root/bin/
	cp -L --parents /lib64/ld-linux-x86-64.so.2 $WORK/root/
	while read -r file; do
		[[ ! -f $file ]] || cp -L --parents "$file" $WORK/root/
	done < <(sed -nE 's/.*(execve|openat)\([^"]*"(\/(etc|lib|lib64|usr)\/[^"]*)".* = [0-9]+$/\2/p' $WORK/opened-* | sort -u)
	mount --bind /proc $WORK/root/proc
	mount --bind /dev $WORK/root/dev
	ROOT=$WORK/root
}

# figure KIND NAME VALUE
figure() {
	[[ $3 =~ ^[0-9]+(\.[0-9]+)?$ ]] || failed "$1: no figure for $2: $3"
	echo "$round $1 $2 $3" >>"$raw"
}

# MPTCP connections that the client has made so far.
mptcp_connections() {
	client cat /proc/net/netstat | awk '$1 == "MPTcpExt:" {
		if (!n++) { for (i = 2; i <= NF; i++) name[i] = $i }
		else for (i = 2; i <= NF; i++) if (name[i] == "MPCapableSYNACKRX") print $i }'
}

# netperf_of TEST AMOUNT OPTION...: NETPERF is what netperf was asked for, comma separated, and
# IDLE_NS how long no task ran meanwhile, on a lone CPU. AMOUNT is seconds, or with - octets or transactions.
# WRAPPER is what netperf runs under, AROUND what all of it does.
netperf_of() {
	local test=$1 amount=$2 line now=() busy=() fields
	shift 2
	NETPERF=
	while read -r line; do
		read -ra fields <<<"$line"
		case $line in
		"now at "*) now+=("${fields[2]}") busy+=(0) ;;
		cpu*) busy[-1]=$((busy[-1] + fields[7])) ;;
		*) NETPERF=$line ;;
		esac
	done < <("${AROUND[@]}" ip netns exec client chroot "$ROOT" /bin/busybox sh -c "$CLOCKED" sh "${WRAPPER[@]}" \
		netperf -4 -H $ADDRESS -P 0 -t "$test" -l "$amount" -- "$@" 2>&1)
	((${#now[@]} == 2)) || failed "netperf: $NETPERF"
	# The two clocks are not read at once, so there may be a little less than nothing.
	IDLE_NS=$((now[1] - now[0] - busy[1] + busy[0]))
	((IDLE_NS > 0)) || IDLE_NS=0
}
AROUND=()
CLOCKS='busybox grep "^now at" /proc/timer_list; busybox grep ^cpu /proc/schedstat'
CLOCKED="$CLOCKS; \"\$@\"; $CLOCKS"

# wanted STEP: it is among STEPS, if that says anything.
wanted() { [[ -z ${STEPS-} || " $STEPS " == *" $1 "* ]]; }

# measure KIND WRAPPER...: the figures of one kind of socket.
measure() {
	local kind=$1 before
	shift
	WRAPPER=("$@")
	serve "$@"
	before=$(mptcp_connections)
	! wanted bulk || bulk "$kind"
	! wanted requests || requests "$kind"
	! wanted connections || connections "$kind"
	stop_serving

	before=$(($(mptcp_connections) - before))
	case $kind in
	tcp | beside) ((before == 0)) || failed "$kind: $before connections were MPTCP" ;;
	*) [[ ${STEPS-} == memory ]] || ((before > 1)) || failed "$kind: only $before connections were MPTCP" ;;
	esac
	[[ $kind == beside ]] || ! wanted memory || memory "$kind" "${PROTOCOL[$kind]}"
}
declare -A PROTOCOL=([tcp]=6 [in-tree]=262 [ours]=262)

bulk() {
	local rate octets
	netperf_of TCP_STREAM "$BULK" -m 128K -o THROUGHPUT,LOCAL_BYTES_SENT
	IFS=, read -r rate octets <<<"$NETPERF"
	figure "$1" bulk "$rate"
	figure "$1" bulk_octets "$octets"
	[[ $(nproc) != 1 ]] || figure "$1" bulk_idle_ns "$IDLE_NS"
	echo "round $round: $1: $rate Mbit/s"
}

requests() {
	local rate latency tail
	netperf_of TCP_RR "$REQUESTS" -o THROUGHPUT,MEAN_LATENCY,P99_LATENCY
	IFS=, read -r rate latency tail <<<"$NETPERF"
	figure "$1" requests "$rate"
	figure "$1" latency "$latency"
	figure "$1" latency_p99 "$tail"
	echo "round $round: $1: $rate requests/s"
}

connections() {
	netperf_of TCP_CRR "$CONNECTIONS" -o THROUGHPUT
	figure "$1" connections "$NETPERF"
	[[ $(nproc) != 1 ]] || figure "$1" connections_idle_ns "$IDLE_NS"
	echo "round $round: $1: $NETPERF connections/s, idle for $((IDLE_NS / 1000)) us"
}

# Octets of kernel memory for each idle connection, both ends together.
memory() {
	local said slab pages
	said=$(python3 tools/bench/idle.py measure "$2" "$IDLE") || failed "$1: idle connections: $said"
	read -r slab pages <<<"$said"
	figure "$1" slab "$slab"
	figure "$1" memory "$pages"
	echo "round $round: $1: $slab octets of slab"
}
