#!/bin/bash
# First thing in the guest: guest.sh LOGS MODULE TIMEOUT runs LOGS/command.
exec 2>&1
logs=$1 module=$2 timeout=$3

# The root is a file system of the host; files of the tests belong in memory.
mount -t tmpfs tmp /tmp

if [[ $module != 0 ]]; then
	insmod "/src/$module" || {
		echo "vm: insmod $module failed; the kernel says:"
		dmesg | tail -n 15
		exit 126
	}
fi

cd /src || exit 125
export HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
setsid bash "$logs/command" &
command=$!

# On a hang: note it, have the kernel say where everybody is, and end the command.
(
	sleep "$timeout"
	touch "$logs/timeout"
	echo l >/proc/sysrq-trigger
	echo w >/proc/sysrq-trigger
	kill -KILL -- "-$command"
) </dev/null >/dev/null 2>&1 &

wait "$command"
