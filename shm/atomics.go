//go:build !(mips || mipsle || (arm && !arm.7))

package shm

// atomicsNeed says how a program must be built for atomic operations on 64 bits
// that other processes see as such; "": it is built so.
const atomicsNeed = ""
