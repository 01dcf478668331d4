//go:build !arm.7

package shm

const atomicsNeed = "with GOARM=7"
