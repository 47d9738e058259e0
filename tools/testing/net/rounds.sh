#!/bin/bash
# Insert, 20 connections, remove: 10 times (200 with LONG=1, or ROUNDS=N; a slow machine 4) under a plain TCP
# transfer that runs all the time at a fixed rate and must not notice.
# timeout: 3600
. "$(dirname "$0")/lib.sh"
ROUNDS=${ROUNDS:-${LONG:+200}} ROUNDS=${ROUNDS:-$((SLOW > 1 ? 4 : 10))}
# Of the plain TCP transfer, in kbit/s: one that leaves a slow machine time for the rest.
RATE=$((20000 / SLOW))

caches() { awk 'NR > 2 { print $1 }' /proc/slabinfo | sort; }

# Says when this machine itself stood still, as an emulated one does on a busy host: from and until, in microseconds.
standstills() {
	local last=${EPOCHREALTIME/./} now
	while sleep 0.1; do
		now=${EPOCHREALTIME/./}
		((now - last < 800000 * SLOW)) || echo "$last $now"
		last=$now
	done
}

# One round; says what went wrong.
round() {
	local conversation=$1 address=$2 tries refused
	module_in || { echo "insmod failed" && return; }
	talk "$conversation" "$address" -c 20 -n 3000 -- -c 20 -n 3000 || echo "$REPORT"
	# Removal is refused as long as there is a socket, and the last ones take a moment.
	for ((tries = 0; tries < 100 * SLOW; tries++)); do
		refused=$(module_out 2>&1) && return
		sleep 0.1
	done
	echo "10 s after the last close: $refused ($(cat /sys/module/rust_mptcp/refcnt) references)"
}

module_out || {
	result "the module can be removed before the test" 1
	finish
}
# One built for another kernel: nothing of it is run.
sed "s/vermagic=$(uname -r)/vermagic=0$(uname -r | cut -c2-)/" "$RUST_MPTCP_KO" >"$WORK/other.ko"
refused=$(insmod "$WORK/other.ko" 2>&1)
[[ $refused == *'nvalid module format'* ]] && dmesg | grep -q 'rust_mptcp: version magic .* should be'
result "a module for another kernel is refused, and the kernel's log says why" $? "$refused"

topology
server iperf3 -s -1 -p 5201 >"$WORK/iperf.server" 2>&1 &
standstills >"$WORK/standstills" &
CLOCK=$!
sleep 1
IPERF_BEGAN=${EPOCHREALTIME/./}
client iperf3 -c "$V4" -p 5201 -b "${RATE}K" -t 86400 -i 1 --forceflush -f k >"$WORK/iperf" 2>&1 &
IPERF=$!
sleep 3
caches >"$WORK/before"

conversations=(bulk ping-pong half-client half-server together bytes)
good=0
for ((round = 0; round < ROUNDS; round++)); do
	address=$V4 && ((round % 2)) && address=$V6
	wrong=$(round "${conversations[round % ${#conversations[@]}]}" "$address")
	# What talk counted stayed in the subshell.
	new_port
	if [[ -n $wrong ]]; then
		result "round $((round + 1)) of $ROUNDS" 1 "$wrong"
		break
	fi
	good=$((good + 1))
	((round != 1)) || early=$(slab_kib)
done
((good < ROUNDS)) || result "$ROUNDS rounds of insert, 20 connections, remove" 0

((good < 2)) || flat "$early" "after $good rounds"
caches >"$WORK/after"
new=$(grep -vxFf "$WORK/before" "$WORK/after" | grep -iE 'mptcp|rust|subflow')
[[ -z $new ]]
result "no slab cache is left behind" $? "$new"

kill -0 "$IPERF" 2>/dev/null
result "the TCP transfer goes on" $? "$(tail -n 3 "$WORK/iperf")"
stop_in client iperf3
wait "$IPERF" 2>/dev/null
kill "$CLOCK"
# [  5]   0.00-1.00   sec  2.38 MBytes  19990 Kbits/sec ...
# Seconds in which the machine stood still say nothing.
awk -v began="$IPERF_BEGAN" -v half=$((RATE / 2)) 'FILENAME ~ /standstills$/ {
		from[++stills] = ($1 - began) / 1e6
		until[stills] = ($2 - began) / 1e6
		next
	}
	/ sec / && !/sender|receiver/ {
		split($3, at, "-")
		for (i = 1; i <= stills; i++)
			if (at[2] > from[i] && at[1] < until[i]) {
				lost++
				next
			}
		n++
		sum += $7
		run = $7 < half ? run + 1 : 0
		if (run > longest)
			longest = run
	} END { printf "%d %d %d %d\n", n, longest, n ? sum / n : 0, lost }' "$WORK/standstills" "$WORK/iperf" >"$WORK/rates"
read -r seconds longest mean lost <"$WORK/rates"
rate="its rate stays ($mean of $RATE kbit/s over $seconds s; below half for at most $longest s; the machine stood still in $lost s)"
if ((SLOW > 1)); then
	# A kernel that checks itself keeps a connection waiting whoever else is there.
	skip "$rate" 'the machine is slow'
else
	((seconds > 4 * lost && longest <= 2 && mean >= RATE * 9 / 10))
	result "$rate" $? "$(awk -v half=$((RATE / 2)) '/ sec / && $7 < half' "$WORK/iperf")"
fi
module_in
result "the module is back" $?
finish
