package shm

import (
	"os"

	"github.com/shmchan/shmchan/internal/failpoint"
)

// copyTo copies msg to dst, which begins at position pos.
//
// On a full btrfs, making one page of a file writable cleans the file's other pages,
// even if the file is written in place, so the next store to each of those faults
// again. A store that crosses a page boundary needs both pages at once and would
// never complete. So the bytes of each page are copied separately there.
func (p *Producer) copyTo(pos uint64, dst, msg []byte) {
	if !p.ring.pagewise {
		Copy(dst, msg)
		return
	}
	page := os.Getpagesize()
	for left := page - int(pos&uint64(page-1)); len(msg) > left; left = page {
		Copy(dst, msg[:left])
		dst, msg = dst[left:], msg[left:]
	}
	Copy(dst, msg)
}

// Copy copies src to dst, which is at least as long, in pieces that stay in the
// cache for the next reader.
func Copy(dst, src []byte) {
	for len(src) > copyPiece {
		copy(dst, src[:copyPiece])
		failpoint.Hit(failpoint.CopyMid)
		dst, src = dst[copyPiece:], src[copyPiece:]
	}
	copy(dst, src)
}
