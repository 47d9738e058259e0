#!/bin/bash
# Removes the cached sandboxes. One file system only: nothing mounted below is followed.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
need_root
for path in "$CACHE"/sandbox-* "$CACHE"/root-* "$CACHE"/building "$CACHE"/overlay "$CACHE"/kvm-* "$CACHE"/{prepare,debug-kernel}.log "$CACHE"/{,debug-kernel.}lock; do
	[[ -e $path || -L $path ]] || continue
	say "clean-cache: removing $path"
	rm -rf --one-file-system "$path"
done
