package heartbeat

import (
	"sync/atomic"
	"unsafe"
)

// wordsIn returns an endpoint's words in mem.
func wordsIn(mem []byte) Words {
	at := func(i int) unsafe.Pointer { return unsafe.Pointer(&mem[8*i]) }
	return Words{(*atomic.Uint64)(at(0)), (*atomic.Int64)(at(1)), (*atomic.Uint64)(at(2)), (*atomic.Uint64)(at(3))}
}
