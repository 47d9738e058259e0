#!/bin/bash
# Several subflows between the module and the kernel's own MPTCP, in both roles, joined from either
# side: after endpoints of either, after announcements with and without port, as backups, fullmesh,
# between the families; subflows that are taken away again, and paths that die. The kernel's own
# sockets are made before the module is inserted: they wait (peer -w) until it is their turn. Its
# endpoints too are made then, and stay; therefore the pairs of namespaces. What ours has, each
# conversation says.
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/paths.sh"

CONVERSATIONS=(bulk half-client half-server together abort-client abort-server)
PAIRS=3
PID_OF=()
trap clean_up_pairs EXIT

# --- endpoints ---

# endpoints NAMESPACE [ENDPOINT...]: these and no others, of who serves new sockets now. ACCEPT=N:
# so many announced addresses may be joined.
declare -A HAS
endpoints() {
	local name=$1 accept=${ACCEPT-8}
	[[ ${HAS[$PAIR_NOW.$1]-} != "$accept $*" ]] || return 0
	HAS[$PAIR_NOW.$1]="$accept $*"
	shift
	printf 'mptcp %s\n' 'endpoint flush' "limits set subflows 8 add_addr_accepted $accept" "${@/#/endpoint add }" |
		ip -n "$name" -batch -
}

SUBFLOW='10.1.2.1 dev veth1 subflow' SUBFLOW6='fd02::1 dev veth1 subflow'
SIGNAL='10.1.2.2 dev veth1 signal' SIGNAL6='fd02::2 dev veth1 signal'
# The server's port and the client's for joins.
THERE=7777 HERE_TOO=7778
MESH=('10.1.1.1 dev veth0 subflow fullmesh' '10.1.2.1 dev veth1 subflow fullmesh')

# Those of the kernel's own, in each pair.
in_tree_endpoints() {
	case $1 in
	0)
		endpoints client "$SUBFLOW" "$SUBFLOW6"
		endpoints server
		;;
	1)
		endpoints client "10.1.2.1 dev veth1 signal port $HERE_TOO"
		endpoints server "$SIGNAL" "$SIGNAL6"
		;;
	2)
		endpoints client "${MESH[0]}" "${MESH[1]} backup"
		endpoints server "$SIGNAL port $THERE" "$SIGNAL6 port $THERE"
		;;
	esac
}

# --- pairs of namespaces ---

# onto N: from now on the namespaces `client` and `server` are those of that pair.
onto() {
	local name
	[[ ${PAIR_NOW-} != "$1" ]] || return 0
	for name in client server; do
		ip netns del "$name" 2>/dev/null
		: >"/run/netns/$name"
		mount --bind "/run/netns/$name.$1" "/run/netns/$name"
		INSIDE[$name]=${INSIDE[$name.$1]}
	done
	PAIR_NOW=$1
}

make_pair() {
	local name
	topology
	second_path
	for name in client server; do
		: >"/run/netns/$name.$1"
		mount --bind "/run/netns/$name" "/run/netns/$name.$1"
		INSIDE[$name.$1]=${INSIDE[$name]}
	done
	PAIR_NOW=$1
	in_tree_endpoints "$1"
}

clean_up_pairs() {
	local name
	for name in $(ip netns | grep -oE '^(client|server)\.[0-9]+'); do
		kill_in "$name"
		ip netns del "$name"
	done
	clean_up
}

# --- conversations ---

# Each is a line: the role of the kernel's own socket, the pair, where to connect to, where to
# listen, the conversation, and what is played.
PLAYS=()
for address in "$V4" "$V6"; do
	for conversation in "${CONVERSATIONS[@]}"; do
		for role in client server; do
			PLAYS+=("$role 0 $address $address $conversation joined_by_client")
		done
	done
