package shm

import "path/filepath"

// Place is where a segment's file is, or would be, and whom the caller allows to
// share its directory. Symbolic links on the way to it are not followed
// (walk_linux.go), and the directory and the file must be safe (trust_linux.go).
type Place struct {
	Dir  string // the directory
	Base string // the file's name in it
	// Sticky allows a directory that every user may write to if it is sticky and
	// belongs to root or the caller, such as /tmp: no user can remove or replace
	// another user's file there.
	Sticky bool
	// Make makes the directory, 0700, if it is missing.
	Make bool
	// Group allows a directory, whoever owns it, that a group of the caller may
	// write to and no other user may. It also allows the files there that this group
	// may read and write.
	Group bool
	// Visit is for examining and removing channels, not for attaching. It allows
	// what Group does and, for root, another user's directory and what that user
	// owns there.
	Visit bool
	// AnyName is for removing by force. It allows a file with several names in a
	// directory that other users may write to, which Segment.Ambiguous reports.
	AnyName bool
}

// Path returns the path of the file.
func (p Place) Path() string { return filepath.Join(p.Dir, p.Base) }
