package ipc_test

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// typedPair opens both endpoints of a new channel of Ts.
func typedPair[T any](t *testing.T, c ipc.Codec[T]) (*ipc.SenderOf[T], *ipc.ReceiverOf[T], *ipc.Options) {
	t.Helper()
	o := &ipc.Options{Dir: proctest.Dir(t)}
	rx, err := ipc.NewReceiverOf(background(t), "typed", c, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rx.Close()) })
	tx, err := ipc.NewSenderOf(background(t), "typed", c, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tx.Close()) })
	return tx, rx, o
}

func TestTypedHalvesCarryValuesInOrder(t *testing.T) {
	tx, rx, _ := typedPair(t, ipc.JSON[[]int]())
	require.NoError(t, tx.Send(background(t), []int{1}))
	require.NoError(t, tx.TrySend([]int{2, 3}))
	n, err := tx.SendBatch(background(t), [][]int{{4}, nil, {5, 6}})
	require.NoError(t, err)
	require.Equal(t, 3, n)

	v, err := rx.TryRecv()
	require.NoError(t, err)
	require.Equal(t, []int{1}, v)
	var rest [][]int
	for v, err := range rx.Drain() {
		require.NoError(t, err)
		rest = append(rest, v)
	}
	require.Equal(t, [][]int{{2, 3}, {4}, nil, {5, 6}}, rest)
	_, err = rx.TryRecv()
	require.ErrorIs(t, err, ipc.ErrEmpty)
	require.NoError(t, tx.Flush(background(t)))
}

func TestTypedAllEndsSilentlyWhenDisconnected(t *testing.T) {
	tx, rx, _ := typedPair(t, ipc.Gob[string]())
	clone, err := tx.Clone()
	require.NoError(t, err)
	require.NoError(t, tx.Send(background(t), "a"))
	require.NoError(t, clone.Send(background(t), "b"))
	require.NoError(t, tx.Close())
	require.NoError(t, clone.Close())

	var got []string
	for v, err := range rx.All(background(t)) {
		require.NoError(t, err)
		got = append(got, v)
	}
	require.Equal(t, []string{"a", "b"}, got)
	_, err = rx.Recv(background(t))
	require.ErrorIs(t, err, ipc.ErrDisconnected)
	require.ErrorIs(t, tx.Send(background(t), "c"), ipc.ErrClosed)
}

func TestTypedAllYieldsAnotherErrorOnceAndLast(t *testing.T) {
	tx, rx, _ := typedPair(t, ipc.JSON[int]())
	require.NoError(t, tx.Send(background(t), 1))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var errs []error
	for _, err := range rx.All(ctx) {
		errs = append(errs, err)
	}
	require.Len(t, errs, 2)
	require.NoError(t, errs[0], "a message is received even if the context has expired")
	require.ErrorIs(t, errs[1], context.Canceled)
}

func TestTypedLoopsCanBeLeft(t *testing.T) {
	tx, rx, _ := typedPair(t, ipc.Fixed[int]())
	_, err := tx.SendBatch(background(t), []int{1, 2, 3})
	require.NoError(t, err)
	for v := range rx.All(background(t)) {
		require.Equal(t, 1, v)
		break
	}
	for v := range rx.Drain() {
		require.Equal(t, 2, v)
		break
	}
	v, err := rx.Recv(background(t))
	require.NoError(t, err)
	require.Equal(t, 3, v)
}

// contrary is a codec whose errors look like the channel's own.
type contrary struct{}

func (contrary) Append(dst []byte, v int) ([]byte, error) {
	if v < 0 {
		return nil, errRefused
	}
	return append(dst, byte(v)), nil
}

func (contrary) Decode(src []byte) (int, error) {
	switch src[0] {
	case 1:
		return 0, ipc.ErrDisconnected
	case 2:
		return 0, ipc.ErrEmpty
	}
	return int(src[0]), nil
}

