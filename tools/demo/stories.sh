# shellcheck shell=bash
# shellcheck disable=SC2153,SC2154 # WORK and the like are lib.sh's.
# What several paths are for, told with one download each; sourced by paths.sh.
# build/demo/NAME-STACK.json is what was seen of it (watch.py), build/demo/NAME.svg the picture.

# stories STACK: of ours or in-tree, whichever serves new sockets now.
stories() {
	local stack=$1 label="this module"
	[[ $stack == ours ]] || label="in-tree MPTCP"
	aggregation
	walk_out link-down "link down" "$LINK_DOWN"
	walk_out silence silence "$SILENCE"
}

serve_download() {
	if [[ ! -f $WORK/files/download ]]; then
		mkdir "$WORK/files"
		head -c $((16 << 20)) /dev/urandom >"$WORK/files/download"
		SUM=$(sha256sum <"$WORK/files/download")
	fi
	[[ -z $(server ss -Htln "sport = :$HTTP") ]] || return 0
	web_server "$HTTP" mptcpize run
	until_listening "$HTTP"
}

# download NAME OPTION...: curl's output through watch.py. Fails where there is one path only.
download() {
	local name=$1-$stack
	shift
	REPORTED=build/demo/$name.json
	serve_download
	{ client mptcpize run curl -sS --fail --max-time 60 "http://$FIRST:$HTTP/download" 2>"$WORK/curl" || true; } |
		client python3 -B tools/bench/watch.py "$REPORTED" --copy "$WORK/one" "$@" 2>"$WORK/watch" ||
		failed "$name: $(cat "$WORK/watch" "$WORK/curl")"
	asked '20 * (.paths | min) > (.paths | max)' || failed "$name: only one of the paths was used"
	[[ $(sha256sum <"$WORK/one") == "$SUM" ]] ||
		failed "$name: the file came with another SHA-256 ($(cat "$WORK/curl"))"
}

# asked EXPRESSION: is that so in the report? told EXPRESSION: its value.
asked() { jq -e "$1" "$REPORTED" >/dev/null; }
told() { jq -r "$1" "$REPORTED"; }

# drawn NAME TITLE DEATH: ours and in-tree's below one another, if both were run; the latter is later.
drawn() {
	local reports=() which
	for which in "this module=build/demo/$1-ours.json" "in-tree MPTCP=build/demo/$1-in-tree.json"; do
		[[ ! -f ${which#*=} ]] || reports+=("$which")
	done
	python3 -B tools/demo/picture.py "build/demo/$1.svg" "$2" "$3" "${reports[@]}" >"$WORK/picture" 2>&1 ||
		failed "no picture of $1: $(tail -n 1 "$WORK/picture")"
	sed 's/^/     /' "$WORK/picture"
	echo "   picture: build/demo/$1.svg"
}

aggregation() {
	local speed
	step "Two paths, 20 Mbit/s 10 ms and 10 Mbit/s 20 ms: one download, $label"
	two_paths 20 10 10 20
	download aggregation
	drawn aggregation "Aggregation: one download over 20 and 10 Mbit/s" ""
	speed=$(told '.octets * 8e-6 / .seconds * 10 | round / 10')
	echo "   16 MiB in $(told '.seconds * 10 | round / 10') s, SHA-256 right: $speed Mbit/s, where the first path alone has 20"
	note "two paths, $stack" "$speed Mbit/s over 20 and 10 Mbit/s, SHA-256 right"
}

# walk_out NAME DEATH COMMAND
walk_out() {
	local gap
	step "The first of two paths dies in the middle: $2; $label"
	two_paths 20 20 20 20
	download "$1" --cut $((8 << 20)) "$3"
	asked '.cut != null' || failed "$1: the download was over before the path died"
	drawn "$1" "Walk-out: the first of two paths dies in the middle ($2)" "$2"
	gap=$(told '1000 * (.gap[1] - .gap[0]) | round')
	echo "   all 16 MiB arrived, SHA-256 right; without an octet for $gap ms when the path died"
	note "a path dies: $2, $stack" "the download goes on after $gap ms, SHA-256 right"
}
# shellcheck disable=SC1091
. tools/bench/two-paths.sh
