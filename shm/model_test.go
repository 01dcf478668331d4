package shm

// The model of a ring: a queue of records, of which the receiver gets the committed
// ones in the order of their claims, and a count of bytes.
type (
	model struct {
		capacity, align uint64
		mirrored        bool // a record may run over the end of a lap

		records    []*record // since the start; the first ones are released
		head, tail uint64
		at, mark   spot // of the next message, and of what was not released
		unreleased int
		received   uint64
	}
	record struct {
		pos, size uint64
		slot      int
		open      bool
		msgs      [][]byte // none: padding, once it is not open
	}
	// spot identifies a message: a record, and its index in that record.
	spot struct{ record, msg int }
)

// claim adds a record with n bytes of payload to the model if there is room. On the
// heap, if the rest of the lap is too short, it becomes padding first.
func (m *model) claim(slot int, n uint64, msgs [][]byte) *record {
	size := (RecordHeader + n + m.align - 1) / m.align * m.align
	for {
		want := size
		if rest := m.capacity - m.tail%m.capacity; !m.mirrored && rest < size {
			want = rest
		}
		if m.tail+want-m.head > m.capacity {
			return nil
		}
		rec := &record{pos: m.tail, size: want, slot: slot}
		m.tail += want
		m.records = append(m.records, rec)
		if want == size {
			rec.msgs = msgs
			return rec
		}
	}
}

// pass advances to the next record without a message.
func (m *model) pass() {
	m.at = spot{m.at.record + 1, 0}
	if m.unreleased == 0 {
		m.release()
	}
}

func (m *model) release() {
	m.received += uint64(m.unreleased)
	m.mark, m.unreleased, m.head = m.at, 0, m.position()
}

// position returns the position of the current record.
func (m *model) position() uint64 {
	if m.at.record < len(m.records) {
		return m.records[m.at.record].pos
	}
	return m.tail
}
