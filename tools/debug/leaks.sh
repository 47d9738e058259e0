#!/bin/bash
# In the guest of a debug kernel: removes the module, has kmemleak look for memory that
# nothing points to, prints what it finds, and inserts the module again ($RUST_MPTCP_KO).
#
# Ends with 1 if there is some, its first line saying how much.
kmemleak=/sys/kernel/debug/kmemleak
symbols=$(mktemp)
trap 'rm -f "$symbols"' EXIT

# Removal is refused as long as there is a socket, and the last ones take a moment: an orphan that nobody answers, a minute.
remove() {
	local end=$((SECONDS + 60 + 10 * ${SLOW:-1})) refused=
	while ((SECONDS < end)); do
		! grep -q '^rust_mptcp ' /proc/modules || refused=$(rmmod rust_mptcp 2>&1) && return
		sleep 0.1
	done
	echo "the module cannot be removed: $refused ($(cat /sys/module/rust_mptcp/refcnt) references)"
	ss -Mtnaep 2>&1 | head -n 40
	return 1
}

# Addresses within the module, which is gone by now, as function+offset.
name_addresses() {
	python3 -c '
import bisect, re, sys
symbols = sorted((int(line.split()[0], 16), line.split()[2]) for line in open(sys.argv[1]))
for line in sys.stdin:
    address = re.search("0xffffffff[0-9a-f]{8}$", line)
    if address and symbols:
        at = int(address[0], 16)
        i = bisect.bisect_right(symbols, (at, "~")) - 1
        if i >= 0 and at < symbols[-1][0] + 65536:
            line = f"{line.rstrip()} {symbols[i][1]}+{at - symbols[i][0]:#x}\n"
    print(line, end="")
' "$symbols"
}

grep '\[rust_mptcp\]$' /proc/kallsyms | sort >"$symbols"
remove || exit 1
# What is younger than 5 s is not counted, nor what has changed since the scan before.
sleep 6
echo scan >$kmemleak
echo scan >$kmemleak
found=$(cat $kmemleak)
echo clear >$kmemleak
[[ -z ${RUST_MPTCP_KO-} ]] || insmod "$RUST_MPTCP_KO" || exit 1
[[ -z $found ]] && exit 0
echo "$(grep -c '^unreferenced object' <<<"$found") objects leaked"
name_addresses <<<"$found"
exit 1
