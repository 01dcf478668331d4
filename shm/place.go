package shm

import "path/filepath"

// Place is where a segment's file is, or would be, and whom the caller lets share
// its directory. Symbolic links on the way to it are not followed (walk_linux.go),
// and the directory and the file must be safe (trust_linux.go).
type Place struct {
	Dir  string // the directory
	Base string // the file's name in it
	// Sticky allows a directory that everybody may write to if it is sticky and
	// root's or the caller's, such as /tmp: nobody can remove or replace another's
	// file there.
	Sticky bool
	// Make makes the directory, 0700, if it is missing.
	Make bool
	// Group allows a directory that a group of the caller's may write to and nobody
	// else may, whoever owns it, and in it the files that this group may read and
	// write.
	Group bool
	// Visit is for looking at channels and removing them, not for attaching: it
	// allows what Group does and, for root, another user's directory and what that
	// user owns there.
	Visit bool
	// AnyName is for removing by force: it allows a file with several names where
	// others may write, which Segment.Ambiguous tells of.
	AnyName bool
}

// Path returns the file's path.
func (p Place) Path() string { return filepath.Join(p.Dir, p.Base) }
