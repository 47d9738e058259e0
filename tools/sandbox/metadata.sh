#!/bin/bash
# Inside the root: rebuilds what Debian's headers package leaves out, the Rust metadata
# of the shipped kernel, and proves that it describes that very kernel.
#   stdout: the commands' output; stderr: what a person wants to know
set -euo pipefail
krel=$1
series=$(cut -d. -f1-2 <<<"$krel")
headers=/usr/src/linux-headers-$krel
src=/usr/src/linux-source-$series

tell() { printf '        metadata: %s\n' "$*" >&2; }
stop() {
	tell "STOP: $1"
	shift
	for line in "$@"; do tell "  $line"; done
	exit 1
}

tar -C /usr/src -xJf "/usr/src/linux-source-$series.tar.xz"
rm "/usr/src/linux-source-$series.tar.xz"
cp "$headers/.config" "$src/.config"
cd "$src"

# The release must come out as the shipped one, for vermagic.
suffix=${krel#"$(make -s kernelversion)"}
kmake=(make -j"$(nproc)" CC=x86_64-linux-gnu-gcc-14 CROSS_COMPILE=x86_64-linux-gnu- LOCALVERSION="$suffix")
"${kmake[@]}" prepare modules_prepare 2>&1

built=$(cat include/config/kernel.release)
[[ $built == "$krel" ]] || stop "the source builds release $built, the kernel is $krel"

if ! cmp -s "$headers/.config" .config; then
	stop "the configuration came out different from the shipped one:" \
		"$(diff "$headers/.config" .config | grep '^[<>]' | head -n 20)" \
		"a tool of the kernel's build is missing or of another version (see tools/sandbox/packages.txt)"
fi
tell "configuration identical to the shipped one"

# Kbuild lists in these headers what nm finds in the Rust objects; the names carry a hash
# of compiler and options, so equal names mean that the metadata fits the running code.
LC_ALL=C
export LC_ALL
sed -nE 's/^EXPORT_SYMBOL_RUST_GPL\((.*)\);/\1/p' rust/exports_*_generated.h | sort -u >/tmp/built
awk -F'\t' '$3 == "vmlinux" && $2 ~ /^(_R|rust_helper_)/ { print $2 }' "$headers/Module.symvers" | sort -u >/tmp/shipped
missing=$(comm -13 /tmp/built /tmp/shipped)
[[ -s /tmp/shipped ]] || stop "the shipped kernel exports no Rust symbol"
[[ -z $missing ]] || stop "$(wc -l <<<"$missing") of $(wc -l </tmp/shipped) exported Rust symbols of the shipped kernel are not reproduced, e.g." \
	"$(head -n 3 <<<"$missing")" \
	"the shipped kernel was built with another rustc, bindgen or gcc than this root's ($(rustc --version))"
tell "all $(grep -c ^_R /tmp/shipped) exported Rust symbols and $(grep -c ^rust_helper_ /tmp/shipped) helpers reproduced"

cp "$headers/Module.symvers" Module.symvers
# With the shipped kernel's BTF at hand, modules get theirs.
ln -s "$headers/vmlinux" vmlinux
