#!/usr/bin/env bash
# Checks the models with Spin, one configuration after another; docs/model.md says
# what they are.
#   run.sh quick     the small ones: a minute
#   run.sh full      all, and the mutants: minutes
#   run.sh mutants   what Spin must find
#   run.sh one MODEL "SPIN FLAGS" ["PAN FLAGS"]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
ensure=$here/../../internal/tools/ensure.sh
failed=0

# check NAME MODEL SPIN-FLAGS PAN-FLAGS WANT: WANT is pass, or mutant for a model
# in which Spin must find an error.
check() {
	local name=$1 model=$2 want=$5 dir errors states found start=$SECONDS
	local -a spin pan
	read -ra spin <<<"$3"
	read -ra pan <<<"$4"
	dir=$(mktemp -d)
	if ! (
		cd "$dir"
		spin "${spin[@]}" -a "$here/$model.pml" >log 2>&1 &&
			gcc -O2 -DSAFETY -DCOLLAPSE -DMEMLIM=5500 -DVECTORSZ=2048 -o pan pan.c >>log 2>&1 &&
			{ nice ./pan "${pan[@]}" >out 2>&1 || true; }
	); then
		cat "$dir/log" >&2
		exit 1
	fi
	errors=$(sed -n 's/.*errors: \([0-9]*\)$/\1/p' "$dir/out")
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$dir/out")
	found=$(sed -n 's/^pan:1: //p' "$dir/out" | head -n 1)
	# Without its closing report, too: the search was killed.
	if [ -z "$found" ] && { [ "$errors" != 0 ] || grep -q 'Search not completed\|max search depth too small' "$dir/out"; }; then
		found="not exhausted"
	fi
	rm -rf "$dir"
	printf '%-24s %9s states %4d s  %s\n' "$name" "${states:-?}" $((SECONDS - start)) "${found:-passed}"
	if [ "$want" = pass ] && [ -n "$found" ] || [ "$want" = mutant ] && [ "${errors:-0}" = 0 ]; then
		echo "  not as it must be ($want): $model.pml $3" >&2
		failed=1
	fi
}

small="-m500000 -w22"
large="-m12000000 -w26"

quick() {
	check ring-payload ring "-DNR=1 -DMAXD=2 -DMAXC=1 -DPAY -DCACHE" "$small" pass
	check ring-wrap ring "-DNR=2 -DMAXD=2 -DMAXC=1 -DCYC -DBIG" "$small" pass
	check bell bell "" "$small" pass
	check bell-fence bell "-DFENCE=1" "$small" pass
	check bell-unregistered bell "-DSELF" "$small" pass
	check bell-deaths bell "-DMAXD=2 -DTICK" "$small" pass
	check room room "" "$small" pass
	check room-fence room "-DFENCE=1" "$small" pass
	check room-deaths room "-DMAXD=2 -DMAXC=2" "$small" pass
	check room-tick room "-DNR=1 -DMAXD=1 -DMAXC=1 -DORPHAN -DTICK" "$small -E" pass
	check life-two-senders life "-DSENDS=2 -DRECVS=1" "$small" pass
	check life-two-receivers life "-DSENDS=1 -DRECVS=2" "$small" pass
	check life-later life "-DSENDS=1 -DRECVS=2 -DLATER" "$small" pass
	check cursor cursor "" "$small" pass
}

full() {
	check ring-reap ring "-DNR=1 -DMAXD=2 -DMAXC=1 -DNEW=1" "$small" pass
	check ring-housekeeping ring "-DNS=1 -DNR=1 -DMAXD=2 -DMAXC=1 -DNEW=2 -DHOUSE=2" "$small" pass
	check ring-endless ring "-DMAXD=255 -DMAXC=255 -DCYC -DBIG -DUNB" "$large" pass
	check room-three room "-DNS=3 -DMAXD=1" "$small" pass
	check life-remove life "-DSENDS=1 -DRECVS=2 -DRMS=1 -DCREATE=1 -DF=2" "$small" pass
	check life-durable life "-DSENDS=2 -DRECVS=1 -DCREATE=1 -DRMS=1 -DDURABLE" "$small" pass
	check life-foreign-rm life "-DSENDS=1 -DRECVS=2 -DXRM -DF=2" "$small" pass
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
	check "room: no fence" room "-DFENCE=0" "$small" mutant
	for m in SEQFIRST SEQLATE NOLOOK; do
		check "room: $m" room "-DM_$m" "$small" mutant
	done
	check "room: TICKBYFLAG" room "-DMAXC=1 -DORPHAN -DTICK -DM_TICKBYFLAG" "$small -E" mutant
	for m in LATCHUNLOCKED NOSECONDLOOK UNLINKFIRST COUNTLATE; do
		check "life: $m" life "-DSENDS=2 -DM_$m" "$small" mutant
	done
	for m in NOREMOVERLOCK NAMEBEFOREREMOVER; do
		check "life: $m" life "-DSENDS=2 -DCREATE=1 -DM_$m" "$small" mutant
	done
	for m in FINISHEDONCE LOCKBEFORECLOSE; do
		check "life: $m" life "-DLATER -DM_$m" "$small" mutant
	done
	check "life: NAMEBEFORELOCK" life "-DRECVS=1 -DXRM -DM_NAMEBEFORELOCK" "$small" mutant
	for m in STALEMARK CURSORFIRST; do
		check "cursor: $m" cursor "-DM_$m" "$small" mutant
	done
}

"$ensure" spin spin
"$ensure" gcc gcc libc6-dev
case ${1:-quick} in
quick) quick ;;
mutants) mutants ;;
full) quick && full && mutants ;;
one) check "$2" "$2" "${3:-}" "${4:-$small}" pass ;;
*) sed -n '2,8p' "$0" >&2 && exit 2 ;;
esac
exit $failed
