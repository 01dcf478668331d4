package ipc_test

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

func TestCapacityIsRoundedUpToAPowerOfTwo(t *testing.T) {
	for asked, got := range map[int]int{
		0: 1 << 20, 4096: 4096, 4097: 8192, 5000: 8192, 1 << 16: 1 << 16, 1<<16 + 1: 1 << 17, 3_000_000: 1 << 22,
	} {
		t.Run(fmt.Sprint(asked), func(t *testing.T) {
			o := in(t)
			o.Capacity = asked
			require.Equal(t, got, newReceiver(t, o).Stats().Capacity)
		})
	}
}

func TestMessageOfHalfTheCapacityIsTakenAndNoLarger(t *testing.T) {
	for _, capacity := range []int{4096, 1 << 16, 1 << 20} {
		t.Run(fmt.Sprint(capacity), func(t *testing.T) {
			o := in(t)
			o.Capacity = capacity
			s, r := newPair(t, o)
			half := noise(capacity, capacity/2)
			require.Equal(t, len(half), s.MaxMessage())
			for range 3 {
				require.NoError(t, s.TrySend(half))
				got, err := r.Recv(background(t))
				require.NoError(t, err)
				require.True(t, bytes.Equal(half, got))
			}
			over := append(half, 0)
			require.ErrorIs(t, s.TrySend(over), ipc.ErrTooLarge)
			require.ErrorIs(t, s.Send(background(t), over), ipc.ErrTooLarge)
			_, err := s.SendBatch(background(t), [][]byte{over})
			require.ErrorIs(t, err, ipc.ErrTooLarge)
			_, err = s.Claim(background(t), len(over))
			require.ErrorIs(t, err, ipc.ErrTooLarge)
			requireEmpty(t, r)
		})
	}
}

// When everything is received, a message of half the capacity fits, wherever in the
// ring the last record ended.
func TestLargestMessageFitsAtEveryOffset(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, r := newPair(t, o)
	half := noise(0, 2048)
	for n := range 600 {
		require.NoError(t, s.TrySend(half[:n]))
		_, err := r.TryRecv()
		require.NoError(t, err)
		require.NoError(t, s.TrySend(half))
		got, err := r.TryRecv()
		require.NoError(t, err)
		require.Equal(t, half, got)
	}
}

func TestTooLargeIsReportedEvenWhenTheRingIsFull(t *testing.T) {
	o := in(t)
	o.Capacity = 4096
	s, _ := newPair(t, o)
	fill(t, s, make([]byte, 100))
	require.ErrorIs(t, s.TrySend(make([]byte, 2049)), ipc.ErrTooLarge)
	require.ErrorIs(t, s.Send(background(t), make([]byte, 2049)), ipc.ErrTooLarge)
}

// processorTime returns the processor time that this process has used.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	used, err := processTime()
	require.NoError(t, err)
	return used
}

func TestOneSenderMoreThanThereAreSlots(t *testing.T) {
	for _, slots := range []int{1, 3, 4096} {
		t.Run(fmt.Sprint(slots), func(t *testing.T) {
			if slots > 1000 && strconv.IntSize == 32 {
				t.Skip("a 32-bit address space is too small for so many mappings of a megabyte")
			}
			o := in(t)
			o.Capacity, o.MaxSenders, o.Heartbeat = 4096, slots, slow
			r := newReceiver(t, o)
			require.Equal(t, slots, r.Stats().MaxSenders)
			var senders []*ipc.Sender
			for range slots {
				senders = append(senders, newSender(t, o))
			}
			_, err := ipc.NewSender(background(t), name, o)
			require.ErrorIs(t, err, ipc.ErrNoSlot)
			_, err = senders[0].Clone()
			require.ErrorIs(t, err, ipc.ErrNoSlot)
			require.Len(t, r.Stats().Senders, slots)

			last := senders[len(senders)-1]
			send(t, last, "from the last")
			recv(t, r, "from the last")
			for _, i := range []int{0, slots / 2, slots - 1} {
				require.NoError(t, senders[i].Close())
				senders[i] = newSender(t, o) // at once
				send(t, senders[i], "from the new")
				recv(t, r, "from the new")
			}
			_, err = ipc.NewSender(background(t), name, o)
			require.ErrorIs(t, err, ipc.ErrNoSlot)

			used := processorTime(t)
			for _, s := range senders {
				require.NoError(t, s.Close())
			}
			require.Less(t, processorTime(t)-used, 30*time.Second, "Close must not scan all slots")
		})
	}
}

func TestSlotWithUnreadMessagesIsFreeAtOnceAfterClose(t *testing.T) {
	o := in(t)
	o.MaxSenders = 1
	r := newReceiver(t, o)
	for i := range 20 {
		s, err := ipc.NewSender(background(t), name, o)
		require.NoError(t, err)
		send(t, s, numbered("s", i))
		require.NoError(t, s.Close())
	}
	for i := range 20 {
		recv(t, r, numbered("s", i))
	}
	requireDisconnected(t, r)
	require.Equal(t, uint64(20), r.Stats().Messages, "closed senders' messages count too")
}

func TestDefaultNumberOfSlots(t *testing.T) {
	require.Equal(t, 256, newReceiver(t, in(t)).Stats().MaxSenders)
}
