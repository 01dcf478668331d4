#!/usr/bin/env bash
# apidiff.sh BASE [allowed]: lists what changed in the exported API of ipc since the
# commit BASE. Exit 1, unless allowed is given: a program that compiled may no longer
# compile.
set -euo pipefail
cd "$(dirname "$0")/../.."
base=$1
breaking=${2:-refused}
package=github.com/shmchan/shmchan/ipc

(cd internal/tools && GOBIN=$OLDPWD/bin/tools go install golang.org/x/exp/cmd/apidiff)
apidiff=$PWD/bin/tools/apidiff
work=$(mktemp -d)
trap 'git worktree remove --force "$work/base" 2>/dev/null || true; rm -rf "$work"' EXIT
git worktree add --quiet --detach "$work/base" "$base"
(cd "$work/base" && "$apidiff" -w "$work/export" "$package")

"$apidiff" "$work/export" "$package" >"$work/changes"
if [ -s "$work/changes" ]; then cat "$work/changes"; else echo "no change of the API"; fi
incompatible=$("$apidiff" -incompatible "$work/export" "$package")
if [ -n "$incompatible" ] && [ "$breaking" != allowed ]; then
	echo "incompatible changes need the label \"breaking change\"" >&2
	exit 1
fi
