package filesystem

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFileSystemsThatCopyOnWriteAreKnown(t *testing.T) {
	for kind, want := range map[string]Writing{
		"tmpfs": InPlace, "ext4": InPlace, "xfs": InPlace, "f2fs": InPlace, "0x1234": Unknown, "overlay": Unknown,
		"btrfs": InPlaceOnRequest, "zfs": Copying, "bcachefs": Copying, "nilfs2": Copying,
	} {
		require.Equal(t, want, Kind{Name: kind}.Writing(), kind)
	}
}
