#!/bin/bash
# Path managers: what `ip mptcp` and its like say, and what comes back. Every answer is the one
# that in-tree MPTCP gives (pathman.c), in each namespace apart, while the module comes and goes,
# and connections follow.
# vm: own
. "$(dirname "$0")/lib.sh"
programs pathman

# Good input and bad, a command a line (pathman.c).
words() {
	cat <<-EOT
		limits
		dump
		add
		add { }
		add { fam 2 }
		add { fam 10 only4 10.0.0.1 }
		add { fam 2 only6 fd00::1 }
		add { fam 77 only4 10.0.0.1 }
		add { only4 10.0.0.1 }
		add { a4 10.0.0.1 cut 1 6 }
		add { a4 10.0.0.1 cut 1 5 }
		add { a4 10.0.0.1 cut 0 2 }
		add { fam 10 cut 4 4 }
		add { fam 10 cut 20 4 }
		add { fam 2 cut 2 3 }
		add { fam 2 cut 8 3 }
		add cut 3 1
		add { a4 10.0.0.1 flags 2 port 80 }
		add { a4 10.0.0.1 flags 3 port 80 }
		add { a4 10.0.0.1 port 80 }
		add { a4 10.0.0.1 flags 9 }
		add { a4 10.0.0.1 flags 16 }
		add { a4 10.0.0.1 flags 0xffffffc2 }
		get { id 1 }
		get { id 1 fam 2 }
		get { id 2 }
		get { }
		get
		add { a4 10.0.0.1 }
		add { a6 ::ffff:10.0.0.1 }
		add { a6 fd00::1 flags 1 dev 1 }
		add { a4 10.0.0.2 id 2 }
		add { a4 10.0.0.1 id 1 }
		add { a4 10.0.0.1 id 9 }
		add { a4 10.0.0.2 id 200 flags 0x26 }
		add { a4 10.0.0.3 }
		add { a4 10.0.0.4 dev 0xffffffff }
		add { a6 ::ffff:10.0.0.9 flags 10 id 100 }
		add { a4 10.0.0.5 cut 7 99 }
		dump
		dump { id 1 }
		add { a4 127.0.0.1 flags 1 port 4444 }
		add { a4 127.0.0.1 flags 1 port 4444 }
		add { a4 127.0.0.1 flags 1 port 4445 id 77 }
		add { a4 127.0.0.1 flags 1 port 4446 id 77 }
		add { a6 ::1 flags 5 port 4444 }
		add { a4 10.99.99.99 flags 1 port 4444 }
		flags { a4 127.0.0.1 flags 4 }
		flags { a4 127.0.0.1 flags 4 port 4445 }
		dump
		del { id 77 }
		add { a4 127.0.0.1 flags 1 port 4445 }
		del
		del { }
		del { id 77 }
		del { a4 1.2.3.4 }
		del { id 0 }
		del { id 201 }
		del { id 201 a4 10.0.0.1 }
		add { a4 10.0.0.3 }
		flags
		flags { }
		flags { flags 4 }
		flags { id 77 flags 4 }
		flags { a4 10.9.9.9 flags 4 }
		flags { id 1 flags 4 }
		get { id 1 }
		flags { a6 ::ffff:10.0.0.1 flags 12 }
		get { id 1 }
		flags { id 2 flags 8 }
		flags { id 2 flags 0x35 }
		get { id 2 }
		flags { a4 10.0.0.9 flags 0 }
		get { id 100 }
		flags { id 1 } token 5
		flags { id 1 } token 5 [ a4 10.0.0.1 ]
		set-limits
		set-limits accept 64 subflows 65
		set-limits accept 65
		set-limits subflows 0xffffffff
		limits
		set-limits accept 64
		limits
		set-limits subflows 0
		limits
		set-limits cut 2 2
		set-limits cut 8 2
		limits
		get { id 1 } token 5
		get { id 1 } cut 1 4
		dump token 5
		dump cut 1 4
		announce
		announce { a4 10.0.0.1 }
		announce token 7
		announce token 7 { a4 10.0.0.1 }
		remove
		remove loc 1
		remove token 7
		remove loc 1 token 7
		create
		create token 7 { a4 10.0.0.1 }
		create token 7 [ a4 10.0.0.1 ]
		create { a4 10.0.0.1 } [ a4 10.0.0.2 ]
		create token 7 { a4 10.0.0.1 } [ a4 10.0.0.2 ]
		destroy { a4 10.0.0.1 } [ a4 10.0.0.2 ]
		destroy token 7 { a4 10.0.0.1 }
		destroy token 7 { a4 10.0.0.1 } [ a4 10.0.0.2 ]
		flush { id 1 }
		dump
		add { a4 10.0.0.1 id 255 }
		add { a4 10.0.0.2 }
		add { a4 10.0.0.3 }
		del { id 1 }
		add { a4 10.0.0.4 }
		add { a4 10.0.0.5 id 254 }
		add { a4 10.0.0.6 }
		del { id 254 }
		add { a4 10.0.0.7 }
		dump
		flush
		limits
		unknown
	EOT
}

