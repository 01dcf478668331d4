//go:build mips || mipsle

package shm

const atomicsNeed = "with GOARCH=mips64 or mips64le"