func TestTypedReceiverGoesOnAfterABadMessage(t *testing.T) {
	tx, rx, _ := typedPair(t, ipc.Codec[int](contrary{}))
	_, err := tx.SendBatch(background(t), []int{9, 1, 2, 10})
	require.NoError(t, err)
	require.NoError(t, tx.Close())

	v, err := rx.Recv(background(t))
	require.NoError(t, err)
	require.Equal(t, 9, v)
	var values []int
	var bad []*ipc.DecodeError
	for v, err := range rx.All(background(t)) {
		var d *ipc.DecodeError
		if errors.As(err, &d) {
			bad = append(bad, d)
			continue
		}
		require.NoError(t, err)
		values = append(values, v)
	}
	require.Equal(t, []int{10}, values)
	require.Len(t, bad, 2)
	require.EqualValues(t, 2, bad[0].Meta.Seq)
	require.EqualValues(t, 1, bad[0].Meta.Index)
	require.EqualValues(t, 3, bad[1].Meta.Seq)
	require.Equal(t, bad[0].Meta.Position, bad[1].Meta.Position, "one batch is one record")
	require.ErrorIs(t, bad[0], ipc.ErrDisconnected)
	require.Equal(t, "ipc_test.contrary", bad[0].Codec)
	require.ErrorContains(t, bad[0], "recv typed: message 2 at position ")
}

func TestTypedSenderSendsNothingThatItCannotEncode(t *testing.T) {
	tx, rx, _ := typedPair(t, ipc.Codec[int](contrary{}))
	require.ErrorIs(t, tx.Send(background(t), -1), errRefused)
	require.ErrorIs(t, tx.TrySend(-1), errRefused)
	n, err := tx.SendBatch(background(t), []int{4, -1, 5})
	require.ErrorIs(t, err, errRefused)
	require.ErrorContains(t, err, "value 1")
	require.Zero(t, n)
	require.NoError(t, tx.Send(background(t), 6))
	v, err := rx.Recv(background(t))
	require.NoError(t, err)
	require.Equal(t, 6, v)
}

// shrinking violates Append's contract from the second value on.
type shrinking struct{ contrary }

func (shrinking) Append(dst []byte, v int) ([]byte, error) {
	if len(dst) > 0 {
		return nil, nil
	}
	return []byte{byte(v)}, nil
}

func TestTypedBatchRejectsACodecThatShrinksItsBuffer(t *testing.T) {
	tx, rx, _ := typedPair(t, ipc.Codec[int](shrinking{}))
	n, err := tx.SendBatch(background(t), []int{1, 2})
	require.ErrorContains(t, err, "value 1")
	require.Zero(t, n)
	_, err = rx.TryRecv()
	require.ErrorIs(t, err, ipc.ErrEmpty)
}

func TestTypedConstructorsRejectABadCodec(t *testing.T) {
	o := &ipc.Options{Dir: proctest.Dir(t), Create: true}
	_, err := ipc.NewReceiverOf(background(t), "bad", ipc.Fixed[*int](), o)
	require.ErrorIs(t, err, fs.ErrInvalid)
	_, err = ipc.NewSenderOf(background(t), "bad", ipc.Fixed[struct{ S string }](), o)
	require.ErrorIs(t, err, fs.ErrInvalid)
	require.ErrorContains(t, err, "field S is a string")
	_, err = ipc.NewSenderOf(background(t), "bad", ipc.Binary[mute](), o)
	require.ErrorIs(t, err, fs.ErrInvalid)
	_, err = ipc.NewReceiverOf[int](background(t), "bad", nil, o)
	require.ErrorIs(t, err, fs.ErrInvalid)
	_, err = ipc.Inspect("bad", o)
	require.ErrorIs(t, err, fs.ErrNotExist, "no channel was made")
}

func TestTypedEndpointsOfAnotherLayoutAreRejected(t *testing.T) {
	type v1 struct{ A, B uint32 }
	type v2 struct{ A, B uint64 }
	tx, rx, o := typedPair(t, ipc.Fixed[v1]())
	_, err := ipc.NewSenderOf(background(t), "typed", ipc.Fixed[v2](), o)
	require.ErrorIs(t, err, ipc.ErrIncompatible)
	require.Len(t, rx.Receiver().Stats().Senders, 1, "the rejected sender's slot is free")

	// An untyped endpoint is not checked. Decode reports a message that does not fit.
	raw, err := ipc.NewSender(background(t), "typed", o)
	require.NoError(t, err)
	require.NoError(t, raw.Send(background(t), []byte("short")))
	require.NoError(t, raw.Close())
	require.NoError(t, tx.Send(background(t), v1{1, 2}))
	_, err = rx.Recv(background(t))
	require.ErrorContains(t, err, "decode with Fixed: 5 bytes, want 8")
	v, err := rx.Recv(background(t))
	require.NoError(t, err)
	require.Equal(t, v1{1, 2}, v)
}

