#!/bin/bash
# The demo's second part, in a guest of its own: paths.sh STACK tells what several paths are for.
# Its clock counts instructions, so that a path has its rate and a gap its length on any machine;
# while it waits for a file of the host, seconds go by.
export RUST_MPTCP_KO=/src/build/sandbox/rust_mptcp.ko SLOW=10
. tools/testing/net/lib.sh >/dev/null
. tools/demo/steps.sh
. tools/demo/stories.sh
STACK=$1

modprobe veth
for name in client server; do
	ip netns add "$name"
	ip -n "$name" link set lo up
done
if [[ $STACK == *ours* ]]; then
	insert
	stories ours
	remove
fi
[[ $STACK != *in-tree* ]] || stories in-tree
summary
