// Package process identifies processes, so that another process can later determine
// whether one is gone, and reports deaths early where the kernel has pidfds.
package process

// Identity identifies a process permanently. A pid alone may be reused, and is meaningful
// only inside its namespace.
type Identity struct {
	PID   int    // in its own PID namespace
	NS    uint64 // inode of that namespace; 0 if unknown
	Start uint64 // start time in clock ticks since boot; 0 if unknown
}
