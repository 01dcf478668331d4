#!/usr/bin/env bash
# Checks the models with Spin, as many configurations at a time as JOBS says (two);
# docs/model.md says what they are.
#   run.sh quick     the small ones: a minute
#   run.sh full      all, and the mutants: minutes
#   run.sh mutants   what Spin must find
#   run.sh one MODEL "SPIN FLAGS" ["PAN FLAGS"]
# Behind quick, full and mutants: a regular expression for the names of those to run.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
ensure=$here/../../internal/tools/ensure.sh
jobs=${JOBS:-2}
only=${2:-}
work=$(mktemp -d)

# stop ends what still runs: each check is a process group.
stop() {
	local job
	for job in $(jobs -p); do
		kill -- "-$job" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM
set -m

# check NAME MODEL SPIN-FLAGS PAN-FLAGS WANT: WANT is pass, or mutant for a model
# in which Spin must find an error. It does so in the background.
check() {
	if [ -n "$only" ] && ! [[ $1 =~ $only ]]; then
		return
	fi
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
		wait -n || true
	done
	verify "$@" || touch "$work/failed" &
}

verify() {
	local name=$1 model=$2 want=$5 dir safety=-DSAFETY code=0 states mib found start=$SECONDS
	local -a spin pan
	read -ra spin <<<"$3"
	read -ra pan <<<"$4"
	if [[ " $4 " == *" -a "* ]]; then
		safety=-DNFAIR=3
	fi
	dir=$(mktemp -d "$work/XXXXXX")
	cd "$dir"
	if ! { spin "${spin[@]}" -a "$here/$model.pml" &&
		gcc -w -O2 "$safety" -DCOLLAPSE -DMEMLIM=5500 -DVECTORSZ=2048 -o pan pan.c; } >log 2>&1; then
		printf '%s\n%s\n' "$name: spin or gcc:" "$(cat log)" >&2
		return 1
	fi
	nice ./pan "${pan[@]}" >out 2>&1 || code=$?
	local seconds=$((SECONDS - start))
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' out)
	mib=$(sed -n 's/^ *\([0-9]*\)[.0-9]*\ttotal actual memory usage.*/\1/p' out)
	found=$(outcome "$code")
	if [ "$found" = found ]; then
		found="found: $(label "${spin[@]}" "$here/$model.pml" | paste -sd ' ')"
	fi
	printf '%-24s %9.0f states %5s MiB %4d s  %s\n' "$name" "${states:-0}" "${mib:-?}" "$seconds" "$found"
	case $want:$found in
	pass:passed | mutant:found*) return 0 ;;
	esac
	echo "  not as it must be ($want): $model.pml $3" >&2
	tail -n 5 out >&2
	return 1
}

# outcome CODE says what pan's report in out and its exit code mean. Passed is only
# a search that came to its end; found only what the model calls wrong. One that
# ran out of memory or depth, hit a limit of pan's, or was killed, is neither.
outcome() {
	if grep -q '^pan:1: \(assertion violated\|invalid end state\|acceptance cycle\)' out && grep -q 'errors: 1$' out; then
		echo found
	elif [ "$1" = 0 ] && grep -q '^Full statespace search for:' out && grep -q 'errors: 0$' out &&
		! grep -q 'not completed\|^error\|^pan:1\|^pan: \(error\|reached\|out of\)' out; then
		echo passed
	else
		echo "not exhausted, pan gave $1: $(grep -m 1 '^error\|^pan:1\|^pan: ' out)"
	fi
}

