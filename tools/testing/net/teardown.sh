#!/bin/bash
# Namespaces that go while connections in them are open, with their link or under it: no
# socket, namespace or device is left. 2 rounds of each way, 100 with LONG=1.
# timeout: 2400
# when: long
. "$(dirname "$0")/lib.sh"
ROUNDS=${LONG:+100} ROUNDS=${ROUNDS:-2}
# A connection that no program has, and no link, is given up after a minute (TCP_TIMEWAIT_LEN).
PATIENCE=75

# A link from outside into each namespace: it goes with the namespace, and not with its
# name alone.
canaries() {
	local name
	for name in client server; do
		ip link add "canary-$name" type veth peer name canary netns "$name"
	done
}

# Transfers in full swing, one that is stuck because the server hardly reads, one that waits
# for the other half, and a SYN that nobody answers.
under_way() {
	local conversation address
	topology
	canaries
	while read -r conversation address; do
		new_port
		start_server server -n 100000000 -- "$address" "$conversation"
		peer -N client -n 100000000 connect "$address" "$PORT" "$conversation" >/dev/null 2>&1 &
	done <<-EOT
		half-client $V4
		slow $V6
		bulk $V4
		bulk $V6
	EOT
	peer -N client -n 0 connect 10.1.1.77 "$PORT" bulk >/dev/null 2>&1 &
	# Their end is no news.
	disown -a
	sleep 1
}

processes_first() {
	kill_in client
	kill_in server
	ip netns del client
	ip netns del server
}

link_first() {
	ip -n client link del veth0
	processes_first
}

client_first() {
	kill_in client
	ip netns del client
	sleep 0.5
	kill_in server
	ip netns del server
}

# The name goes, the namespace stays until the last process in it dies.
name_first() {
	local pids
	pids="$(ip netns pids client) $(ip netns pids server)"
	ip netns del client
	ip netns del server
	# shellcheck disable=SC2086 # Several numbers.
	kill -KILL $pids 2>/dev/null
}

all_gone() {
	local end=$((SECONDS + PATIENCE * SLOW))
	while ((SECONDS < end)); do
		[[ -e /sys/class/net/canary-client || -e /sys/class/net/canary-server ]] || return 0
		sleep 0.1
	done
	return 1
}

for way in processes_first link_first client_first name_first; do
	wrong= rounds=$ROUNDS
	# The one that takes that minute.
	[[ $way != link_first ]] || rounds=$(((ROUNDS + 9) / 10))
	for ((round = 1; round <= rounds; round++)); do
		under_way
		"$way"
		idle || { wrong="round $round: $LEFT" && break; }
		all_gone || { wrong="round $round: a namespace is left" && break; }
	done
	[[ -z $wrong ]]
	result "$rounds times ${way//_/ }" $? "$wrong"
done
finish
