package shm

import (
	"unsafe"

	"github.com/shmchan/shmchan/internal/failpoint"
)

// fillShort copies the first messages, each preceded by its header, to b, for as
// long as they are short. It returns how many it copied, and their bytes with and
// without headers.
//
// For a batch of short messages the calls of memmove, and what must be saved around
// each, take half of the time. fillShort makes no calls, so all state stays in
// registers. It copies a message by 64, 16 or 8 bytes, which are plain loads and
// stores on amd64 and arm64, and may copy its last bytes twice.
func fillShort(b []byte, msgs [][]byte) (n int, size, bytes uint64) {
	type (
		chunk [16]byte
		word  [8]byte
		half  [4]byte
	)
	const longest = 128
	room, dst := uint64(len(b)), unsafe.Pointer(unsafe.SliceData(b))
	for n < len(msgs) {
		msg := msgs[n]
		length := uint64(len(msg))
		next := size + batchSize(length)
		// Even if the caller changes msgs meanwhile, no store leaves the claim.
		if length > longest || next > room {
			break
		}
		at := size
		putBatchHeader((*[BatchHeader]byte)(unsafe.Add(dst, at))[:], length)
		size, n = next, n+1
		bytes += length
		if length == 0 { // its header may be the end of b
			failpoint.Hit(failpoint.BatchMid)
			continue
		}
		to, from := unsafe.Add(dst, at+BatchHeader), unsafe.Pointer(unsafe.SliceData(msg))
		if length < 16 {
			switch {
			case length >= 8:
				*(*word)(to) = *(*word)(from)
				*(*word)(unsafe.Add(to, length-8)) = *(*word)(unsafe.Add(from, length-8))
			case length >= 4:
				*(*half)(to) = *(*half)(from)
				*(*half)(unsafe.Add(to, length-4)) = *(*half)(unsafe.Add(from, length-4))
			default:
				for i := range length {
					*(*byte)(unsafe.Add(to, i)) = *(*byte)(unsafe.Add(from, i))
				}
			}
			failpoint.Hit(failpoint.BatchMid)
			continue
		}
		i := uint64(0)
		for ; i+64 <= length; i += 64 {
			*(*chunk)(unsafe.Add(to, i)) = *(*chunk)(unsafe.Add(from, i))
			*(*chunk)(unsafe.Add(to, i+16)) = *(*chunk)(unsafe.Add(from, i+16))
			*(*chunk)(unsafe.Add(to, i+32)) = *(*chunk)(unsafe.Add(from, i+32))
			*(*chunk)(unsafe.Add(to, i+48)) = *(*chunk)(unsafe.Add(from, i+48))
		}
		for ; i+16 <= length; i += 16 {
			*(*chunk)(unsafe.Add(to, i)) = *(*chunk)(unsafe.Add(from, i))
		}
		if i < length {
			*(*chunk)(unsafe.Add(to, length-16)) = *(*chunk)(unsafe.Add(from, length-16))
		}
		failpoint.Hit(failpoint.BatchMid)
	}
	return n, size, bytes
}
