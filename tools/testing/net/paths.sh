# shellcheck shell=bash
# What the tests of several subflows share: a second pair of devices, what they carried, counters.
#
#      namespace client                          namespace server
#     +---------------------+                   +---------------------+
#     |   10.1.1.1 fd01::1 veth0 ------------- veth0 10.1.1.2 fd01::2 |
#     |   10.1.2.1 fd02::1 veth1 ------------- veth1 10.1.2.2 fd02::2 |
#     +---------------------+                   +---------------------+
#
# A test sources this after lib.sh.

# To be called after `topology`.
second_path() {
	local name host
	ip -n client link add veth1 type veth peer name veth1 netns server
	for name in client server; do
		host=$([[ $name == client ]] && echo 1 || echo 2)
		ip -n "$name" addr add "10.1.2.$host/24" dev veth1
		ip -n "$name" addr add "fd02::$host/64" dev veth1 nodad
		path_up "$name" veth1
		ip netns exec "$name" sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.veth1.rp_filter=0
	done
	healthy
}

# path_up NAMESPACE DEVICE: with the routes to the other device's addresses that go when it is down.
path_up() {
	local other=1 here=2 host=2
	[[ $2 == veth1 ]] || other=2 here=1
	[[ $1 == client ]] || host=1
	ip -n "$1" -batch - <<-EOT
		link set $2 up
		addr replace fd0$here::$((3 - host))/64 dev $2 nodad
		route replace 10.1.$other.0/24 via 10.1.$here.$host dev $2 metric 2000
		route replace fd0$other::/64 via fd0$here::$host dev $2 metric 2000
	EOT
}

# shape DEVICE NETEM-ARGUMENT...: both directions.
shape() {
	local name device=$1
	shift
	for name in client server; do
		tc -n "$name" qdisc replace dev "$device" root netem "$@"
	done
}

healthy() {
	local name device
	for device in veth0 veth1; do
		shape "$device" rate 10mbit delay 5ms limit 1000
		for name in client server; do
			path_up "$name" "$device"
		done
	done
}

# snapshot NAMESPACE: its counters, to COUNTERS["NAMESPACE NAME"]; 1 if it cannot be looked into.
declare -A COUNTERS
snapshot() {
	local row names=() values=() i
	[[ /proc/${INSIDE[$1]}/ns/net -ef /run/netns/$1 ]] || return 1
	while read -r row values; do
		[[ $row == MPTcpExt: ]] || continue
		if ((${#names[@]} == 0)); then
			read -ra names <<<"$values"
			continue
		fi
		read -ra values <<<"$values"
		for i in "${!names[@]}"; do
			COUNTERS[$1 ${names[i]}]=${values[i]}
		done
	done <"/proc/${INSIDE[$1]}/net/netstat"
}

# traffic NAMESPACE: the octets that its devices have sent, to TRAFFIC["NAMESPACE DEVICE"].
declare -A TRAFFIC
traffic() {
	local name values octets
	while read -r name values; do
		read -r _ _ _ _ _ _ _ _ octets _ <<<"$values"
		TRAFFIC[$1 ${name%:}]=$octets
	done <"/proc/${INSIDE[$1]}/net/dev"
}

# expect NAMESPACE COUNTER=N...: notes what is to be added to counters; `kept` says whether it was.
EXPECTED=()
expect() {
	local name=$1 pair
	shift
	# Nothing has happened since the one before.
	[[ ${EXPECTED[*]-} == *"$name "* ]] || snapshot "$name"
	for pair; do
		EXPECTED+=("$name ${pair/=/ } ${COUNTERS[$name ${pair%=*}]}")
	done
}

kept() {
	local name counter gain before gained status=0
	snapshot client && snapshot server || status=1
	while read -r name counter gain before; do
		gained=$((COUNTERS[$name $counter] - before))
		((gained == gain)) || {
			REPORT+="$name: $counter gained $gained, not $gain"$'\n'
			status=1
		}
	done < <(printf '%s\n' "${EXPECTED[@]}")
	EXPECTED=()
	return "$status"
}

# carries DEVICE OCTETS: whether both sides have sent so much there since `weigh`.
declare -A WEIGHED
weigh() {
	local key
	traffic client
	traffic server
	for key in "${!TRAFFIC[@]}"; do
		WEIGHED[$key]=${TRAFFIC[$key]}
	done
}

carries() {
	local name octets status=0
	for name in client server; do
		traffic "$name"
		octets=$((TRAFFIC[$name $1] - WEIGHED[$name $1]))
		REPORT+="$name sent $octets on $1"$'\n'
		((octets >= $2)) || status=1
	done
	return "$status"
}

# until_carried NAMESPACE SECONDS OCTETS DEVICE...: until it has sent so much on each of them.
until_carried() {
	local name=$1 end=$((SECONDS + $2)) octets=$3 device key from=()
	shift 3
	traffic "$name"
	for device; do
		from+=("${TRAFFIC[$name $device]}")
	done
	while (($# > 0 && SECONDS < end)); do
		key="$name $1"
		if ((TRAFFIC[$key] - from[0] >= octets)); then
			from=("${from[@]:1}")
			shift
		else
			nap 0.02
			traffic "$name"
		fi
	done
	(($# == 0))
}

# meanwhile COMMAND...: in the middle of the next conversation, of OCTETS.
meanwhile() {
	(until_carried client $((10 * SLOW)) $((OCTETS / 10)) veth0 && "$@") &
	MEANWHILE=$!
}

# done_meanwhile: 0 if it was done, or nothing was to be done; and it will not be done any more.
done_meanwhile() {
	local status=0
	if [[ -n ${MEANWHILE-} ]]; then
		kill "$MEANWHILE" 2>/dev/null
		wait "$MEANWHILE" 2>/dev/null || status=1
		MEANWHILE=
	fi
	((status == 0)) || REPORT+="it was over before anything happened"$'\n'
	return "$status"
}

name_of() { if [[ $1 == *:* ]]; then echo IPv6; else echo IPv4; fi; }
