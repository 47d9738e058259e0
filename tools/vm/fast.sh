#!/bin/bash
# In the sandbox, in vng's place (make vm FAST=1): fast.sh KERNEL CPUS MEM ACCEL APPEND COMMAND
# [OPTION OF QEMU...].
# The same root without udev, initramfs and discs, so it is up in a third of
# the time; for checks that need no device nodes beyond devtmpfs's.
# The guest's console goes to stderr, the command's output to stdout, as with vng.
set -euo pipefail
kernel=$1 cpus=$2 mem=$3 accel=$4 append=$5
printf '%s\n' "$6" >/tmp/command

/usr/libexec/virtiofsd --socket-path /tmp/root.sock --shared-dir / --sandbox none --cache always \
	--no-announce-submounts --log-level error >&2 &
until [[ -S /tmp/root.sock ]]; do sleep 0.05; done

# init_on_alloc: virtiofsd writes programs into memory behind the emulator's back, which goes
# on with what it had translated there before, unless the guest clears a page first.
# With a pipe behind each, qemu's files stay in order.
: >/tmp/status
qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot -machine q35 -accel "$accel" \
	-smp "$cpus" -m "$mem" -object "memory-backend-memfd,id=mem,size=$mem,share=on" -numa node,memdev=mem \
	-chardev socket,id=root,path=/tmp/root.sock -device vhost-user-fs-pci,chardev=root,tag=ROOTFS \
	-chardev file,id=console,path=/proc/self/fd/2 -serial chardev:console \
	-device virtio-serial-pci,max_ports=4 \
	-chardev file,id=output,path=/proc/self/fd/1 -device virtserialport,chardev=output,name=output \
	-chardev file,id=status,path=/tmp/status -device virtserialport,chardev=status,name=status \
	-device virtio-rng-pci \
	-kernel "$kernel" \
	-append "console=ttyS0 rootfstype=virtiofs root=ROOTFS rw panic=-1 init_on_alloc=1 init=/src/tools/vm/init.sh $append" "${@:7}" </dev/null

status=$(cat /tmp/status)
[[ -n $status ]] || exit 255
echo "script returned $status" >&2
exit "$status"
