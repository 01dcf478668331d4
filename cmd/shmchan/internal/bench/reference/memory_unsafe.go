package reference

import (
	"structs"
	"sync/atomic"
	"unsafe"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
)

const (
	RingBytes   = 1 << 20
	ringRecords = RingBytes / measure.RecordBytes
)

// words are the shared words of the references, each in a cache line of its own.
type words struct {
	_     structs.HostLayout
	Line  atomic.Uint64 // 0x000  8  the cache line that crosses
	_     [120]byte
	stop  atomic.Uint64 // 0x080  8  1: the ring's receiver stops its sender
	_     [120]byte
	Tail  atomic.Uint64 // 0x100  8  records that the ring's sender has published
	_     [120]byte
	Head  atomic.Uint64 // 0x180  8  records that the ring's receiver has released
	_     [120]byte
	there atomic.Uint32 // 0x200  4  the futex that the answering side waits on
	_     [124]byte
	back  atomic.Uint32 // 0x280  4  the futex that the asking side waits on
	_     [124]byte
	Quit  atomic.Uint64 // 0x300  8  1: a message queue's receiver stops its sender
	_     [4096 - 0x308]byte
}

var (
	_ [4096]byte  = [unsafe.Sizeof(words{})]byte{}
	_ [0x180]byte = [unsafe.Offsetof(words{}.Head)]byte{}
	_ [0x300]byte = [unsafe.Offsetof(words{}.Quit)]byte{}
)

// record is one message of the ring, a cache line.
type record [measure.RecordBytes / 8]uint64

// records are the types of the ring's records, of 16 to 256 bytes.
type records interface {
	~[2]uint64 | ~[4]uint64 | ~[8]uint64 | ~[16]uint64 | ~[32]uint64
}

// ringOf returns the ring as records of another size.
func ringOf[T records](m *Memory) []T {
	var r T
	return unsafe.Slice((*T)(unsafe.Pointer(m.Ring)), RingBytes/int(unsafe.Sizeof(r)))
}

func bytesOf[T records](r *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(r)), unsafe.Sizeof(*r))
}

// stampOf returns the first word of a record of the ring.
func (m *Memory) stampOf(i int) *atomic.Uint64 { return (*atomic.Uint64)(unsafe.Pointer(&m.Ring[i])) }

// memoryBytes is the size of the file that holds a Memory.
const memoryBytes = int(unsafe.Sizeof(words{})) + RingBytes

// Memory is what the processes of a run share beside channels.
type Memory struct {
	*words
	Ring *[ringRecords]record
	raw  []byte
}

// plainMemory is what the processes of a plain ring share: the words, of which it uses
// the same as the minimal ring, and the bytes of the ring.
type plainMemory struct {
	*words
	data, raw []byte
}

func overlayPlain(raw []byte) *plainMemory {
	n := int(unsafe.Sizeof(words{}))
	return &plainMemory{(*words)(unsafe.Pointer(&raw[:n][0])), raw[n:], raw}
}

func overlay(raw []byte) *Memory {
	_ = raw[memoryBytes-1]
	return &Memory{
		words: (*words)(unsafe.Pointer(&raw[0])),
		Ring:  (*[ringRecords]record)(unsafe.Pointer(&raw[unsafe.Sizeof(words{})])),
		raw:   raw,
	}
}