# in_namespace NAME COMMAND...: in a new namespace of that name, which goes again.
in_namespace() {
	local name=$1 status=0
	shift
	ip netns add "$name"
	ip -n "$name" link set lo up
	ip netns exec "$name" "$@" || status=$?
	ip netns del "$name"
	return "$status"
}

# --- the same answers ---

module_out
in_namespace paths pathman < <(words) >"$WORK/in-tree" 2>&1
result "in-tree answers all $(words | wc -l) lines" $?
module_in
in_namespace paths pathman < <(words) >"$WORK/module" 2>&1
result "so does the module" $?
differences=$(diff "$WORK/in-tree" "$WORK/module")
result "and its answers are the same" $? "$differences"

# --- ip mptcp, in two namespaces ---

ip netns add one
ip netns add other
ip -n one link set lo up
ip -n one mptcp endpoint add 10.0.0.1 dev lo subflow
ip -n one mptcp endpoint add 10.0.0.2 signal backup
ip -n other mptcp endpoint add fd00::9 id 9 subflow fullmesh
ip -n other mptcp limits set subflow 7 add_addr_accepted 3
is() {
	[[ $2 == "$3" ]]
	result "$1" $? "got '$2', not '$3'"
}
is "ip mptcp endpoint show" "$(ip -n one mptcp endpoint show | sed 's/ *$//')" \
	$'10.0.0.1 id 1 subflow dev lo\n10.0.0.2 id 2 signal backup'
is "another namespace has others" "$(ip -n other mptcp endpoint show | sed 's/ *$//')" \
	'fd00::9 id 9 subflow fullmesh'
is "and limits of its own" "$(ip -n other mptcp limits | sed 's/ *$//') $(ip -n one mptcp limits | sed 's/ *$//')" \
	'add_addr_accepted 3 subflows 7 add_addr_accepted 0 subflows 2'
ip -n one mptcp endpoint change id 1 backup
ip -n one mptcp endpoint delete id 2
is "ip mptcp endpoint change, delete" "$(ip -n one mptcp endpoint show | sed 's/ *$//')" \
	'10.0.0.1 id 1 subflow backup dev lo'
ip -n one mptcp endpoint flush
is "ip mptcp endpoint flush" "$(ip -n one mptcp endpoint show)" ''
! refused=$(ip -n one mptcp endpoint delete id 3 2>&1)
result "what is not there cannot be deleted: ${refused%%$'\n'*}" $?
ip netns del other

# --- coming and going ---

module_out
ip -n one mptcp endpoint add 10.9.9.9
module_in
is "the module does not take over in-tree's endpoints" "$(ip -n one mptcp endpoint show)" ''
ip -n one mptcp endpoint add 10.8.8.8
module_out
is "nor does in-tree those of the module" "$(ip -n one mptcp endpoint show | sed 's/ *$//')" '10.9.9.9 id 1'

