//go:build !linux

package fence

// Register reports false: there is no such call here.
func Register() bool { return false }

// Everywhere reports false: there is no such call here.
func Everywhere() bool { return false }
