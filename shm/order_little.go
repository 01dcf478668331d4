//go:build !(mips || mips64 || ppc64 || s390x)

package shm

// bigEndian says which byte of a word comes first in memory.
const bigEndian = false
