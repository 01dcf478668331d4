//go:build !linux

package children

import "syscall"

// Adopt does nothing on this system.
func Adopt() {}

// Stopped returns 0 on this system.
func Stopped(int) syscall.Signal { return 0 }

// Tree returns only the process on this system.
func Tree(pid int) []int { return []int{pid} }
