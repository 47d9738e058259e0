#!/bin/bash
# Programs that know nothing of MPTCP, under mptcpize, over two paths, of which the first dies in the
# middle of what they do: nginx and curl, rsync, iperf3. All ends well, and every file is the same.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/paths.sh"

# A slow machine takes its time to notice that both paths carry something.
OCTETS=$((SLOW > 1 ? 8000000 : 4000000))

# Queues of 60 ms, so that a path does not die with seconds of data in it.
both_paths() {
	local device
	healthy
	for device in veth0 veth1; do
		shape "$device" rate 10mbit delay 5ms limit 50
	done
}

# served PORT COMMAND...: under mptcpize, in the server's namespace; DAEMON is its process.
served() {
	local port=$1 tries
	shift
	server mptcpize run "$@" >"$WORK/daemon" 2>&1 &
	DAEMON=$!
	for ((tries = 0; tries < 50 * SLOW; tries++)); do
		[[ -z $(server ss -Htln "sport = :$port") ]] || return 0
		sleep 0.2
	done
	result "$1 listens" 1 "$(cat "$WORK/daemon")"
	finish
}

# cut_path SENDER COMMAND: as soon as both paths have carried enough from there, the first one dies.
cut_path() {
	until_carried "$1" $((30 * SLOW)) $((OCTETS / 16)) veth0 veth1 && "$2" "$1"
}

down() { ip -n client link set veth0 down && echo cut; }

# For the sender at once, as the transfer goes on meanwhile.
silent() {
	tc -n "$1" qdisc replace dev veth0 root netem loss 100% && echo cut
	shape veth0 loss 100%
}

# survives NAME HOW SENDER CONNECTIONS COMMAND...: what the client runs, with so many connections, is
# done well although the first path dies.
survives() {
	local name=$1 how=$2 sender=$3 connections=$4 status=0 cutter
	shift 4
	both_paths
	weigh
	expect client MPCapableSYNACKRX="$connections" MPJoinSynAckRx="$connections" MPCapableFallbackSYNACK=0
	cut_path "$sender" "$how" >"$WORK/cut" 2>&1 &
	cutter=$!
	timeout $((30 * SLOW)) ip netns exec client mptcpize run "$@" >"$WORK/said" 2>&1 || status=$?
	REPORT="$1 ended with $status: $(tail -n 5 "$WORK/said")"$'\n'
	kill "$cutter" 2>/dev/null
	wait "$cutter" 2>/dev/null
	mostly_second "$sender" || status=1
	kept || status=1
	"${PROOF[@]}" || status=1
	result "$name, the first path $how" "$status" "$REPORT"
}

# mostly_second SENDER: what is to be seen on the wire if the first path has died in the middle.
mostly_second() {
	local octets
	traffic "$1"
	octets=$((TRAFFIC[$1 veth1] - WEIGHED[$1 veth1]))
	grep -q '^cut' "$WORK/cut" && ((octets > OCTETS * 5 / 8)) && return
	REPORT+="the first path did not die in the middle; $octets on the second: $(cat "$WORK/cut")"$'\n'
	return 1
}

same_files() {
	(cd "$WORK/copy" && sha256sum -c --quiet "$WORK/sums") >"$WORK/differences" 2>&1 && return
	REPORT+=$(head -n 3 "$WORK/differences")$'\n'
	return 1
}

fresh_copy() {
	rm -rf "$WORK/copy"
	mkdir "$WORK/copy"
}

# --- what is done ---

files() {
	mkdir "$WORK/files"
	head -c $((OCTETS / 3)) /dev/urandom >"$WORK/files/one"
	head -c $((OCTETS * 2 / 3)) /dev/urandom >"$WORK/files/two"
	(cd "$WORK/files" && sha256sum -- *) >"$WORK/sums"
}

web() {
	local how
	new_port
	cat >"$WORK/nginx" <<-END
		daemon off; master_process off; user root; pid $WORK/nginx.pid; error_log $WORK/nginx.log;
		events { }
		http { access_log off; sendfile on; client_body_temp_path $WORK/body;
			server { listen $PORT; root $WORK/files; } }
	END
	served "$PORT" nginx -c "$WORK/nginx"
	PROOF=(same_files)
	for how in down silent; do
		fresh_copy
		survives "nginx to curl" "$how" server 1 \
			curl -sS --fail -o "$WORK/copy/#1" "http://$V4:$PORT/{one,two}"
	done
	kill -QUIT "$(cat "$WORK/nginx.pid")"
	wait "$DAEMON"
	result "nginx ends well" $? "$(cat "$WORK/daemon")"
}

copies() {
	local how
	new_port
	printf '%s\n' 'use chroot = no' 'uid = root' 'gid = root' "pid file = $WORK/rsync.pid" '[files]' "path = $WORK/files" >"$WORK/rsync"
	served "$PORT" rsync --daemon --no-detach --port="$PORT" --config="$WORK/rsync"
	PROOF=(same_files)
	for how in down silent; do
		fresh_copy
		survives "rsync" "$how" server 1 rsync -a "rsync://$V4:$PORT/files/" "$WORK/copy/"
	done
	kill "$(cat "$WORK/rsync.pid")"
	wait "$DAEMON" 2>/dev/null
}

# Two connections: one is silent while the other one carries, and both must be there at the end.
uploads() {
	local how
	PROOF=(all_sent)
	for how in down silent; do
		new_port
		served "$PORT" iperf3 -s -1 -p "$PORT"
		survives "iperf3" "$how" client 2 iperf3 -c "$V6" -p "$PORT" -n "$OCTETS" -J
		wait "$DAEMON"
		result "its server ends well" $? "$(cat "$WORK/daemon")"
	done
}

# Its server counts what has come when the other connection says that all was sent.
all_sent() {
	local sent received
	read -r sent received < <(jq -r '"\(.end.sum_sent.bytes) \(.end.sum_received.bytes)"' "$WORK/said" 2>&1)
	REPORT+="iperf3 sent $sent, its server received $received"$'\n'
	[[ $sent$received =~ ^[0-9]+$ ]] && ((sent >= OCTETS && received >= OCTETS / 2))
}

topology
second_path
# As long as a program has something left to write when the path dies.
for name in client server; do
	ip netns exec "$name" sysctl -qw net.ipv4.tcp_wmem='4096 16384 400000'
done
client ip mptcp endpoint add 10.1.2.1 dev veth1 subflow
client ip mptcp endpoint add fd02::1 dev veth1 subflow
client ip mptcp limits set subflows 2 add_addr_accepted 0
server ip mptcp limits set subflows 2 add_addr_accepted 0
files
web
copies
uploads
both_paths
idle
result "no socket is left" $? "$LEFT"
finish
