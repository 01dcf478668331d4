// Package machine reports which of the system calls that channels use the kernel
// has. It changes nothing.
package machine

// Feature is a system call that channels use.
type Feature struct {
	Name     string
	Since    string // the kernel that brought it
	Required bool   // without it channels don't work at all
	Without  string // what they do without it
	Err      error  // nil if it is there
}
