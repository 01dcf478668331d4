package filesystem

// Usage is a file system's kind and how full it is.
type Usage struct {
	Kind
	ReadOnly   bool
	Size       uint64 // bytes; 0: not counted
	Free       uint64 // bytes that this user may still write
	Inodes     uint64 // 0: not counted
	FreeInodes uint64
}
