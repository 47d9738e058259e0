#!/bin/bash
# Socket options over two subflows (options.c): what is set for all of them, and when; errors; options
# of one subflow; marks on every packet; control groups; and what /proc/net/protocols counts.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/paths.sh"
programs options

GROUP=/sys/fs/cgroup/rust-mptcp-options
# Where the initial network namespace has its own.
mountpoint -q /sys/fs/cgroup || mount -t cgroup2 none /sys/fs/cgroup

# cases NAME...: each a result, over the addresses of FAMILY.
cases() {
	local verdict name why addresses=(10.1.1.1 10.1.2.1 10.1.1.2)
	[[ $FAMILY == IPv4 ]] || addresses=(fd01::1 fd02::1 fd01::2)
	while read -r verdict name why; do
		name=${name%:}
		[[ $verdict != skip ]] || {
			skip "${name//_/ }, $FAMILY" "$why"
			continue
		}
		[[ $verdict == ok ]]
		result "${name//_/ }, $FAMILY" $? "$why"
	done < <(options "${addresses[@]}" "$@")
}

# in_use NAMESPACE [ROW]: how often the row is there, and what it counts.
in_use() {
	ip netns exec "$1" awk -v row="${2-MPTCP}" '$1 == row { rows++; count += $3 } END { print rows + 0, count + 0 }' \
		/proc/net/protocols
}

# What leaves a namespace with the mark MARK of its socket, and what without.
count_marks() {
	ip netns exec "$1" nft -f - <<-EOT
		table inet marks {
			chain out {
				type filter hook output priority 0
				meta l4proto tcp meta mark $2 counter
				meta l4proto tcp meta mark != $2 counter
			}
		}
	EOT
}

packets() { ip netns exec "$1" nft list table inet marks | grep -o 'packets [0-9]*' | cut -d' ' -f2; }

all_marked() {
	local name marked others
	REPORT=
	for name in client server; do
		{
			read -r marked
			read -r others
		} < <(packets "$name")
		REPORT+="$name: $marked with its mark, $others without"$'\n'
		((marked > 20 && others == 0)) || return 1
	done
}

marks() {
	local case
	for case in marks marks_when_aborted; do
		# What earlier ones left says something, too.
		idle
		count_marks server 1
		count_marks client 2
		cases "$case"
		all_marked
		result "every packet has the ${case//_/ }, $FAMILY" $? "$REPORT"
		for name in client server; do
			ip netns exec "$name" nft delete table inet marks
		done
	done
}

protocols() {
	local before status=0 row=MPTCP address=$V4
	[[ $FAMILY == IPv4 ]] || row=MPTCPv6 address=$V6
	REPORT="before: $(in_use server $row)"$'\n'
	[[ $REPORT == 'before: 1 0'* ]] || status=1
	new_port
	start_server server -- "$address" bulk
	REPORT+="one listener: $(in_use server $row)"$'\n'
	[[ $REPORT == *'listener: 1 1'* ]] || status=1
	peer -N client connect "$address" "$PORT" bulk >"$WORK/client.$PORT" 2>&1 || status=1
	wait "$SERVER"
	before=$SECONDS
	until [[ $(in_use server $row) == '1 0' || $SECONDS -gt $((before + 5 * SLOW)) ]]; do sleep 0.1; done
	REPORT+="after: $(in_use server $row)"$'\n'
	[[ $REPORT == *'after: 1 0'* ]] || status=1
	result "one row of /proc/net/protocols counts them, $FAMILY" $status "$REPORT"
}

topology
second_path
for name in client server; do
	ip netns exec "$name" ip mptcp limits set subflows 2
	for device in veth0 veth1; do
		tc -n "$name" qdisc del dev "$device" root
	done
done
for FAMILY in IPv4 IPv6; do
	protocols
	cases set_before set_after joined_has_connections errors without_rights one_subflow one_subflow_errors
	marks
done

if ! grep -q cgroup2 /proc/mounts; then
	skip 'control groups' 'no cgroup2 here'
else
	GROUPS_AT=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	# options.c looks for it at the usual place.
	[[ $GROUPS_AT == /sys/fs/cgroup ]] || mount --bind "$GROUPS_AT" /sys/fs/cgroup
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null
	mkdir -p $GROUP
	for FAMILY in IPv4 IPv6; do
		cases group_forbids_connect group_forbids_bind group_pays
	done
	for ((tries = 0; tries < 50; tries++)); do
		rmdir $GROUP 2>/dev/null && break
		sleep 0.1
	done
	[[ ! -d $GROUP ]]
	result 'the group can be removed' $?
fi
idle
result 'no socket is left' $? "$LEFT"
finish
