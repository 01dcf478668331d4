#!/usr/bin/env bash
# screenshot.sh SHMCHAN: runs `SHMCHAN watch` in a terminal beside a little load, and
# prints the screen with its colours, once one channel is almost full.
set -euo pipefail

bin=$(realpath "$1")
columns=104 rows=19
SHMCHAN_DIR=$(mktemp -d /dev/shm/demo.XXX)
export SHMCHAN_DIR LC_ALL=C.UTF-8
socket=$(mktemp -u /tmp/screenshot.XXXXXX)

cleanup() {
	tmux -S "$socket" kill-server 2>/dev/null || true
	for job in $(jobs -p); do kill -KILL -- "-$job" 2>/dev/null || true; done
	wait 2>/dev/null
	rm -rf "$SHMCHAN_DIR" "$socket"
}
trap cleanup EXIT
set -m # each job is a process group

# feed CHANNEL RATE SWING PERIOD: a sender of about RATE messages a second, which vary by
# SWING over PERIOD seconds.
feed() {
	awk -v rate="$2" -v swing="$3" -v period="$4" 'BEGIN {
		for (t = 0; ; t += 0.1) {
			due += (rate + swing * sin(6.2832 * t / period)) / 10
			for (; due >= 1; due--) print "a message of some fifty bytes, as they are in logs"
			fflush()
			system("sleep 0.1")
		}
	}' | "$bin" send -q --wait 30s "$1" 2>/dev/null &
}

{
	"$bin" recv -q access-log >/dev/null &
	"$bin" recv -q metrics >/dev/null &
	"$bin" recv -q --durable --capacity 64K --exec 'sleep 0.1' jobs &
	"$bin" create --durable audit
	seq 12000 | "$bin" send audit
	for period in 40 25 60; do feed access-log 3000 2000 "$period"; done
	for swing in 90 100; do feed metrics 100 "$swing" 12; done
	for rate in 8 6 4 2; do feed jobs "$rate" 2 "$rate"; done
	feed jobs 1 0 1
} >&2

tmux -S "$socket" -f /dev/null -u new-session -d -x "$columns" -y "$rows" env -u NO_COLOR "$bin" watch
sleep 10
tmux -S "$socket" send-keys s # by fill
kill -STOP $! # the last sender stalls
sleep 55      # until the sparklines reach back a minute
for ((i = 0; i < 120; i++)); do
	if "$bin" stat jobs | grep -q '^used .*(9[0-9]%)'; then break; fi
	sleep 1
done
sleep 1
tmux -S "$socket" capture-pane -e -p