done
MAPPED=::ffff:$V4
PLAYS+=(
	"server 0 $V4 $V4 bulk backup_no_more"
	"server 0 $V4 $V4 bulk join_to_client"
	"server 0 $V6 :: bulk join_to_client_mixed"
	"server 0 $V4 $V4 bulk removed"
	"server 0 $V4 $V4 bulk death down"
	"server 0 $V6 $V6 bulk death silent"
	"client 0 $V6 $V6 bulk death down"
	"client 0 $V4 $V4 bulk death silent"
	"client 1 $V4 0.0.0.0 bulk announced"
	"client 1 $V4 0.0.0.0 bulk announced_port $SIGNAL"
	"client 1 $V6 :: bulk announced_port $SIGNAL6"
	"client 1 $MAPPED :: bulk announced_mixed $SIGNAL6"
	"client 1 $V6 :: bulk announced_mixed $SIGNAL"
	"client 1 $V4 0.0.0.0 bulk withdrawn"
	"client 1 $V4 $V4 bulk join_to_in_tree_client"
	"server 1 $V4 0.0.0.0 bulk announced_by_in_tree"
	"server 1 $MAPPED :: bulk announced_by_in_tree_mixed"
	"server 1 $V4 0.0.0.0 bulk fullmesh"
	"client 2 $V4 $V4 bulk backup_of_in_tree"
	"client 2 $V4 0.0.0.0 bulk fullmesh_of_in_tree"
	"server 2 $V4 $V4 bulk port_of_in_tree 1"
	"server 2 $V6 $V6 bulk port_of_in_tree 2"
)

# play N: sets what its line says, the port that is its own, and how much is sent each way: what is to
# be seen of both paths needs a second.
play() {
	read -r ROLE PAIR ADDRESS LISTEN CONVERSATION PLAY WORDS <<<"${PLAYS[$1]}"
	PORT=$((20000 + $1)) OCTETS=2000000
	[[ $CONVERSATION == bulk ]] || OCTETS=500000
}

prepare() {
	local verb=connect address=$ADDRESS
	[[ $ROLE == client ]] || verb=listen address=$LISTEN
	mkfifo "$WORK/go.$PORT"
	peer -N "$ROLE" -w "$WORK/go.$PORT" -n "$OCTETS" "$verb" "$address" "$PORT" "$CONVERSATION" \
		>"$WORK/$ROLE.$PORT" 2>&1 &
	PID_OF[PORT]=$!
	wait_for_line "$WORK/$ROLE.$PORT" 'peer: waiting'
}

# Ours listens, the kernel's own connects.
as_server() {
	start_server server -n "$OCTETS" -- "$LISTEN" "$CONVERSATION"
	: >"$WORK/go.$PORT"
	wait "${PID_OF[PORT]}"
}

# The kernel's own listens, ours connects.
as_client() {
	SERVER=${PID_OF[PORT]}
	: >"$WORK/go.$PORT"
	wait_for_line "$WORK/server.$PORT" 'peer: listening'
	peer -N client -n "$OCTETS" connect "$ADDRESS" "$PORT" "$CONVERSATION" >"$WORK/client.$PORT" 2>&1
}

# joins N ROLE: so many are to be made by that side.
joins() {
	local other=server
	[[ $2 == client ]] || other=client
	expect "$2" MPJoinSynTx="$1" MPJoinSynAckRx="$1"
	expect "$other" MPJoinSynRx="$1" MPJoinAckRx="$1"
}

# later COMMAND...: in the middle of the conversation that follows, another word to a path manager.
later() {
	HAS=()
	meanwhile "$@"
}

# once_joined COMMAND...: the same, when the second path carries data.
once_joined() {
	HAS=()
	(until_carried client $((10 * SLOW)) $((OCTETS / 50)) veth1 && "$@") &
	MEANWHILE=$!
}

# converse NAME [DEVICE...]: to the end, and those have carried data both ways, not only acknowledgements.
converse() {
	local status=0 device name=$1
	shift
	weigh
	if [[ $ROLE == client ]]; then
		as_server || status=1
	else
		as_client || status=1
	fi
	reap_server "$status" || status=1
	agreed "$PORT" || status=1
	done_meanwhile || status=1
	kept || status=1
	for device; do
		carries "$device" 40000 || status=1
	done
	result "$name, in-tree $ROLE, $(family)" "$status" "$REPORT"
}

family() {
	case $ADDRESS in
	::ffff:*) echo "IPv4 in IPv6" ;;
	*) name_of "$ADDRESS" ;;
	esac
}

# --- what is played, each after `endpoints` of ours ---

joined_by_client() {
	endpoints server
	endpoints client "$SUBFLOW" "$SUBFLOW6"
	case $CONVERSATION in
	bulk)
		joins 1 client
		converse bulk veth0 veth1
		;;
	abort-*) converse "$CONVERSATION" ;;
	*)
		joins 1 client
		converse "$CONVERSATION"
		;;
	esac
}

