// Package machine reports which of the system calls that channels use are available. It
// changes nothing.
package machine

// Feature is a system call that channels use.
type Feature struct {
	Name     string
	Since    string // the first kernel that has it
	Required bool   // channels do not work without it
	Without  string // the effect if it is missing
	Err      error  // nil if it is available
}
