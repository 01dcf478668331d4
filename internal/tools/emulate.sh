#!/usr/bin/env bash
# emulate.sh PROGRAM [ARG…] runs an arm64 program, and every arm64 program that it
# starts, in an emulator: for `go test -exec`. The kernel is told of the emulator
# inside a user namespace of the program's own, so the machine stays as it is.
set -euo pipefail

if [[ ${1-} != --inside ]]; then
	exec unshare --user --map-root-user --mount "$0" --inside "$@"
fi
shift
emulator=$(command -v qemu-aarch64-static)
misc=/proc/sys/fs/binfmt_misc
mount -t binfmt_misc binfmt_misc "$misc"
# An ELF file of 64 bits, little-endian, for machine 0xb7; F: opened now.
printf '%s' ":aarch64:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00:\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff:$emulator:F" >"$misc/register"
exec "$@"
