#!/bin/bash
# Makes the Debian 13 sandbox once: a root with trixie's toolchain, the newest 7.3
# kernel of trixie-backports, that kernel's rebuilt Rust metadata, and its selftests.
#
# Cached below ${XDG_CACHE_HOME:-~/.cache}/rust-mptcp under a name made of the kernel
# version, the rustc version and the package list; a directory of that name is
# complete, because it is renamed into place only at the end.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$SANDBOX/host.sh"

SUITE=trixie
WANT_SERIES=7.3
NEED_GB=8

in_root() { "$SANDBOX/enter.sh" --keep --root "$work/root" "$@"; }

# Runs a step with its output in the log; explains and stops if it fails.
step() {
	local what=$1
	shift
	say "sandbox: $what"
	"$@" >>"$log" 2>&1 || explain_failure "$log" "sandbox: $what"
}

check_space() {
	local free
	free=$(df --output=avail -B1G "$CACHE" | tail -n 1)
	((free >= NEED_GB)) || die "only $free GB free below $CACHE, the sandbox needs $NEED_GB GB" \
		"free some, or put the cache elsewhere: XDG_CACHE_HOME=/somewhere make ..."
}

bootstrap_root() {
	local packages sources
	mapfile -t packages < <(package_list)
	sources="deb $mirror $SUITE main
deb $mirror $SUITE-updates main
deb $mirror $SUITE-backports main"
	apt_options >"$work/apt.conf"
	echo 'APT::Install-Recommends "false";' >>"$work/apt.conf"
	printf '%s\n' 'path-exclude=/usr/share/man/*' 'path-exclude=/usr/share/doc/*' \
		'path-exclude=/usr/share/locale/*' 'force-unsafe-io' >"$work/dpkg.conf"
	case $tool in
	*/mmdebstrap)
		mmdebstrap --mode=root --variant=minbase --include="$(IFS=, && echo "${packages[*]}")" \
			--aptopt="$work/apt.conf" --dpkgopt="$work/dpkg.conf" \
			"$SUITE" "$work/root" - <<<"$sources"
		;;
	*)
		debootstrap --variant=minbase "$SUITE" "$work/root" "$mirror" &&
			cp "$work/apt.conf" "$work/root/etc/apt/apt.conf.d/99sandbox" &&
			cp "$work/dpkg.conf" "$work/root/etc/dpkg/dpkg.cfg.d/99sandbox" &&
			echo "$sources" >"$work/root/etc/apt/sources.list" &&
			in_root apt-get update &&
			in_root apt-get install -y "${packages[@]}"
		;;
	esac && in_root apt-get update
}

# Prints the release and package version of the kernel to use.
choose_kernel() {
	local all release version
	all=$(in_root apt-cache pkgnames linux-headers- |
		sed -nE 's/^linux-headers-([0-9]+\.[0-9][^-]*-amd64)$/\1/p' | sort -rV)
	for release in $(grep "^${WANT_SERIES//./\\.}\." <<<"$all") $(grep '+deb' <<<"$all"); do
		version=$(in_root apt-cache madison "linux-headers-$release" |
			awk -F' *[|] *' 'NR == 1 { print $2 }')
		fetch_headers "$release" "$version" || return 1
		if has_rust "$release"; then
			echo "$release $version"
			return
		fi
		say "sandbox: kernel $release has no CONFIG_RUST=y, trying the next"
	done
	return 1
}

# The headers package is where a kernel's configuration is found in every layout that
# Debian has used; it is fetched to where apt finds it for the installation.
fetch_headers() {
	in_root sh -c "cd /var/cache/apt/archives && apt-get download -q 'linux-headers-$1=$2'" >>"$log" 2>&1
}

has_rust() {
	in_root sh -c "dpkg-deb --fsys-tarfile /var/cache/apt/archives/linux-headers-$1_*.deb |
		tar -xO ./usr/src/linux-headers-$1/.config | grep ^CONFIG_RUST=y" >>"$log" 2>&1
}

