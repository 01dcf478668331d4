//go:build mips || mips64 || ppc64 || s390x

package shm

// bigEndian reports whether the most significant byte of a word comes first in
// memory.
const bigEndian = true
