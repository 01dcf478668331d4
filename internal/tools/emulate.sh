#!/usr/bin/env bash
# emulate.sh PROGRAM [ARG…]: runs a program of another architecture, and every such
# program that it starts, in an emulator, for `go test -exec`. It registers the
# emulators inside a user namespace of the program's own, so the machine is unchanged.
set -euo pipefail

if [[ ${1-} != --inside ]]; then
	exec unshare --user --map-root-user --mount "$0" --inside "$@"
fi
shift
misc=/proc/sys/fs/binfmt_misc
mount -t binfmt_misc binfmt_misc "$misc"

# register EMULATOR DATA TYPE MACHINE MASK: registers an emulator for 64-bit ELF files
# with these bytes for the byte order, the type (MASK makes executables and
# position-independent executables equal) and the machine. F: the kernel opens the
# emulator now.
register() {
	local emulator any='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff'
	if emulator=$(command -v "$1"); then
		printf '%s' ":$1:M::\\x7fELF\\x02$2\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00$3$4:$any$5\\xff\\xff:$emulator:F" >"$misc/register"
	fi
}
register qemu-aarch64-static '\x01' '\x02\x00' '\xb7\x00' '\xfe\xff'
register qemu-s390x-static '\x02' '\x00\x02' '\x00\x16' '\xff\xfe'
exec "$@"
