#!/usr/bin/env bash
# blocks.sh PAGE…: runs shellcheck on each block of a page that its test runs, and
# names it by the page and the line on which it begins. SC2016 is excluded, since the
# shell that runs an --exec command expands its single-quoted arguments.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for page in "$@"; do
	mkdir -p "$work/${page%/*}"
	awk -v to="$work/$page" '
		/^```/ { if (out) close(out); out = (run && !out) ? to ":" NR + 1 : ""; run = 0; next }
		out { print >out }
		!out { run = /^<!-- run -->$/ }
	' "$page"
done
cd "$work"
find . -type f -printf '%P\0' | sort -z | xargs -0 shellcheck --shell=bash --exclude=SC2016 --
echo "shellcheck: $(find . -type f | wc -l) blocks of $* are clean"
