#!/bin/bash
# What an operator sees: counters, `ss -M` and `ss -ti`, tracepoints, and a path that drops the option. Each is held
# against another one, so that none is believed about itself.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/paths.sh"

TRACING=/sys/kernel/tracing
EVENTS=$TRACING/events/rust_mptcp
NAMES='rmptcp_data rmptcp_data_ack rmptcp_fallback rmptcp_mapping rmptcp_rcvbuf_grow rmptcp_sched rmptcp_send
	rmptcp_subflow_close rmptcp_subflow_open'

trace() { echo "$1" >"$EVENTS/enable"; }
forget() { : >"$TRACING/trace"; }
# traced EVENT FIELDS: the lines of that event that have them.
traced() { grep " $1: .*$2" "$TRACING/trace"; }
# field NAME: of each line.
field() { grep -o "\b$1[:=][^ ]*" | sed 's/^[^:=]*[:=]//'; }
sum() { field "$1" | awk '{ all += $1 } END { print all + 0 }'; }

# same WHAT A B
same() {
	[[ -n $2 && $2 == "$3" ]] || {
		WHY+="$1: $2 and $3"$'\n'
		STATUS=1
	}
}

# is WHAT COMMAND...
is() {
	local what=$1
	shift
	"$@" || {
		WHY+="not so: $what"$'\n'
		STATUS=1
	}
}

begin() { STATUS=0 WHY='' REPORT=''; }

# What `talk` says replaces what was said before: the reasons are kept.
well() { "$@" || {
	WHY+="$*"$'\n'"$REPORT"
	STATUS=1
}; }

endpoints() {
	local name
	for name in client server; do
		ip netns exec "$name" ip mptcp endpoint flush
		ip netns exec "$name" ip mptcp limits set subflows 2 add_addr_accepted 0
	done
}

# until_true COMMAND...: at most 10 s.
until_true() {
	local tries
	for ((tries = 0; tries < 200 * SLOW; tries++)); do
		! "$@" || return 0
		sleep 0.05
	done
	return 1
}

joined() {
	snapshot server
	[[ ${COUNTERS[server MPJoinAckRx]} != "$1" ]]
}

# --- one connection with two subflows, seen from all sides ---

open_two() {
	local before
	endpoints
	client ip mptcp endpoint add 10.1.2.1 dev veth1 id 7 subflow backup
	mkfifo "$WORK/keep"
	expect client MPCapableSYNTX=1 MPCapableSYNACKRX=1 MPJoinSynTx=1 MPJoinSynAckRx=1 MPJoinSynTxConnectErr=0
	expect server MPCapableSYNRX=1 MPCapableACKRX=1 MPJoinSynRx=1 MPJoinSynBackupRx=1 MPJoinAckRx=1
	expect client MPCurrEstab=1
	expect server MPCurrEstab=1
	before=${COUNTERS[server MPJoinAckRx]}
	new_port
	start_server server -k "$WORK/keep" -- "$V4" drip
	peer -N client -k "$WORK/keep" connect "$V4" "$PORT" drip >"$WORK/client.$PORT" 2>&1 &
	CLIENT=$!
	until_true joined "$before"
	# Every message has come.
	until_true drip_is_over
}

mptcp_of() { ip netns exec "$1" ss -HMniO "sport = $PORT or dport = $PORT" | grep -v LISTEN; }
# tcp_of NAMESPACE ADDRESS: the subflow that has it.
tcp_of() { ip netns exec "$1" ss -HtniO state established | grep ":$PORT" | grep "\b$2[%:]"; }

drip_is_over() {
	local sent
	sent=$(mptcp_of client | field bytes_acked)
	[[ -n $sent && $sent == "${LAST-}" ]] && return 0
	LAST=$sent
	sleep 0.3
	return 1
}

counters_say() {
	begin
	well kept
	result "counters of a connection with two subflows" "$STATUS" "$WHY$REPORT"
}

info_says() {
	begin
	OURS=$(mptcp_of client) THEIRS=$(mptcp_of server)
	TOKEN=$(field token <<<"$OURS") PEER=$(field token <<<"$THEIRS")
	# ss leaves out leading zeros.
	TRACED=$(printf %08x "0x$TOKEN") TRACED_PEER=$(printf %08x "0x$PEER")
	is "two tokens" [ "$TOKEN" != "$PEER" ]
	same "further subflows, client" "$(field subflows <<<"$OURS")" 1
	same "further subflows, server" "$(field subflows <<<"$THEIRS")" 1
	is "keys are known" grep -q 'remote_key.*' <<<"$OURS"
	is "no fallback" eval '! grep -q fallback <<<"$OURS$THEIRS"'
	same "octets written and received" "$(field bytes_sent <<<"$OURS")" "$(field bytes_received <<<"$THEIRS")"
	same "octets acknowledged" "$(field bytes_sent <<<"$OURS")" "$(field bytes_acked <<<"$OURS")"
	same "the next number" "$(field write_seq <<<"$OURS")" "$(field rcv_nxt <<<"$THEIRS")"
	same "the first unacknowledged" "$(field snd_una <<<"$OURS")" "$(field rcv_nxt <<<"$THEIRS")"
	REPORT+="$OURS"$'\n'"$THEIRS"
	result "ss -Mi: both ends tell the same" "$STATUS" "$WHY$REPORT"
}

