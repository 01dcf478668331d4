package shm

import (
	"github.com/shmchan/shmchan/internal/failpoint"
)

// A batch is one claim and one record that holds many messages: it costs one
// compare-and-swap and one stamp.

// PutBatch sends the first messages of msgs in one claim, as many as fit into a
// quarter of the ring but at least one, and returns how many it sent. If it returns
// an error, it sent none; ErrTooLarge refers to the first message. It panics, with a
// claim open, if a message changes its length meanwhile.
func (p *Producer) PutBatch(msgs [][]byte) (int, error) {
	n, size := p.ring.batchOf(msgs)
	if n <= 1 {
		if len(msgs) == 0 {
			return 0, nil
		}
		if err := p.Put(msgs[0]); err != nil {
			return 0, err
		}
		return 1, nil
	}
	b, err := p.claim(size, false)
	if err != nil {
		return 0, err
	}
	bytes := p.fillBatch(b, msgs[:n])
	p.publish(kindBatch, size)
	p.count(uint64(n), bytes)
	return n, nil
}

// fillBatch copies the messages, each preceded by its header, to b, the payload of
// the open claim, and returns how many bytes the messages are.
func (p *Producer) fillBatch(b []byte, msgs [][]byte) (bytes uint64) {
	at := p.pos + RecordHeader
	for len(msgs) > 0 {
		if !p.ring.pagewise {
			n, size, sum := fillShort(b, msgs)
			msgs, b = msgs[n:], b[size:]
			at += size
			bytes += sum
			if len(msgs) == 0 {
				break
			}
		}
		msg := msgs[0]
		n := uint64(len(msg))
		putBatchHeader(b, n)
		p.copyTo(at+BatchHeader, b[BatchHeader:], msg)
		msgs, b = msgs[1:], b[batchSize(n):]
		at += batchSize(n)
		bytes += n
		failpoint.Hit(failpoint.BatchMid)
	}
	if len(b) > 0 {
		panic("shm: a message changed its length while it was sent") // the caller may abort the open claim
	}
	return bytes
}

// batchOf returns how many of msgs fit into one batch, and the size of its payload.
func (r *Ring) batchOf(msgs [][]byte) (n int, size uint64) {
	limit := r.capacity / 4
	for _, msg := range msgs {
		s := batchSize(uint64(len(msg)))
		if size+s > limit {
			break
		}
		n, size = n+1, size+s
	}
	return n, size
}

// BatchSize returns how many payload bytes PutBatch would claim for msgs.
func (r *Ring) BatchSize(msgs [][]byte) int {
	n, size := r.batchOf(msgs)
	if n <= 1 && len(msgs) > 0 {
		return len(msgs[0])
	}
	return int(size)
}
