package filesystem

// Writing is how a file system overwrites what it has allocated.
type Writing int

const (
	// Unknown is one that is not known, or that lies on another one (overlay).
	Unknown Writing = iota
	// InPlace needs no room for it.
	InPlace
	// InPlaceOnRequest writes a copy, which needs room, unless the file has asked
	// before its first byte to be written in place (chattr +C), as channels do.
	InPlaceOnRequest
	// Copying writes a copy, which needs room.
	Copying
)

// writing has f2fs among those in place: it copies, but keeps the room in reserve.
var writing = map[string]Writing{
	"tmpfs": InPlace, "ramfs": InPlace, "ext4": InPlace, "xfs": InPlace, "f2fs": InPlace,
	"btrfs": InPlaceOnRequest,
	"zfs":   Copying, "bcachefs": Copying, "nilfs2": Copying,
}

// Writing tells how the file system overwrites.
func (k Kind) Writing() Writing { return writing[k.Name] }