# asks: all the time, until the stop file is there.
asks() {
	while [[ ! -f $WORK/stop ]]; do
		printf '%s\n' limits 'add { a4 10.7.7.7 id 7 }' dump 'del { id 7 }' 'get { id 9 }' flush |
			ip netns exec one pathman || break
	done >"$WORK/asked"
}
asks &
ASKER=$!
changes=0
for ((round = 0; round < 5; round++)); do
	module_in && sleep 0.2 && module_out && sleep 0.2 && changes=$((changes + 1))
done
: >"$WORK/stop"
wait "$ASKER"
result "$(wc -l <"$WORK/asked") answers" $?
is "while it came and went" "$changes" 5
# Only a change in between can have taken an endpoint away.
strange=$(grep -vE '^(limits|dump|flush|add).* (ok|done)$|^del.* (ok|EINVAL explained at=20)$|^get.* EINVAL' "$WORK/asked")
is "each as it should be" "$strange" ''
ip netns del one
module_in

# --- connections ---

# heard PATTERN NAMESPACE: an event of which the monitor there told; at most 10 s.
heard() {
	local tries
	for ((tries = 0; tries < 100 * SLOW; tries++)); do
		! grep -qE "$1" "$WORK/heard.$2" || return 0
		sleep 0.1
	done
	return 1
}

# tells NAME PATTERN NAMESPACE
tells() {
	heard "$2" "$3"
	result "$1" $? "$(cat "$WORK/heard.$3")"
}

monitors() {
	local name
	for name in client server; do
		monitor "$name"
	done
}

# A connection that stays, and the token of its client.
open_one() {
	new_port
	[[ -p $WORK/keep ]] || mkfifo "$WORK/keep"
	start_server server -t 600 -k "$WORK/keep" -- "$V4" drip
	peer -N client -t 600 -k "$WORK/keep" connect "$V4" "$PORT" drip >/dev/null 2>&1 &
	disown -a
	heard "CREATED.*dport=$PORT" client
	TOKEN=$(sed -nE "s/.*CREATED.*token=([0-9a-f]+).*dport=$PORT.*/0x\\1/p" "$WORK/heard.client" | head -n 1)
}

topology
ip -n client addr add 10.1.1.3/24 dev veth0
ip -n server addr add 10.1.1.4/24 dev veth0
ip -n client mptcp limits set subflow 8 add_addr_accepted 8
ip -n server mptcp limits set subflow 8 add_addr_accepted 8
monitors
open_one
tells "a listener is told of" "LISTENER_CREATED.*sport=$PORT" server
tells "a connection is told of" "ESTABLISHED.*token=${TOKEN#0x} .*daddr4=$V4" client
ip -n client mptcp endpoint add 10.1.1.3 id 3 subflow
tells "an endpoint that is added makes a subflow" 'SF_ESTABLISHED.*locid=3.*saddr4=10.1.1.3' client
tells "of which the other side hears" 'SF_ESTABLISHED.*remid=3.*daddr4=10.1.1.3' server
ip -n client mptcp endpoint change id 3 backup
tells "one that becomes a backup says so" 'SF_PRIO.*remid=3.*backup=1' server
ip -n server mptcp endpoint add 10.1.1.4 id 4 signal
tells "one to be announced is announced" 'ANNOUNCED.*remid=4.*daddr4=10.1.1.4' client
ip -n server mptcp endpoint add 10.1.1.4 id 7 signal port 7777
tells "one with a port serves joins there" 'SF_ESTABLISHED.*daddr4=10.1.1.4.*dport=7777' client
for protocol in "$MPTCP" "$TCP"; do
	! peer -N client -p "$protocol" -n 1 connect 10.1.1.4 7777 bulk >/dev/null 2>&1
	result "and nothing else, protocol $protocol" $?
done
is "each such attempt is counted" \
	"$(server nstat -asz MPTcpExtMPCapableEndpAttempt | awk '/EndpAttempt/ { print ($2 >= 2) }')" 1
ip -n server mptcp endpoint delete id 7
is "without the endpoint nobody listens" "$(server ss -Htln 'sport = 7777')" ''
ip -n client mptcp endpoint delete id 3
tells "one that is deleted is withdrawn" 'REMOVED.*remid=3' server
tells "with its subflow" 'SF_CLOSED.*locid=3' client
kill_in client
tells "the end is told" "CLOSED.*token=${TOKEN#0x}" client
kill_in server

