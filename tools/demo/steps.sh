# shellcheck shell=bash
# The steps of the demo, in order; sourced by guest.sh. Each says what it does, shows the
# evidence indented, and ends the demo with the reason if it is not as it should be.

HTTP=18080 PLAIN_HTTP=18081 SAMPLE=15000
STEP=0
SUMMARY=()

step() {
	STEP=$((STEP + 1))
	printf '\n%d. %s\n' "$STEP" "$*"
}
show() { sed 's/^/     | /' | cut -c1-150; }
note() { SUMMARY+=("$(printf '%-34s %s' "$1" "$2")"); }
failed() {
	printf '%s\n' "$*" >/src/build/demo/reason
	printf '\ndemo: failed: %s\n' "$*"
	exit 1
}

web_server() {
	local port=$1
	shift
	cat >"$WORK/nginx.$port" <<-END
		daemon off; master_process off; user root; pid $WORK/nginx.$port.pid; error_log $WORK/nginx.$port.log;
		events { }
		http { access_log off; sendfile on; client_body_temp_path $WORK/body;
			server { listen $port; listen [::]:$port; root $WORK/files; } }
	END
	server "$@" nginx -c "$WORK/nginx.$port" >"$WORK/nginx.$port.out" 2>&1 &
}

until_listening() {
	local tries
	for ((tries = 0; tries < 100 * SLOW; tries++)); do
		[[ -z $(server ss -Htln "sport = :$1") ]] || return 0
		sleep 0.1
	done
	failed "nothing listens on port $1: $(cat "$WORK"/nginx."$1"*)"
}

prepare() {
	step "Two network namespaces with a cable between them, and real files"
	topology
	cp -r build/demo/files build/demo/sums build/demo/sample-* "$WORK"
	FILES=$(wc -l <"$WORK/sums")
	OCTETS=$(cat "$WORK"/files/* | wc -c)
	echo "   $FILES programs of this system, $((OCTETS >> 20)) MiB, SHA-256 of each noted;"
	echo "   they will be carried over IPv4 and again over IPv6"
}

# Made now, used later: these belong to the kernel's own implementation in C.
in_tree_sockets() {
	step "Sockets of the kernel's own MPTCP, made while the module is not there"
	local address role
	for address in "$V4" "$V6"; do
		for role in server client; do
			new_port
			IN_TREE+=("$PORT $role $address")
			mkfifo "$WORK/go.$PORT"
			: >"$WORK/$role.$PORT"
			verb=listen && [[ $role == server ]] || verb=connect
			ip netns exec "$role" peer -w "$WORK/go.$PORT" "$verb" "$address" "$PORT" bulk \
				>"$WORK/$role.$PORT" 2>&1 &
			wait_for_line "$WORK/$role.$PORT" 'peer: waiting' ||
				failed "no in-tree $role: $(cat "$WORK/$role.$PORT")"
		done
	done
	echo "   4 of them wait: a server and a client, over IPv4 and IPv6"
}

insert() {
	step "insmod rust_mptcp"
	module_in || failed "insmod: $(dmesg | tail -n 1)"
	dmesg | grep rust_mptcp: | tail -n 1 | show
}

samples() {
	step "Our samples: two small programs that only pass IPPROTO_MPTCP to socket()"
	server "$WORK/sample-server" $SAMPLE >"$WORK/sample.out" 2>&1 &
	until_listening $SAMPLE
	echo "hello, many paths" | client "$WORK/sample-client" "$V6" $SAMPLE >"$WORK/sample.echo" 2>"$WORK/sample.err"
	cat "$WORK/sample.err" "$WORK/sample.out" "$WORK/sample.echo" | show
	[[ $(cat "$WORK/sample.echo") == "hello, many paths" ]] || failed "the sample server's echo is not what was sent"
	spoke_mptcp $SAMPLE || failed "the samples did not speak MPTCP: $COUNTED"
	note "samples" "MPTCP"
}

# files ADDRESS FAMILY: all of them, with a look at the connection while it runs.
files() {
	local address=$1 family=$2 host=$1 began ended speed name list=()
	step "nginx and curl, unmodified, under mptcpize: $((OCTETS >> 20)) MiB over $family"
	[[ $address != *:* ]] || host="[$address]"
	if [[ -z ${WEB-} ]]; then
		WEB=1
		web_server $HTTP mptcpize run
		until_listening $HTTP
		client tcpdump -q -i veth0 -s 128 -w "$WORK/capture" "port $HTTP or port $SAMPLE" >"$WORK/tcpdump" 2>&1 &
		TCPDUMP=$!
		wait_for_line "$WORK/tcpdump" 'tcpdump: listening'
	fi
	rm -rf "$WORK/copy"
	mkdir "$WORK/copy"
	for name in "$WORK"/files/*; do
		list+=(-o "$WORK/copy/${name##*/}" "http://$host:$HTTP/${name##*/}")
	done
	began=$(date +%s%N)
	client mptcpize run curl -sS --fail "${list[@]}" >"$WORK/curl" 2>&1 &
	name=$!
	: >"$WORK/ss"
	while kill -0 "$name" 2>/dev/null && [[ ! -s $WORK/ss ]]; do
		sleep 0.3
		client ss -HMin state established >"$WORK/ss" 2>/dev/null
	done
	wait "$name" || failed "curl over $family: $(cat "$WORK/curl")"
	ended=$(date +%s%N)
	(cd "$WORK/copy" && sha256sum --quiet -c "$WORK/sums") >"$WORK/check" 2>&1 ||
		failed "a file came over $family with another SHA-256: $(head -n 1 "$WORK/check")"
	speed=$((OCTETS * 1000 / ((ended - began) / 1000000) >> 20))
	echo "   while it ran, ss -Mi in the client's namespace:"
	if [[ -s $WORK/ss ]]; then show <"$WORK/ss"; else echo "     | (nothing)"; fi
	echo "   all $FILES files arrived, every SHA-256 is right, $speed MiB/s on this machine"
	spoke_mptcp $HTTP || failed "the transfer over $family was not all MPTCP: $COUNTED"
	note "nginx to curl, $family" "$((OCTETS >> 20)) MiB MPTCP, SHA-256 right, $speed MiB/s"
}

