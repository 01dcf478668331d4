#!/bin/sh
# fuzz.sh [TIME]: runs every fuzz target of the module, one after another, each for
# TIME (a Go duration, 10s by default), and prints the number of executions. Failing
# inputs are stored in the package's testdata/fuzz.
set -eu

time=${1:-10s}
go=${GO:-go}
out=$(mktemp)
trap 'rm -f "$out"' EXIT

failed=0
for package in $("$go" list ./...); do
	for target in $("$go" test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		if "$go" test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package" >"$out" 2>&1; then
			result=ok
		elif grep -q 'context deadline exceeded' "$out" && ! grep -q 'Failing input' "$out"; then
			result=ok # go test itself timed out while a worker started on a busy machine
		else
			result=FAILED failed=1
			cat "$out" >&2
		fi
		execs=$(sed -n 's/.*execs: \([0-9]*\).*/\1/p' "$out" | tail -n 1)
		printf '%-8s %12s executions  %s %s\n' "$result" "${execs:-0}" "${package##*/}" "$target"
	done
done
exit "$failed"
