#!/bin/bash
# In the sandbox, before the VM is up: files.sh MIB. What takes long in an emulated machine:
# real files of that size together with their sums in build/demo, and the programs.
set -euo pipefail
mkdir -p build/demo/files build/net
left=$(($1 << 20))
while read -r size file && ((left > 0)); do
	cp "$file" build/demo/files/
	left=$((left - size))
done < <(find /usr/bin /usr/sbin -xdev -type f -size +500k -size -12M -printf '%s %p\n' | sort -k2)
((left <= 0)) || {
	echo "error: not enough files in /usr/bin" >&2
	exit 1
}
(cd build/demo/files && sha256sum -- * >../sums)
for name in peer wirecount; do
	gcc -O1 -D_GNU_SOURCE -o "build/net/$name" "tools/testing/net/$name.c"
done
for name in client server; do
	gcc -O1 -o "build/demo/sample-$name" "samples/$name.c"
done