func TestTypedReceiverOfAnotherLayoutIsRejected(t *testing.T) {
	o := &ipc.Options{Dir: proctest.Dir(t), Create: true}
	tx, err := ipc.NewSenderOf(background(t), "first", ipc.Fixed[int32](), o)
	require.NoError(t, err)
	require.NoError(t, tx.Send(background(t), 5))
	_, err = ipc.NewReceiverOf(background(t), "first", ipc.Fixed[float32](), o)
	require.ErrorIs(t, err, ipc.ErrIncompatible)

	rx, err := ipc.NewReceiverOf(background(t), "first", ipc.Fixed[int32](), o)
	require.NoError(t, err, "the channel still works")
	v, err := rx.Recv(background(t))
	require.NoError(t, err)
	require.EqualValues(t, 5, v)
	require.NoError(t, tx.Close())
	require.NoError(t, rx.Close())
}

func TestRejectedTypedSenderNeverCountsAsASender(t *testing.T) {
	o := in(t)
	rx, err := ipc.NewReceiverOf(background(t), name, ipc.Fixed[int32](), o)
	require.NoError(t, err)
	_, err = ipc.NewSenderOf(background(t), name, ipc.Fixed[float32](), o)
	require.ErrorIs(t, err, ipc.ErrIncompatible)
	_, err = rx.TryRecv()
	require.ErrorIs(t, err, ipc.ErrEmpty, "not disconnected: no sender has joined yet")
	require.NoError(t, rx.Close())
}

func TestTypedReceiverServesOneGoroutine(t *testing.T) {
	tx, rx, _ := typedPair(t, ipc.Fixed[int]())
	ctx := background(t)
	got := async(func() error {
		_, err := rx.Recv(ctx)
		return err
	})
	proctest.Parked(t, "ReceiverOf[...]).Recv", 1)
	_, err := rx.Recv(background(t))
	require.ErrorIs(t, err, ipc.ErrBusy)
	_, err = rx.TryRecv()
	require.ErrorIs(t, err, ipc.ErrBusy)
	require.NoError(t, tx.Send(background(t), 1))
	require.NoError(t, await(t, got))
}

func TestTypedCloseUnblocksItsOwnRecv(t *testing.T) {
	_, rx, _ := typedPair(t, ipc.Fixed[int]())
	ctx := background(t)
	got := async(func() error {
		_, err := rx.Recv(ctx)
		return err
	})
	proctest.Parked(t, "ReceiverOf[...]).Recv", 1)
	require.NoError(t, rx.Close())
	require.ErrorIs(t, awaitSoon(t, got), ipc.ErrClosed)
	_, err := rx.TryRecv()
	require.ErrorIs(t, err, ipc.ErrClosed)
}

func TestTypedSenderIsSafeForConcurrentUse(t *testing.T) {
	const senders, each = 4, 500
	tx, rx, _ := typedPair(t, ipc.Fixed[[2]int]())
	ctx := background(t)
	var wg sync.WaitGroup
	for g := range senders {
		wg.Go(func() {
			for i := range each {
				if err := tx.Send(ctx, [2]int{g, i}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var next [senders]int
	for range senders * each {
		v, err := rx.Recv(ctx)
		require.NoError(t, err)
		require.Equal(t, next[v[0]], v[1])
		next[v[0]]++
	}
	wg.Wait()
}

func TestTypedHalvesAllocateNothing(t *testing.T) {
	tx, rx, _ := typedPair(t, ipc.Fixed[holey]())
	ctx := context.Background()
	batch := make([]holey, 4)
	allocs := testing.AllocsPerRun(200, func() {
		if err := tx.Send(ctx, batch[0]); err != nil {
			t.Fatal(err)
		}
		if err := tx.TrySend(batch[1]); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.SendBatch(ctx, batch); err != nil {
			t.Fatal(err)
		}
		for range 2 + len(batch) {
			if _, err := rx.Recv(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.TrySend(batch[2]); err != nil {
			t.Fatal(err)
		}
		if _, err := rx.TryRecv(); err != nil {
			t.Fatal(err)
		}
	})
	if !raceEnabled { // with it, sync.Pool drops items on purpose
		require.Zero(t, allocs)
	}
}
