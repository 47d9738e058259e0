#!/bin/bash
# The demo, in the guest (tree at /src). Ordinary programs talk MPTCP between two network
# namespaces: nginx and curl, which know nothing of it, and the samples.
. tools/testing/net/lib.sh >/dev/null
export RUST_MPTCP_KO=/src/build/sandbox/rust_mptcp.ko
. tools/demo/steps.sh

prepare
in_tree_sockets
insert
samples
files "$V4" IPv4
files "$V6" IPv6
segments
counters
plain_peers
in_tree_peers
remove
summary
