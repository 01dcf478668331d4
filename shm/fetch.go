package shm

import "github.com/shmchan/shmchan/internal/cpu"

// A sender stores to cache lines that the receiver's processor holds: it read them a
// lap ago. The stores wait in the store buffer while the lines arrive, many at a
// time, which would cost nothing but for the locked instructions of the next claim:
// each waits until the store buffer is empty, and so for a line's whole way. So a
// sender prefetches the lines that it will write next (PREFETCHW, PRFM PSTL1KEEP),
// which stalls no instruction: about as many as it has just claimed, since a sender
// of large messages is likely to send more of them.
//
// The prefetch is a hint. Lines that another sender writes, or that are not written
// for long, go back unchanged. Below head + capacity only a waiting receiver reads
// any of them: the first.
const (
	// fetchLeast arrives while about six short messages are sent, and does not exceed the
	// ten lines that a processor can request at a time.
	fetchLeast = 512
	// fetchMost is what the first-level cache can spare.
	fetchMost = 8 << 10
	// fetchStep avoids a prefetch for every short message.
	fetchStep = 128
)

// fetchAhead prefetches the lines behind the open claim of size bytes.
func (p *Producer) fetchAhead(size uint64) {
	if to := p.next + min(max(size, fetchLeast), fetchMost); int64(to-p.fetched) >= fetchStep {
		p.fetch(to)
	}
}

// fetch prefetches the lines up to position to that were not prefetched yet, if
// there is room.
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
