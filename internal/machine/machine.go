// Package machine tells what a machine offers to channels: system calls, and the
// file system that their directory is on. It changes nothing.
package machine

// Feature is a system call that channels use.
type Feature struct {
	Name     string
	Since    string // the kernel that brought it
	Required bool   // without it channels don't work at all
	Without  string // what they do without it
	Err      error  // nil if it is there
}

// FileSystem is what a directory is on.
type FileSystem struct {
	Type      string // such as tmpfs, or its number in hexadecimal
	Memory    bool   // it lives in memory
	Remote    bool   // its pages may differ between those who map them
	Layered   bool   // each container has its own
	Cannot    string // why no channel can be on it, as the end of a sentence; "" if one may
	ReadOnly  bool
	Size      uint64 // bytes; 0: it does not count them
	Free      uint64 // bytes, for this user
	Inodes    uint64 // 0: it does not count them
	FreeInode uint64
}