# label replays what was found: the name of the assertion, from the comment behind it.
label() {
	local model=${!#} at line
	line=$(spin -t -k "$(basename "$model").trail" "$@" 2>/dev/null | sed -n 's/^spin: \(.*\), Error: assertion violated.*/\1/p' | head -n 1)
	at=${line##*:}
	if [ -n "$at" ]; then
		sed -n "${at}s/.*\/\* \([A-Z][0-9][A-Z0-9, ]*\).*/\1/p" "${line%:*}"
	fi
	sed -n 's/^pan:1: \(.*\) (at depth.*/\1/p' out | head -n 1
}

small="-m500000 -w22"
rests="-m2000000 -w24 -E"          # the model may end at rest, and judges that itself
lives="-m3000000 -w24 -a -f -N progress" # a formula, with weak fairness
large="-m12000000 -w26"

quick() {
	check ring-payload ring "-DNR=1 -DMAXD=2 -DMAXC=1 -DPAY -DCACHE" "$small" pass
	check ring-wrap ring "-DNR=2 -DMAXD=2 -DMAXC=1 -DCYC -DBIG" "$small" pass
	check bell bell "" "$small" pass
	check bell-fence bell "-DFENCE=1" "$small" pass
	check bell-unregistered bell "-DSELF" "$small" pass
	check bell-deaths bell "-DMAXD=2 -DTICK" "$small" pass
	check line line "-DNR=1 -DUSED=2" "$rests" pass
	check line-fence line "-DNR=1 -DUSED=2 -DFENCE=1" "$rests" pass
	check line-flush line "-DNR=1 -DFLUSH" "$rests" pass
	check line-deaths line "-DNR=1 -DUSED=2 -DMAXD=1 -DBEATS=2" "$rests" pass
	check line-progress line "-DLIVE" "$lives" pass
	check line-barred line "-DNR=1 -DUSED=2 -DMAXD=1 -DBEATS=2 -DCAP=3 -DBARRED" "$rests" pass
	check line-barred-progress line "-DLIVE -DCAP=3 -DBARRED" "$lives" pass
	check fence fence "" "$small" pass
	check fence-deaths fence "-DNV=1 -DMAXD=1 -DMAXC=1" "$small" pass
	check life-two-senders life "-DSENDS=2 -DRECVS=1" "$small" pass
	check life-two-receivers life "-DSENDS=1 -DRECVS=2" "$small" pass
	check life-fork life "-DSENDS=2 -DRECVS=1 -DFORK" "$small" pass
	check life-later life "-DSENDS=1 -DRECVS=2 -DLATER" "$small" pass
	check cursor cursor "" "$small" pass
	check lock lock "" "$small" pass
	check lock-fence lock "-DFENCE=1" "$small" pass
	check gate gate "" "$small" pass
	check gate-fence gate "-DFENCE=1" "$small" pass
}

full() {
	check ring-endless ring "-DMAXD=255 -DMAXC=255 -DCYC -DBIG -DUNB" "$large" pass
	check ring-reap ring "-DNR=1 -DMAXD=2 -DMAXC=1 -DNEW=1" "$small" pass
	check ring-housekeeping ring "-DNS=1 -DNR=1 -DMAXD=2 -DMAXC=1 -DNEW=2 -DHOUSE=2" "$small" pass
	check ring-sweep ring "-DNS=1 -DNR=2 -DMAXD=2 -DMAXC=1 -DNEW=1 -DHOUSE=2" "$small" pass
	check bell-one-step bell "-DONESTEP" "$small" pass
	check bell-or-first bell "-DORFIRST" "$small" pass
	check line-two-messages line "-DNR=2 -DPASSED" "$rests" pass
	check line-three line "-DNS=3 -DNR=1" "$rests" pass
	check line-flush-full line "-DNR=1 -DUSED=2 -DFLUSH" "$rests" pass
	check line-flush-deaths line "-DNR=1 -DFLUSH -DMAXC=1 -DBEATS=2" "$rests" pass
	check line-both-die line "-DNR=1 -DUSED=2 -DMAXD=1 -DMAXC=1 -DBEATS=2" "$rests" pass
	check line-passed line "-DNR=1 -DPASS=1 -DBEATS=1" "$rests" pass
	check fence-two fence "-DUN=2 -DMAXD=1" "$small" pass
	check life-remove life "-DSENDS=1 -DRECVS=2 -DRMS=1 -DCREATE=1 -DF=2" "$small" pass
	check life-durable life "-DSENDS=2 -DRECVS=1 -DCREATE=1 -DRMS=1 -DDURABLE" "$small" pass
	check life-foreign-rm life "-DSENDS=1 -DRECVS=2 -DXRM -DF=2" "$small" pass
	check cursor-wide cursor "-DWIDE=2 -DTAGS=8" "$small" pass
	check lock-refused lock "-DREFUSED" "$small" pass
	check lock-three-turns lock "-DNR=3" "$small" pass
	check gate-three gate "-DNC=3 -DNR=3" "$small" pass
}

mutants() {
	local m
	for m in INTENTLATE CLRBEFORE TAFTER SCANFIRST NOR3 NOR5 NOR6 NOCLR SHARE TWOSTAMPS; do
		check "$m" ring "-DNR=2 -DMAXD=2 -DM_$m" "$small" mutant
	done
	for m in REAPPRIVATE INTENTEARLY TAILEARLY; do
		check "$m" ring "-DNR=1 -DMAXD=2 -DMAXC=1 -DNEW=1 -DM_$m" "$small" mutant
	done
	check NOLOCK ring "-DNS=1 -DNEW=2 -DMAXD=2 -DM_NOLOCK" "$small" mutant
	check "bell: no fence" bell "-DFENCE=0" "$small" mutant
	check "bell: UNREG" bell "-DSELF -DM_UNREG" "$small" mutant
	for m in NOEPOCH SEQLATE NOSEQ NOLOOK; do
		check "bell: $m" bell "-DM_$m" "$small" mutant
	done
	check "bell: SENDERCLEARS" bell "-DMAXD=1 -DTICK -DM_SENDERCLEARS" "$small" mutant
	check "line: no fence" line "-DNR=2 -DFENCE=0" "$rests" mutant
	for m in NOLOOK NOHAND NOSECONDLOOK; do
		check "line: $m" line "-DNR=2 -DM_$m" "$rests" mutant
	done
	check "line: NOELECTLOOK" line "-DNR=2 -DMAXG=1 -DM_NOELECTLOOK" "$rests" mutant
	check "line: NOWAKENEXT" line "-DNR=2 -DANY -DMAXG=1 -DM_NOWAKENEXT" "$rests" mutant
	check "line: NOJOINWAKE" line "-DNS=3 -DNR=1 -DUSED=2 -DMAXG=1 -DM_NOJOINWAKE" "$rests" mutant
	check "line: NOTEND" line "-DNR=1 -DUSED=2 -DMAXD=1 -DBEATS=2 -DM_NOTEND" "$rests" mutant
	check "line: NORESERVE" line "-DNR=2 -DPASSED -DM_NORESERVE" "$rests" mutant
	check "line: NORESERVE, alive" line "-DLIVE -DM_NORESERVE" "$lives" mutant
	check "line: flush, NOLOOK" line "-DNR=1 -DUSED=2 -DFLUSH -DM_NOLOOK" "$rests" mutant
	for m in FLAGFIRST NOMARK SCANFIRST NOSCAN; do
		check "fence: $m" fence "-DM_$m" "$small" mutant
	done
	check "fence: NOREVIEW" fence "-DUN=2 -DMAXC=1 -DM_NOREVIEW" "$small" mutant
	for m in LATCHUNLOCKED NOSECONDLOOK UNLINKFIRST COUNTLATE; do
		check "life: $m" life "-DSENDS=2 -DM_$m" "$small" mutant
	done
	for m in NOREMOVERLOCK NAMEBEFOREREMOVER; do
		check "life: $m" life "-DSENDS=2 -DCREATE=1 -DM_$m" "$small" mutant
	done
	for m in FINISHEDONCE LOCKBEFORECLOSE; do
		check "life: $m" life "-DLATER -DM_$m" "$small" mutant
	done
	check "life: NOBAR" life "-DSENDS=2 -DRECVS=1 -DFORK -DM_NOBAR" "$small" mutant
	check "life: REMOVEUNLOCKED" life "-DRECVS=1 -DRMS=1 -DDURABLE -DM_REMOVEUNLOCKED" "$small" mutant
	check "life: NAMEBEFORELOCK" life "-DRECVS=1 -DXRM -DM_NAMEBEFORELOCK" "$small" mutant
	for m in STALEMARK CURSORFIRST COUNTFIRST NOMEND NORECEIVED; do
		check "cursor: $m" cursor "-DM_$m" "$small" mutant
	done
	check "lock: no fence" lock "-DFENCE=0" "$small" mutant
	check "lock: REFUSEDSLEEPS" lock "-DREFUSED -DM_REFUSEDSLEEPS" "$small" mutant
	for m in NOLOOK LOOKFIRST UNCOUNTED NOMU; do
		check "lock: $m" lock "-DM_$m" "$small" mutant
	done
	check "gate: no fence" gate "-DFENCE=0" "$small" mutant
	for m in LOOKFIRST ANYWAY; do
		check "gate: $m" gate "-DM_$m" "$small" mutant
	done
}

"$ensure" spin spin
"$ensure" gcc gcc libc6-dev
case ${1:-quick} in
quick) quick ;;
mutants) mutants ;;
full) quick && full && mutants ;;
one) only="" && check "$2" "$2" "${3:-}" "${4:-$small}" pass ;;
*) sed -n '2,9p' "$0" >&2 && exit 2 ;;
esac
wait
[ ! -e "$work/failed" ]