install_kernel() {
	# INITRD=No: nobody boots from this root's own initramfs, and it costs a minute.
	in_root env INITRD=No apt-get install -y -t "$SUITE-backports" \
		"linux-image-$krel=$kver" "linux-headers-$krel=$kver" "linux-source-$series=$kver" &&
		install_perf &&
		in_root apt-get clean
}

# For profiles (tools/bench); one of another version reads this kernel's events as well.
install_perf() {
	in_root apt-get install -y -t "$SUITE-backports" "linux-perf=$kver" ||
		in_root apt-get install -y linux-perf
}

# A boot under emulation spends seconds on udev rules and drivers for hardware that no
# test looks at; and the rules for network interfaces would rename the tests' own.
trim_for_boot() {
	local rules=$work/root/usr/lib/udev/rules.d rule
	for rule in "$rules"/*; do
		case ${rule##*/} in
		50-udev-default.rules | 80-drivers.rules) ;;
		*) rm "$rule" ;;
		esac
	done
	printf 'blacklist %s\n' ahci floppy i2c_i801 i6300esb kvm_amd kvm_intel lpc_ich parport_pc \
		pcspkr powernow_k8 psmouse sr_mod >"$work/root/etc/modprobe.d/emulation.conf"
}

build() {
	local tool mirror krel kver series kernel rustc name
	check_space
	tool=$(bootstrap_tool)
	mirror=$(find_mirror)
	MIRROR_USED=$mirror
	rm -rf --one-file-system "$work"
	trap 'rm -rf --one-file-system "$work"' EXIT
	mkdir -p "$work/root"
	: >"$log"

	step "unpacking Debian 13 with $(package_list | wc -l) tools from $mirror (1-2 minutes)" bootstrap_root
	kernel=$(choose_kernel) || explain_failure "$log" "sandbox: finding a kernel with CONFIG_RUST=y in $SUITE-backports"
	read -r krel kver <<<"$kernel"
	series=$(cut -d. -f1-2 <<<"$krel")
	[[ $series == "$WANT_SERIES" ]] ||
		say "sandbox: NOTE: the archive has no $WANT_SERIES kernel any more; taking $krel"
	step "installing kernel $krel, its headers and source" install_kernel
	say "sandbox: rebuilding the Rust metadata of $krel (1-2 minutes)"
	# shellcheck disable=SC2094 # Both only append.
	# Its sentences are for the screen as well, its commands' output for the log alone.
	in_root /src/tools/sandbox/metadata.sh "$krel" 2> >(tee -a "$log" >&2) >>"$log" ||
		explain_failure "$log" "sandbox: rebuilding the Rust metadata of $krel"
	step "building the kernel's own MPTCP selftests" in_root /src/tools/sandbox/kselftests.sh "$series"

	trim_for_boot
	rustc=$(in_root rustc --version | cut -d' ' -f2)
	cat >"$work/info" <<-EOT
		KREL=$krel
		KSRC=/usr/src/linux-source-$series
		VMLINUZ=/boot/vmlinuz-$krel
		MAKE_ARGS="CC=x86_64-linux-gnu-gcc-14 CROSS_COMPILE=x86_64-linux-gnu-"
	EOT
	name="$CACHE/root-$krel-rustc-$rustc-${link##*-}"
	rm -rf "$name"
	mv "$work" "$name"
	ln -sfn "$(basename "$name")" "$link"
	say "sandbox: ready in $name"
}

need_root
[[ $(uname -m) == x86_64 ]] || die "this machine is $(uname -m); the sandbox is made for x86_64 so far"
link=$(sandbox_link)
[[ -f $link/info ]] && exit 0

mkdir -p "$CACHE"
work=$CACHE/building log=$CACHE/prepare.log
exec 9>"$CACHE/lock"
flock -n 9 || {
	say "sandbox: another run is preparing it, waiting"
	flock 9
}
[[ -f $link/info ]] && exit 0
say "sandbox: preparing once, into $CACHE (log: $log)"
build
