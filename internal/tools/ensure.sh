#!/usr/bin/env bash
# ensure.sh COMMAND PACKAGE…: ensures that COMMAND can be run. If it is missing, root on
# Debian installs the PACKAGEs. Exits with 1 if it can't be installed.
set -euo pipefail

command=$1
shift
if command -v "$command" >/dev/null; then
	exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "$command is missing; Debian has it in: $*" >&2
	exit 1
fi
echo "installing $* for $command" >&2
get() { DEBIAN_FRONTEND=noninteractive timeout 300 apt-get -qq install -y --no-install-recommends "$@" </dev/null; }
if ! get "$@" >/dev/null 2>&1; then
	timeout 300 apt-get -qq update </dev/null >/dev/null 2>&1 || true
	if ! get "$@" >/dev/null; then
		echo "$* could not be installed" >&2
		exit 1
	fi
fi
command -v "$command" >/dev/null