segments() {
	step "What Wireshark's tshark makes of our segments"
	stop_in client tcpdump
	wait "$TCPDUMP"
	# No control of terminal width: the fields that matter.
	tshark -n -r "$WORK/capture" -c 60 -Y 'tcp.option_kind == 30' -T fields -e frame.number -e tcp.srcport \
		-e tcp.dstport -e tcp.flags.str -e tcp.len -e tcp.options.mptcp.subtype -e tcp.options.mptcp.sendkey \
		-e tcp.options.mptcp.rawdataseqno -e tcp.options.mptcp.rawdataack -E separator=' ' 2>/dev/null |
		head -n 10 | show
	tshark -n -r "$WORK/capture" -c 2000 -Y "$MALFORMED" 2>/dev/null | head -n 5 >"$WORK/malformed"
	[[ ! -s $WORK/malformed ]] || failed "tshark finds fault with a segment: $(head -n 1 "$WORK/malformed")"
	counted $HTTP
	echo "   no malformed option; $((c_dss + s_dss)) data segments of port $HTTP, each with its mapping"
	note "tshark, on our segments" "no malformed option"
}
MALFORMED='_ws.malformed || tcp.option.len.invalid || tcp.options.mptcp.unexpected || _ws.expert.severity == 8388608'

counters() {
	step "The kernel's MPTCP counters in the server's namespace"
	server nstat -az 'MPTcpExt*' 2>/dev/null | awk 'NR > 1 && $2 > 0 { print $1, $2 }' >"$WORK/counters"
	if [[ -s $WORK/counters ]]; then show <"$WORK/counters"; else echo "     | (none counted yet)"; fi
}

plain_peers() {
	local name=${CHECK_FILE:-$(ls -S "$WORK/files" | tail -n 1)} address
	step "Peers that only speak TCP"
	web_server $PLAIN_HTTP env
	until_listening $PLAIN_HTTP
	for address in "$V4" "[$V6]"; do
		client curl -sS --fail -o "$WORK/one" "http://$address:$HTTP/$name" &&
			cmp "$WORK/one" "$WORK/files/$name" || failed "plain curl from nginx with MPTCP, $address"
		client mptcpize run curl -sS --fail -o "$WORK/one" "http://$address:$PLAIN_HTTP/$name" &&
			cmp "$WORK/one" "$WORK/files/$name" || failed "curl with MPTCP from plain nginx, $address"
	done
	spoke_tcp $PLAIN_HTTP || failed "with a plain server there should be no mapping: $COUNTED"
	echo "   plain curl from our nginx, and our curl from a plain nginx: TCP, and nobody noticed"
	note "plain TCP on either side" "falls back, files right"
}

in_tree_peers() {
	local entry role address
	step "The kernel's own sockets, made before insertion, with ours"
	for entry in "${IN_TREE[@]}"; do
		read -r PORT role address <<<"$entry"
		if [[ $role == server ]]; then
			: >"$WORK/go.$PORT"
			wait_for_line "$WORK/server.$PORT" 'peer: listening'
			client peer connect "$address" "$PORT" bulk >"$WORK/client.$PORT" 2>&1
		else
			start_server server -- "$address" bulk
			: >"$WORK/go.$PORT"
			wait "$SERVER"
			wait_for_line "$WORK/client.$PORT" 'peer: ok'
		fi
		for ((tries = 0; tries < 50; tries++)); do
			! agreed "$PORT" || break
			sleep 0.1
		done
		agreed "$PORT" || failed "in-tree $role, $address: $REPORT"
		spoke_mptcp "$PORT" || failed "in-tree $role, $address: not MPTCP: $COUNTED"
		echo "   in-tree $role, $address: 1 MiB each way, every octet right, MPTCP"
	done
	note "the kernel's own MPTCP" "1 MiB each way as client and as server, IPv4 and IPv6"
}

remove() {
	local tries
	step "rmmod rust_mptcp"
	kill_in client
	server killall -q nginx sample-server
	for ((tries = 0; tries < 100 * SLOW; tries++)); do
		refused=$(module_out 2>&1) && break
		sleep 0.2
	done
	! grep -q '^rust_mptcp ' /proc/modules || failed "the module cannot be removed: $refused"
	dmesg | grep -E "$COMPLAINTS" | head -n 1 >"$WORK/complaint"
	[[ ! -s $WORK/complaint ]] || failed "the kernel complained: $(cat "$WORK/complaint")"
	echo "   gone, and nothing of it is left"
	note "removal" "clean"
}
# shellcheck disable=SC1091
. tools/vm/complaints.sh

summary() {
	local what="MPTCP in Rust"
	[[ ${STACK-} != in-tree ]] || what="The kernel's own MPTCP"
	printf '\n   %s on %s\n   %s\n' "$what" "$(uname -sr)" "$(printf '%.0s-' {1..86})"
	printf '   %s\n' "${SUMMARY[@]}"
	echo
}
