// Package process tells who a process is, so that another process can say
// later whether it still is that one or has gone, and reports its death early
// where the kernel offers a pidfd.
package process

// Identity names a process for good: a pid alone is used again, and means
// something only inside its namespace.
type Identity struct {
	PID   int    // in its own PID namespace
	NS    uint64 // inode of that namespace; 0 if unknown
	Start uint64 // start time in clock ticks since boot; 0 if unknown
}
