# shellcheck shell=bash
# What the host must give prepare.sh: a bootstrap tool and the address of an archive.

is_debian_family() { command -v apt-get >/dev/null && command -v dpkg >/dev/null; }

# Prints mmdebstrap or debootstrap, whichever is there, installing one if need be.
bootstrap_tool() {
	local tool
	for tool in mmdebstrap debootstrap; do
		command -v "$tool" && return
	done
	is_debian_family || die "neither mmdebstrap nor debootstrap is installed" \
		"install one, e.g.: dnf install debootstrap | pacman -S debootstrap | zypper install debootstrap" \
		"and give the archive: make MIRROR=<URL of a Debian mirror, ending in /debian>"
	say "host: installing mmdebstrap with apt-get"
	# An update that fails for some other archive of this host need not stop us.
	{ apt-get update || true; apt-get install -y --no-install-recommends mmdebstrap; } >&2 ||
		die "apt-get could not install mmdebstrap" "see its output above"
	command -v mmdebstrap
}

# Prints the Debian archive: MIRROR, or the one the host's own apt uses. It is asked
# for, never written down, so that a machine behind a mirror or proxy works as it is.
find_mirror() {
	local uri
	if [[ -n ${MIRROR-} ]]; then
		echo "${MIRROR%/}"
		return
	fi
	if is_debian_family; then
		# shellcheck disable=SC2016 # apt-get replaces it, not the shell.
		uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
			grep -E '/debian/?$' | sort -u | head -n 1)
	fi
	[[ -n ${uri-} ]] || die "found no Debian mirror in this host's apt configuration" \
		"name one: make MIRROR=<URL of a Debian mirror, ending in /debian>"
	echo "${uri%/}"
}

# Prints the host's apt settings that reaching its mirror may depend on.
apt_options() {
	is_debian_family || return 0
	apt-config dump |
		sed -nE 's/^(Acquire::(Check-Valid-Until|Retries|ForceIPv[46]|https?::[A-Za-z-]+) "[^"]+";)$/\1/p'
}

# Says in one sentence why a step failed, as far as its log tells.
explain_failure() {
	local log=$1 step=$2 why="its last words are above"
	tail -n 15 "$log" >&2
	if grep -qiE 'no space left|not enough free space' "$log"; then
		why="the disk is full: the sandbox needs 8 GB below $CACHE"
	elif grep -qiE 'could not resolve|temporary failure|could not connect|unable to connect|network is unreachable|connection (failed|refused|timed out)' "$log"; then
		why="the Debian mirror ${MIRROR_USED-} cannot be reached; check the network, or name another: make MIRROR=..."
	elif grep -qiE 'NO_PUBKEY|no valid openpgp|not signed' "$log"; then
		why="the host lacks Debian's archive keys; install debian-archive-keyring"
	fi
	die "$step failed" "$why" "full log: $log"
}
