#!/usr/bin/env bash
# demo.sh [SHMCHAN]: the main job on real input, shown to be right. Eight
# `shmchan send` processes at once, each with the lines of its share of the Go
# source tree of this machine, and one `shmchan recv` that takes them all. In
# the second round one of the eight is killed in the middle. Needs Go, bash,
# sed and coreutils. Exit 0 if every check holds.
set -euo pipefail
shopt -s globstar nullglob
export LC_ALL=C

shmchan=$(realpath "${1:-bin/shmchan}")
work=$(mktemp -d)
SHMCHAN_DIR=$(mktemp -d /dev/shm/shmchan-demo.XXXXXX)
export SHMCHAN_DIR
recv='' usher='' senders=()

cleanup() {
	exec 7>&- || true
	kill "${senders[@]}" ${usher:+"$usher"} ${recv:+"$recv"} 2>/dev/null || true
	wait 2>/dev/null || true
	rm -rf "$work" "$SHMCHAN_DIR"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '%-9s%s\n' "$1" "$2"; }
fail() {
	echo "demo: FAILED: $*" >&2
	sed 's/^/demo: recv said: /' recv.err >&2 2>/dev/null || true
	exit 1
}
lines() { wc -l <"$1"; }
size() { stat -c %s "$1"; }
now() { echo "${EPOCHREALTIME/./}"; } # in microseconds
# rate N US: N in US microseconds, a second
rate() { echo $(($1 * 1000000 / ($2 + 1))); }
mega() { printf '%d.%02d' $(($1 / 1000000)) $(($1 % 1000000 / 10000)); }

# start_recv: a receiver that writes what comes to ./out. An usher, a sender
# that sends nothing, stays until the eight have been, so that the channel is
# not done when one of them ends before another has begun. The tree has a line of
# 1.4 MB, and the largest message is half the capacity.
start_recv() {
	rm -f usher.in
	mkfifo usher.in
	"$shmchan" recv --capacity 4M demo >out 2>recv.err &
	recv=$!
	"$shmchan" send demo <usher.in &
	usher=$!
	exec 7>usher.in
}

# end_recv: the usher leaves; with no sender left, recv ends by itself.
end_recv() {
	exec 7>&-
	wait "$usher" || fail "the usher ended with status $?"
	usher=''
	local status=0
	wait "$recv" || status=$?
	recv=''
	[ "$status" = 0 ] || fail "recv ended with status $status"
}

cd "$work"
root=$(go env GOROOT)/src
files=("$root"/**/*.go)
[ "${#files[@]}" -ge 8 ] || fail "no Go source tree at $root"
for i in {0..7}; do
	share=()
	for ((f = i; f < ${#files[@]}; f += 8)); do
		[ -f "${files[f]}" ] && share+=("${files[f]}")
	done
	# A file's last line may lack its newline: $a\ adds it.
	sed -s -e "\$a\\" "${share[@]}" >"share.$i"
done
sort share.? >all.sorted
sort share.[0-6] >seven.sorted
total=$(lines all.sorted)
bytes=$(($(size all.sorted) - total)) # without the newlines
say input "${#files[@]} Go files of $root in eight shares: $total lines"

start_recv
begin=$(now)
for i in {0..7}; do
	"$shmchan" send demo <"share.$i" &
	senders+=($!)
done
for pid in "${senders[@]}"; do
	wait "$pid" || fail "sender $pid ended with status $?"
done
senders=()
end_recv
took=$(($(now) - begin))
say 'round 1' "eight senders, one receiver: $(lines out) messages, $bytes bytes in $(mega "$took") s"
say '' "$(rate "$total" "$took") messages/s, $(mega "$(rate "$bytes" "$took")") MB/s"
sort out >out.sorted
cmp out.sorted all.sorted || fail 'sorted output differs from sorted input'
say '' 'sorted output equals sorted input: yes'

# Round 2: the last sender's input never ends, so it is killed in the middle.
forever() { while cat share.7 2>/dev/null; do :; done; }
mkfifo victim.in
start_recv
for i in {0..6}; do
	"$shmchan" send demo <"share.$i" &
	senders+=($!)
done
"$shmchan" send demo <victim.in &
victim=$!
forever >victim.in &
feeder=$!
until [ "$(size out)" -gt $((bytes / 3)) ]; do
	kill -0 "$recv" 2>/dev/null || fail 'recv was gone before the kill'
	kill -0 "$victim" 2>/dev/null || fail 'the victim was gone before the kill'
	sleep 0.01
done
at=$(size out) status=0
{ kill -9 "$victim" && wait "$victim" || status=$?; } 2>/dev/null # bash would say Killed
[ "$status" = 137 ] || fail "the victim ended with status $status"
wait "$feeder" 2>/dev/null || true
for pid in "${senders[@]}"; do
	wait "$pid" || fail "sender $pid ended with status $?"
done
senders=()
end_recv
say 'round 2' "one of the eight, process $victim, killed with kill -9 at $(mega "$at") MB received"

sort out >out.sorted
missing=$(comm -23 seven.sorted out.sorted | wc -l)
[ "$missing" = 0 ] || fail "$missing lines of the other seven are missing"
say '' "the other seven: all $(lines seven.sorted) lines there and whole: yes"
comm -13 seven.sorted out.sorted >rest
{ forever | head -n "$(lines rest)"; } 2>/dev/null | sort >sent || true
cmp rest sent || fail 'what came of the killed sender is not the beginning of its input'
[ -s rest ] || fail 'nothing came of the killed sender'
say '' "the killed one: the first $(lines rest) lines that it sent, each whole: yes"
grep -q "$victim" recv.err || fail "recv did not tell of the death of $victim"
say '' "recv told of it: $(grep -m 1 "$victim" recv.err)"
left=$(ls -A "$SHMCHAN_DIR")
[ -z "$left" ] || fail "left behind: $left"
say 'done' 'every check passed'
