package filesystem

// Writing is the way in which a file system overwrites allocated bytes.
type Writing int

const (
	// Unknown means that it is not known, or that the file system is stacked on another
	// one (overlay).
	Unknown Writing = iota
	// InPlace means that an overwrite needs no room.
	InPlace
	// InPlaceOnRequest means that an overwrite writes a copy, which needs room, unless
	// in-place writing was requested for the file before its first byte (chattr +C), as
	// channels do.
	InPlaceOnRequest
	// Copying means that an overwrite writes a copy, which needs room.
	Copying
)

// writing lists f2fs as InPlace: it copies, but keeps the room for copies in reserve.
var writing = map[string]Writing{
	"tmpfs": InPlace, "ramfs": InPlace, "ext4": InPlace, "xfs": InPlace, "f2fs": InPlace,
	"btrfs": InPlaceOnRequest,
	"zfs":   Copying, "bcachefs": Copying, "nilfs2": Copying,
}

// Writing returns the way in which the file system overwrites allocated bytes.
func (k Kind) Writing() Writing { return writing[k.Name] }
