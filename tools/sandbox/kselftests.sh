#!/bin/bash
# Inside the root: builds the programs of the kernel's MPTCP selftests, unchanged.
# Their scripts need nothing built outside their own directory: ../lib.sh only sources
# shell files of ../lib and of kselftest.
set -euo pipefail
cd "/usr/src/linux-source-$1"
make -j"$(nproc)" headers
make -j"$(nproc)" -C tools/testing/selftests/net/mptcp
cd tools/testing/selftests/net/mptcp
for program in mptcp_connect mptcp_sockopt mptcp_inq mptcp_diag pm_nl_ctl; do
	[[ -x $program ]] || {
		echo "selftest program $program was not built"
		exit 1
	}
done