# low NUMBER MORE: the last nine digits of the sum, since the shell's numbers have a sign.
low() {
	local number=000000000$1
	[[ -z $1 ]] || echo $(((10#${number: -9} + ${2:-0}) % 1000000000))
}

# ulp_of NAMESPACE ADDRESS
ulp_of() { tcp_of "$1" "$2" | grep -o 'tcp-ulp-mptcp.*'; }

subflows_say() {
	local first second carried
	begin
	first=$(ulp_of client 10.1.1.1) second=$(ulp_of client 10.1.2.1)
	REPORT="$first"$'\n'"$second"$'\n'
	same "flags, opened" "$(field flags <<<"$first")" Mmec
	same "tokens, opened" "$(field token <<<"$first")" "0000(id:0)/$TOKEN(id:0)"
	same "flags, joining" "$(field flags <<<"$second")" Jjbec
	same "tokens, joining" "$(field token <<<"$second")" "$PEER(id:0)/$TOKEN(id:7)"
	first=$(ulp_of server 10.1.1.1) second=$(ulp_of server 10.1.2.1)
	REPORT+="$first"$'\n'"$second"$'\n'
	same "flags, accepted" "$(field flags <<<"$first" | tr -d v)" Mec
	same "tokens, accepted" "$(field token <<<"$first")" "0000(id:0)/$PEER(id:0)"
	same "flags, joined" "$(field flags <<<"$second")" JBec
	same "tokens, joined" "$(field token <<<"$second")" "0000(id:7)/$PEER(id:0)"
	# The last mapping ends where the stream is.
	carried=$(field rcv_nxt <<<"$THEIRS")
	same "the last mapping" "$(low "$(field seq <<<"$first")" "$(field maplen <<<"$first")")" "$(low "$carried" 0)"
	result "ss -ti: tokens, flags, numbers" "$STATUS" "$WHY$REPORT"
}

traces_say() {
	begin
	is "the client opened the first" eval "traced rmptcp_subflow_open 'token=$TRACED subflow=1 active local_id=0' >/dev/null"
	is "and the second" eval \
		"traced rmptcp_subflow_open 'token=$TRACED subflow=2 active local_id=7 .*backup=1 src=10.1.2.1:' >/dev/null"
	is "the server took both" eval "traced rmptcp_subflow_open 'token=$TRACED_PEER subflow=[12] passive' | grep -c . | grep -qx 2"
	same "octets handed to TCP" "$(traced rmptcp_send "token=$TRACED" | sum sent)" "$(field bytes_sent <<<"$OURS")"
	same "octets chosen" "$(traced rmptcp_sched "token=$TRACED" | sum len)" "$(field bytes_sent <<<"$OURS")"
	same "octets delivered" "$(traced rmptcp_data "token=$TRACED_PEER" | sum len)" "$(field bytes_received <<<"$THEIRS")"
	same "the last DATA_ACK" "$(traced rmptcp_data_ack "token=$TRACED" | tail -1 | field new_snd_una)" \
		"$(field snd_una <<<"$OURS")"
	# What TCP sends again comes with the mapping that it had.
	same "octets mapped" "$(traced rmptcp_mapping "token=$TRACED_PEER" | grep -o 'dsn=.*' | sort -u | sum len)" \
		"$(field bytes_received <<<"$THEIRS")"
	is "a choice among two" eval "traced rmptcp_sched 'token=$TRACED .*of=2' >/dev/null"
	((STATUS == 0)) || REPORT+=$(grep rmptcp_ "$TRACING/trace" | grep -e "$TRACED" -e "$TRACED_PEER" | tail -40)
	result "tracepoints tell what ss tells" "$STATUS" "$WHY$REPORT"
}

close_two() {
	begin
	: >"$WORK/keep" &
	: >"$WORK/keep" &
	wait "$CLIENT" || STATUS=1
	reap_server 0 || STATUS=1
	is "their ends are told" until_true eval "(($(traced rmptcp_subflow_close "token=$TRACED" | wc -l) == 2))"
	idle || STATUS=1
	snapshot client
	snapshot server
	same "connections left" "${COUNTERS[client MPCurrEstab]} ${COUNTERS[server MPCurrEstab]}" "0 0"
	result "the end of both" "$STATUS" "$WHY$REPORT"
}

# --- tracing on and off ---

switches() {
	local events
	begin
	events=$(cd "$EVENTS" && echo rmptcp_*)
	same "the events" "$events" "$(xargs <<<"$NAMES")"
	echo 'reason == 0' >"$EVENTS/rmptcp_fallback/filter"
	forget
	trace 1
	expect client MPCapableFallbackSYNACK=1
	well talk half-client "$V4" -p 0 -n 1000 -- -n 1000
	trace 0
	well kept
	is "a fallback, and why" eval "traced rmptcp_fallback 'reason=syn_ack' >/dev/null"
	echo 'reason != 0' >"$EVENTS/rmptcp_fallback/filter"
	forget
	trace 1
	well talk half-client "$V4" -p 0 -n 1000 -- -n 1000
	trace 0
	echo 0 >"$EVENTS/rmptcp_fallback/filter"
	is "what a filter lets pass" eval "! traced rmptcp_fallback token >/dev/null"
	forget
	well talk half-client "$V4" -n 1000 -- -n 1000
	is "silence when off" eval "! grep -q rmptcp_ $TRACING/trace"
	result "tracepoints: filters, on and off" "$STATUS" "$WHY$REPORT"
}

# --- counters of what goes wrong ---

failures() {
	begin
	endpoints
	client ip mptcp endpoint add 10.99.99.99 subflow
	expect client MPJoinSynTxBindErr=1 MPJoinSynTx=0 MPJoinSynTxConnectErr=0
	well talk bulk "$V4" -n 100000 -- -n 100000
	well kept
	endpoints
	client ip mptcp endpoint add 10.1.2.1 subflow
	client ip rule add from 10.1.2.1 prohibit
	expect client MPJoinSynTxConnectErr=1 MPJoinSynTx=0 MPJoinSynTxBindErr=0
	well talk bulk "$V4" -n 100000 -- -n 100000
	well kept
	client ip rule del from 10.1.2.1 prohibit
	endpoints
	expect client MPFastcloseTx=1 MPRstTx=1 MPFastcloseRx=0
	expect server MPFastcloseRx=1 MPRstRx=1 MPFastcloseTx=0
	well talk abort-client "$V4" -n 100000 -- -n 100000
	well kept
	result "counters of subflows that cannot be opened, and of an abort" "$STATUS" "$WHY$REPORT"
}

# --- a path that drops SYNs with the option ---

knobs() { client sysctl -qw "${@/#/net.mptcp.}"; }
drops_option() { server iptables "$1" INPUT -p tcp --syn --tcp-option 30 -j DROP; }

# connects WHAT COUNTER=N...: plain TCP in the end, and what the client counts.
connects() {
	local what=$1
	shift
	expect client "$@"
	well talk half-client "$V4" -n 1000 -- -n 1000
	REPORT="$what: "
	well kept
}

blackhole() {
	begin
	local pause
	drops_option -A
	knobs blackhole_timeout=0 syn_retrans_before_tcp_fallback=0
	SECONDS=0
	connects "a knob of 0" Blackhole=0 MPCapableSYNTXDrop=1 MPCapableSYNTX=1 MPCapableSYNTXDisabled=0
	# Longer than such a conversation takes here.
	pause=$((SECONDS + 2))
	knobs blackhole_timeout=$pause
	connects "found" Blackhole=1 MPCapableSYNTXDrop=1 MPCapableSYNTX=1 MPCapableSYNTXDisabled=0
	is "one SYN with the option, then TCP" spoke_tcp "$PORT"
	is "a second of waiting" eval '((syn >= 1))'
	connects "pause" Blackhole=0 MPCapableSYNTXDrop=0 MPCapableSYNTX=0 MPCapableSYNTXDisabled=1
	sleep "$pause.1"
	connects "found again" Blackhole=1 MPCapableSYNTXDrop=1 MPCapableSYNTXDisabled=0
	sleep "$pause.1"
	connects "twice as long" MPCapableSYNTX=0 MPCapableSYNTXDisabled=1
	knobs blackhole_timeout=$((pause + 1))
	connects "the knob was written to" Blackhole=1 MPCapableSYNTXDrop=1 MPCapableSYNTXDisabled=0
	drops_option -D
	knobs blackhole_timeout=0
	connects "never" MPCapableSYNTX=1 MPCapableSYNACKRX=1 Blackhole=0 MPCapableSYNTXDisabled=0
	is "the way is free" spoke_mptcp "$PORT"
	result "a path that drops the option: found, waited for, forgotten" "$STATUS" "$WHY$REPORT"
}

retries() {
	begin
	knobs blackhole_timeout=0 syn_retrans_before_tcp_fallback=1
	drops_option -A
	forget
	trace 1
	SECONDS=0
	connects "no pause" Blackhole=0 MPCapableSYNTXDrop=1 MPCapableSYNTX=1
	trace 0
	# After one second, and after two more.
	is "a second SYN with the option" eval '((SECONDS >= 2))'
	is "why" eval "traced rmptcp_fallback 'reason=syn_dropped' >/dev/null"
	drops_option -D
	knobs blackhole_timeout=3600 syn_retrans_before_tcp_fallback=2
	result "how many SYNs carry the option" "$STATUS" "$WHY$REPORT"
}

topology
second_path
mountpoint -q "$TRACING" || mount -t tracefs none "$TRACING"
forget
trace 1
open_two
counters_say
info_says
subflows_say
traces_say
close_two
trace 0
switches
failures
blackhole
retries
finish
