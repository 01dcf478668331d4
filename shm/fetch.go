package shm

import "github.com/shmchan/shmchan/internal/cpu"

// A sender's stores go to lines that the receiver's processor has: it read them a lap
// ago. They wait in the store buffer while the lines come, many at a time, and nobody
// would notice, but for the locked instructions of the next claim: each waits until
// the store buffer is empty, and so for a line's whole way. So a sender asks ahead for
// the lines that it is to write next (PREFETCHW, PRFM PSTL1KEEP), which keeps no
// instruction waiting: about as much as it has just claimed, since who sends much will
// send as much again.
//
// It is a hint. Lines that another sender writes, or that are not written for long, go
// back as they came; below head + capacity nobody reads them but a receiver that waits
// for the first of them.
const (
	// fetchLeast is on its way while some six short messages before it are sent, and is
	// no more than the ten lines that a processor can ask for at a time.
	fetchLeast = 512
	// fetchMost is what the first cache can spare.
	fetchMost = 8 << 10
	// fetchStep saves asking for every short message.
	fetchStep = 128
)

// fetchAhead asks for the lines behind the claim of size bytes that is open.
func (p *Producer) fetchAhead(size uint64) {
	if to := p.next + min(max(size, fetchLeast), fetchMost); int64(to-p.fetched) >= fetchStep {
		p.fetch(to)
	}
}

// fetch asks for the lines up to position to that were not asked for, if there is room.
func (p *Producer) fetch(to uint64) {
	if to-p.head > p.capacity || !p.ring.mirrored {
		return
	}
	from := p.fetched
	if int64(from-p.next) < 0 {
		from = p.next
	}
	cpu.FetchForWriting(p.word(from), uintptr(to-from))
	p.fetched = to
}
