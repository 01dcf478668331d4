//go:build !(mips || mipsle || (arm && !arm.7))

package shm

// atomicsNeed says how to build a program whose 64-bit atomic operations are atomic
// for other processes too; "" means that this one is.
const atomicsNeed = ""