# --- connections whose paths a program manages ---

# says WORDS ANSWER: what `pathman` hears on the client; T stands for the token.
says() {
	local answer
	answer=$(client pathman <<<"${1//T/token $TOKEN}")
	is "$1" "${answer#*: }" "$2"
}

client sysctl -qw net.mptcp.path_manager=userspace
is "path_manager sets pm_type" "$(client sysctl -n net.mptcp.pm_type)" 1
monitors
open_one
says 'dump T' 'done'
says "create T { a4 10.1.1.3 id 5 } [ a4 $V4 port $PORT ]" 'ok'
tells "a subflow is opened" 'SF_ESTABLISHED.*locid=5.*saddr4=10.1.1.3' client
says 'dump T' 'cmd=3 version=1 multi=1 (1(1:0200)(5:0000)(2:05)(6:02000000)(3:0a010103)) done'
says 'get T { id 5 }' 'cmd=3 version=1 multi=0 (1(1:0200)(5:0000)(2:05)(6:02000000)(3:0a010103)) ok'
says "create T { a4 10.1.1.3 id 6 } [ a4 $V4 port $PORT ]" 'EINVAL explained at=28'
says "create T { a4 10.1.1.1 id 5 } [ a4 $V4 port $PORT ]" 'EINVAL explained at=28'
says "create T { a4 10.1.1.3 id 5 flags 1 } [ a4 $V4 port $PORT ]" 'EINVAL explained at=28'
says "create T { a4 10.1.1.3 id 5 } [ a6 $V6 port $PORT ]" 'EINVAL explained'
says "create T { a4 10.1.1.99 id 7 } [ a4 $V4 port $PORT ]" 'EADDRNOTAVAIL explained'
says 'get T { id 7 }' 'EINVAL explained at=28'
says "flags T { a4 10.1.1.3 flags 4 } [ a4 $V4 ]" 'ok'
tells "which becomes a backup" 'SF_PRIO.*remid=5.*backup=1' server
says "flags T { a4 10.1.1.98 flags 4 } [ a4 $V4 ]" 'EINVAL explained'
says "flags T { id 5 flags 4 } [ a4 $V4 ]" 'EINVAL explained at=28'
says "destroy T { a4 10.1.1.3 } [ a4 $V4 port $PORT ]" 'EINVAL explained at=28'
says "destroy T { a4 10.1.1.3 port 9 } [ a4 $V4 port $PORT ]" 'ESRCH explained'
sport=$(sed -nE 's/.*SF_ESTABLISHED.*locid=5.*sport=([0-9]+).*/\1/p' "$WORK/heard.client")
says "destroy T { a4 10.1.1.3 port $sport } [ a4 $V4 port $PORT ]" 'ok'
tells "it is closed" "SF_CLOSED.*locid=5.*sport=$sport" client
says 'announce T { a4 10.1.1.3 id 0 flags 1 }' 'EINVAL explained at=28'
says 'announce T { a4 10.1.1.3 id 6 }' 'EINVAL explained at=28'
says 'announce T { a4 10.1.1.3 id 6 flags 1 }' 'ok'
tells "an address is announced" 'ANNOUNCED.*remid=6.*daddr4=10.1.1.3' server
says 'remove T loc 9' 'EINVAL explained at=28'
says 'remove T loc 6' 'ok'
tells "and withdrawn" 'REMOVED.*remid=6' server
ip -n client mptcp endpoint add 10.1.1.3 id 8 subflow
sleep 1
! grep -q "SF_ESTABLISHED.*locid=8" "$WORK/heard.client"
result "endpoints are not for such a connection" $?
kill_in client
kill_in server
ip -n server mptcp endpoint add 10.1.1.4 signal port 7777
ip -n server mptcp endpoint add fd01::2 signal port 7777
ip netns del server
idle
result "listeners go with their namespace" $? "$LEFT"
finish
