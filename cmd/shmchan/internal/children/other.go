//go:build !linux

package children

import "syscall"

// Adopt does nothing here.
func Adopt() {}

// Stopped is unknown here.
func Stopped(int) syscall.Signal { return 0 }

// Tree returns the process alone.
func Tree(pid int) []int { return []int{pid} }
