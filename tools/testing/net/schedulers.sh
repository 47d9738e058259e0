#!/bin/bash
# Which subflow gets the next bytes: net.mptcp.scheduler, MPTCP_SCHEDULER, and what each scheduler
# does over two paths.
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/paths.sh"

OCTETS=1000000
ALL='default roundrobin redundant blest ecf'

names() { client sysctl -n net.mptcp.available_schedulers; }
knob() { client sysctl -n net.mptcp.scheduler; }

# choose NAME: for new sockets on both sides.
choose() {
	client sysctl -qw net.mptcp.scheduler="$1"
	server sysctl -qw net.mptcp.scheduler="$1"
}

knobs() {
	local name status=0
	result 'all schedulers are listed' "$([[ $(names) == "$ALL" ]]; echo $?)" "$(names)"
	for name in $ALL; do
		choose "$name"
		[[ $(knob) == "$name" ]] || status=1
	done
	result 'each can be chosen' "$status" "$(knob)"
	# An unknown name, one that only begins well, two, one that is too long.
	choose ecf
	for name in bpf default2 'default roundrobin' roundrobinroundrobin; do
		status=0
		REPORT=$(client sysctl -qw net.mptcp.scheduler="$name" 2>&1) && status=1
		[[ $(knob) == ecf ]] || status=1
		result "'$name' cannot be chosen" "$status" "$REPORT, now $(knob)"
	done
	[[ $(sysctl -n net.mptcp.scheduler) == default ]]
	result 'other namespaces have their own' $?
	choose default
}

# over_two [CLIENT-OPTION...] [-- SERVER-OPTION...]: a conversation; each side sends OCTETS,
# nearly all of them when the second subflow is there.
over_two() {
	local client_options=()
	while (($#)) && [[ $1 != -- ]]; do
		client_options+=("$1")
		shift
	done
	shift
	weigh
	talk bulk "$ADDRESS" -n "$OCTETS" -j 1 "$@" -- -n "$OCTETS" -j 1 "${client_options[@]}"
}

# twice NAMESPACE: whether most of what was sent there since `weigh` went over both devices.
twice() {
	local device octets sum=0
	traffic "$1"
	for device in veth0 veth1; do
		octets=$((TRAFFIC[$1 $device] - WEIGHED[$1 $device]))
		REPORT+="$1 sent $octets on $device"$'\n'
		sum=$((sum + octets))
	done
	((sum >= OCTETS * 14 / 10))
}

each() {
	local name status
	for name in $ALL; do
		choose "$name"
		status=0
		over_two -- || status=1
		case $name in
		redundant)
			twice client || status=1
			twice server || status=1
			;;
		*)
			carries veth0 $((OCTETS / 5)) || status=1
			carries veth1 $((OCTETS / 5)) || status=1
			;;
		esac
		result "$name over two equal paths, $(name_of "$ADDRESS")" "$status" "$REPORT"
	done
	choose default
}

# A second path that is much worse.
unequal() {
	local name status
	shape veth1 rate 1mbit delay 150ms limit 1000
	for name in $ALL; do
		choose "$name"
		status=0
		over_two -- || status=1
		carries veth0 $((OCTETS / 2)) || status=1
		result "$name over a good and a bad path, $(name_of "$ADDRESS")" "$status" "$REPORT"
	done
	choose default
	healthy
}

one_socket() {
	local status=0
	over_two -S redundant -- || status=1
	twice client || status=1
	twice server && status=1
	result "one program alone is redundant, $(name_of "$ADDRESS")" "$status" "$REPORT"
	status=0
	over_two -- -S redundant || status=1
	twice server || status=1
	twice client && status=1
	result "an accepted socket has its listener's scheduler, $(name_of "$ADDRESS")" "$status" "$REPORT"
	over_two -S bpf -- && status=1
	grep -q 'MPTCP_SCHEDULER: No such file' "$WORK/client.$PORT" || status=1
	result "a program that asks for an unknown one hears of it, $(name_of "$ADDRESS")" "$status" "$REPORT"
}

# A segment of the loopback device is larger than what is shared out at once elsewhere.
loopback() {
	local octets status=0
	ip -n server mptcp endpoint add 127.0.0.2 dev lo subflow
	weigh
	talk bulk 127.0.0.1 -n "$OCTETS" -j 1 -- -n "$OCTETS" -j 1 -N server || status=1
	traffic server
	octets=$((TRAFFIC[server lo] - WEIGHED[server lo]))
	((octets >= OCTETS * 2 && octets <= OCTETS * 3)) || status=1
	result "default over two addresses of the loopback device" "$status" "$REPORT$octets octets on lo"
	ip -n server mptcp endpoint flush
}

topology
second_path
for name in client server; do
	ip netns exec "$name" ip mptcp limits set subflows 2
done
client ip mptcp endpoint add 10.1.2.1 dev veth1 subflow
client ip mptcp endpoint add fd02::1 dev veth1 subflow
knobs
for ADDRESS in "$V4" "$V6"; do
	each
	unequal
	one_socket
done
loopback
idle
result "no socket is left" $? "$LEFT"
choose redundant
module_out
[[ $(names) == default ]]
result "after rmmod the names are in-tree's" $? "$(names)"
module_in
finish