backup_no_more() {
	endpoints client "$SUBFLOW backup"
	joins 1 client
	expect server MPJoinSynBackupRx=1 MPPrioRx=1
	later ip -n client mptcp endpoint change id 1 nobackup
	converse "a backup that is none any more" veth0 veth1
}

join_to_client() {
	endpoints client "10.1.2.1 dev veth1 signal port $HERE_TOO"
	joins 1 server
	expect server PortAdd=1
	expect client MPJoinPortSynRx=1
	converse "the client announces a port, the server joins" veth0 veth1
}

join_to_client_mixed() {
	endpoints client "10.1.2.1 dev veth1 signal port $((HERE_TOO + 1))"
	joins 1 server
	converse "the client announces another family, the server joins" veth0 veth1
}

removed() {
	endpoints client "$SUBFLOW"
	joins 1 client
	expect server RmAddr=1
	expect client RmSubflow=1
	once_joined ip -n client mptcp endpoint delete id 1
	converse "the client takes its subflow away"
}

death() {
	endpoints server
	endpoints client "$SUBFLOW" "$SUBFLOW6"
	joins 1 client
	if [[ $WORDS == down ]]; then
		meanwhile ip -n client link set veth0 down
	else
		meanwhile shape veth0 loss 100%
	fi
	converse "the first path dies ($WORDS)" veth1
	healthy
}

announced() {
	ACCEPT=0 endpoints server "$SIGNAL"
	joins 1 client
	expect client AddAddr=1
	converse "the server announces, the client joins" veth0 veth1
}

announced_port() {
	ACCEPT=0 endpoints server "$WORDS port $THERE"
	joins 1 client
	# The second is the echo of its own.
	expect client AddAddr=1 PortAdd=2
	expect server MPJoinPortSynRx=1
	converse "the server announces a port, the client joins" veth0 veth1
}

announced_mixed() {
	ACCEPT=0 endpoints server "$WORDS"
	joins 1 client
	converse "the server announces another family, the client joins" veth0 veth1
}

withdrawn() {
	ACCEPT=0 endpoints server "$SIGNAL"
	joins 1 client
	expect client RmAddr=1
	once_joined ip -n server mptcp endpoint delete id 1
	converse "the server takes its address away"
}

join_to_in_tree_client() {
	endpoints server
	joins 1 server
	expect server PortAdd=1
	expect client MPJoinPortSynRx=1
	converse "the client announces a port, the server joins" veth0 veth1
}

announced_by_in_tree() {
	endpoints client
	joins 1 client
	converse "the server announces, the client joins" veth0 veth1
}

announced_by_in_tree_mixed() {
	endpoints client
	joins 2 client
	converse "the server announces both families, the client joins" veth0 veth1
}

fullmesh() {
	endpoints client "${MESH[@]}"
	joins 3 client
	converse "fullmesh" veth0 veth1
}

backup_of_in_tree() {
	endpoints server
	joins 1 client
	expect server MPJoinSynBackupRx=1
	converse "a backup waits" veth0
}

fullmesh_of_in_tree() {
	ACCEPT=0 endpoints server "$SIGNAL"
	joins 3 client
	expect server MPJoinSynBackupRx=2
	converse "fullmesh, of which two are backups" veth0
}

# Of both families, of which a client that speaks IPv4 can join one.
port_of_in_tree() {
	endpoints client
	joins "$WORDS" client
	expect client PortAdd=2
	expect server MPJoinPortSynRx="$WORDS"
	converse "the server announces ports, the client joins" veth0 veth1
}

# --- all of it ---

module_out || {
	result "the module can be removed before the test" 1
	finish
}
for ((pair = 0; pair < PAIRS; pair++)); do
	make_pair "$pair"
done
for number in "${!PLAYS[@]}"; do
	play "$number"
	onto "$PAIR"
	prepare
done
module_in || {
	result "the module can be inserted beside in-tree sockets" 1
	finish
}
HAS=()
for number in "${!PLAYS[@]}"; do
	play "$number"
	onto "$PAIR"
	"$PLAY"
done
idle
result "no socket is left" $? "$LEFT"
finish
