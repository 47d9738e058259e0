#!/bin/bash
# Runs a command inside the sandbox root, with this tree at /src.
#
#   enter.sh [--keep] [--root DIR] command [argument...]
#
# The command sees the root through an overlay in memory, so that nothing it does
# to the system outlives it and several may run at once; only /src is real.
# --keep lets it change the root itself (prepare.sh does). Whatever it leaves
# running dies with it: it is the first process of a PID namespace of its own.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

if [[ ${1-} != --inside ]]; then
	need_root
	keep=0 root=
	while [[ ${1-} == --* ]]; do
		case $1 in
		--keep) keep=1 ;;
		--root) root=$2 && shift ;;
		*) die "enter.sh: unknown option $1" ;;
		esac
		shift
	done
	if [[ -z $root ]]; then
		load_sandbox
		root=$ROOT
	fi
	exec unshare --mount --propagation private --pid --fork --kill-child -- \
		"$0" --inside "$keep" "$root" "$@"
fi

keep=$2 root=$3
shift 3

if [[ $keep == 0 ]]; then
	# In our own mount namespace, so every run has this directory to itself.
	top=$CACHE/overlay
	mkdir -p "$top"
	mount -t tmpfs sandbox "$top"
	mkdir "$top/upper" "$top/work" "$top/root"
	mount -t overlay -o "lowerdir=$root,upperdir=$top/upper,workdir=$top/work" overlay "$top/root" ||
		die "cannot mount an overlay on $root" "the host kernel needs CONFIG_OVERLAY_FS"
	root=$top/root
else
	mount --bind "$root" "$root"
fi
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs run "$root/run"
mount -t tmpfs tmp "$root/tmp"
mkdir -p "$root/src"
mount --bind "$TREE" "$root/src"
if [[ -f /etc/resolv.conf ]]; then
	rm -f "$root/etc/resolv.conf"
	cp -L /etc/resolv.conf "$root/etc/resolv.conf"
fi

exec chroot "$root" /usr/bin/env -i \
	HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive ${TERM:+TERM="$TERM"} \
	/bin/sh -c 'cd /src && exec "$@"' sh "$@"
