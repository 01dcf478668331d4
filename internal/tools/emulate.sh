#!/usr/bin/env bash
# emulate.sh PROGRAM [ARG…] runs a program of another architecture, and every such
# program that it starts, in an emulator: for `go test -exec`. The kernel is told of
# the emulators inside a user namespace of the program's own, so the machine stays
# as it is.
set -euo pipefail

if [[ ${1-} != --inside ]]; then
	exec unshare --user --map-root-user --mount "$0" --inside "$@"
fi
shift
misc=/proc/sys/fs/binfmt_misc
mount -t binfmt_misc binfmt_misc "$misc"

# register EMULATOR CLASS DATA MACHINE: for ELF files of 32 (1) or 64 bits (2), little-
# (1) or big-endian (2), for that machine, as the file has the number; F: opened now.
register() {
	local emulator
	if emulator=$(command -v "$1"); then
		local any='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff'
		# A program that starts itself does so as it is: an executable (2), or one that
		# may lie anywhere (3).
		local type=('\xfe\xff' '\xff\xfe')
		printf '%s' ":$1:M::\\x7fELF\\x0$2\\x0$3\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00$([[ $3 == 1 ]] && echo '\x02\x00' || echo '\x00\x02')$4:$any${type[$3 - 1]}\\xff\\xff:$emulator:F" >"$misc/register"
	fi
}
register qemu-aarch64-static 2 1 '\xb7\x00'
register qemu-i386-static 1 1 '\x03\x00'
register qemu-s390x-static 2 2 '\x00\x16'
exec "$@"
