#!/bin/bash
# First process of a FAST=1 guest: mounts what a system has, runs the command, switches off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
mount -t bpf bpf /sys/fs/bpf
ln -sfn /proc/self/fd /dev/fd
ln -sfn /proc/self/fd/0 /dev/stdin
ln -sfn /proc/self/fd/1 /dev/stdout
ln -sfn /proc/self/fd/2 /dev/stderr
hostname guest
ip link set lo up

port() {
	local name
	name=$(grep -lx "$1" /sys/class/virtio-ports/*/name)
	name=${name%/name}
	echo "/dev/${name##*/}"
}

# A pipe in front of the port: it takes one writer, a script's children are many. Those
# that outlive the script must not keep us, so give the pipe a moment, not its end.
exec {screen}> >(exec cat >"$(port output)")
cat=$!
setsid --wait bash -c "$(cat /tmp/command)" </dev/null >&"$screen" 2>&1
status=$?
exec {screen}>&-
timeout 1 tail -s 0.1 --pid="$cat" -f /dev/null
echo "$status" >"$(port status)"
sync
echo o >/proc/sysrq-trigger
sleep 100
