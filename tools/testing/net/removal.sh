#!/bin/bash
# Insert and remove as fast as it goes while MPTCP connections are made, used and closed
# all the time: each is served, by the module or by the kernel, and none is cut. From the moment that
# rmmod has decided until the module is out of the list of protocols the kernel says that it has no
# memory for a socket: then it is asked again (peer -R).
# 20 s, or 10 minutes with LONG=1.
# timeout: 1200
# when: long
. "$(dirname "$0")/lib.sh"
SECONDS_OF_IT=20
[[ -z ${LONG-} ]] || SECONDS_OF_IT=600

# One after the other until the stop file is there, with pauses, since rmmod wants a moment without any; the first failure
# goes to its file.
converse_on() {
	local conversation=$1 address=$2
	LAST_PORT=$3
	while [[ ! -f $WORK/stop ]]; do
		talk "$conversation" "$address" -R -n 20000 -- -R -n 20000 || {
			echo "$REPORT" >"$WORK/wrong.$conversation"
			return
		}
		echo >>"$WORK/served"
		nap "$((RANDOM % 2)).$((RANDOM % 10))"
	done
}

topology
: >"$WORK/served"
converse_on bulk "$V4" 20000 &
TALKS=($!)
converse_on ping-pong "$V6" 30000 &
TALKS+=($!)
inserted=0 removed=0 refused=0
end=$((SECONDS + SECONDS_OF_IT * SLOW))
while ((SECONDS < end)); do
	if grep -q '^rust_mptcp ' /proc/modules; then
		if rmmod rust_mptcp 2>"$WORK/rmmod"; then removed=$((removed + 1)); else refused=$((refused + 1)); fi
	else
		module_in && inserted=$((inserted + 1))
	fi
done
: >"$WORK/stop"
wait "${TALKS[@]}"

wrong=$(cat "$WORK"/wrong.* 2>/dev/null)
served=$(wc -l <"$WORK/served")
[[ -z $wrong ]] && ((served > 10))
result "$served connections under way" $? "$wrong"
((inserted > 2 && removed > 2))
result "inserted $inserted times, removed $removed times, refused $refused times" $? "$(cat "$WORK/rmmod")"
module_in
result "the module is in at the end" $?
finish
