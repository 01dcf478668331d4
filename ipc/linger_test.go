package ipc_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// requireReadable checks that msg is still mapped and equals want. If the memory is
// unmapped, the test fails instead of the process.
func requireReadable(t testing.TB, want string, msg []byte) {
	t.Helper()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	require.NotPanics(t, func() { require.Equal(t, want, string(msg)) })
}

// mapped reports whether this process has the channel's file mapped.
func mapped(t testing.TB, o *ipc.Options) bool {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	return strings.Contains(string(maps), o.Dir)
}

// requireNotOpen checks that this process has no descriptor for the channel's file.
func requireNotOpen(t testing.TB, o *ipc.Options) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, fd := range fds {
		on, _ := os.Readlink("/proc/self/fd/" + fd.Name())
		require.NotContains(t, on, o.Dir)
	}
}

// closeElsewhere closes the receiver from another goroutine, as a SIGTERM handler does.
func closeElsewhere(t testing.TB, r *ipc.Receiver) {
	t.Helper()
	require.NoError(t, await(t, async(r.Close)))
}

func TestMessagesInPlaceOutliveClose(t *testing.T) {
	lastCalls := map[string]func(*ipc.Receiver) error{"Release": (*ipc.Receiver).Release, "Rewind": (*ipc.Receiver).Rewind}
	takes := map[string]func(*ipc.Receiver) ([]byte, error){
		"Next":    func(r *ipc.Receiver) ([]byte, error) { return r.Next(context.Background()) },
		"TryNext": (*ipc.Receiver).TryNext,
	}
	for take, next := range takes {
		for last, letGo := range lastCalls {
			for _, durable := range []bool{false, true} {
				t.Run(take+", "+last+", "+map[bool]string{true: "durable", false: "not durable"}[durable], func(t *testing.T) {
					o := in(t)
					o.Durable = durable
					s, r := newPairOnce(t, o)
					send(t, s, "one", "two")
					require.NoError(t, s.Close())
					one, err := next(r)
					require.NoError(t, err)
					two, err := next(r)
					require.NoError(t, err)
					closeElsewhere(t, r)

					requireReadable(t, "one", one)
					requireReadable(t, "two", two)
					requireNotOpen(t, o)
					if durable {
						again := newReceiver(t, o)
						require.NoError(t, again.Close(), "the lock is free")
						remove(t, o)
					} else {
						require.NoFileExists(t, path(o))
					}
					require.True(t, mapped(t, o))
					require.Equal(t, uint64(2), r.Stats().Messages)
					require.ErrorIs(t, r.Intact(), ipc.ErrClosed)
					require.ErrorIs(t, r.ReleaseFirst(1), ipc.ErrClosed)
					require.Empty(t, r.Meta())
					require.Empty(t, r.Deaths())
					_, err = r.TryNext()
					require.ErrorIs(t, err, ipc.ErrClosed)
					require.NoError(t, r.Close())
					requireReadable(t, "one", one)

					require.ErrorIs(t, letGo(r), ipc.ErrClosed)
					require.False(t, mapped(t, o))
					require.ErrorIs(t, letGo(r), ipc.ErrClosed)
					require.Equal(t, uint64(2), r.Stats().Messages)
				})
			}
		}
	}
}

func TestCloseUnmapsAtOnceWhereNothingIsHeld(t *testing.T) {
	for what, use := range map[string]func(r *ipc.Receiver) error{
		"nothing was taken": func(*ipc.Receiver) error { return nil },
		"received":          func(r *ipc.Receiver) error { _, err := r.TryRecv(); return err },
		"released":          func(r *ipc.Receiver) error { _, err := r.TryNext(); return errors.Join(err, r.Release()) },
		"rewound":           func(r *ipc.Receiver) error { _, err := r.TryNext(); return errors.Join(err, r.Rewind()) },
		"received after Next": func(r *ipc.Receiver) error {
			_, err := r.TryNext()
			_, err2 := r.TryRecv()
			return errors.Join(err, err2)
		},
		"released in two steps": func(r *ipc.Receiver) error {
			_, err := r.TryNext()
			_, err2 := r.TryNext()
			return errors.Join(err, err2, r.ReleaseFirst(1), r.ReleaseFirst(1))
		},
		"consumed, then released": func(r *ipc.Receiver) error {
			_, err := r.Consume(context.Background(), 0, func([]byte) error { return nil })
			return errors.Join(err, r.Release())
		},
	} {
		t.Run(what, func(t *testing.T) {
			o := in(t)
			s, r := newPairOnce(t, o)
			send(t, s, "1", "2")
			require.NoError(t, s.Close())
			require.NoError(t, use(r))
			require.NoError(t, r.Close())
			require.False(t, mapped(t, o))
			require.ErrorIs(t, r.Release(), ipc.ErrClosed)
		})
	}
}

func TestSliceKeptFromConsumeIsNoFaultAfterClose(t *testing.T) {
	errFailed := errors.New("failed")
	for what, finish := range map[string]func(r *ipc.Receiver) error{
		"taken":    func(*ipc.Receiver) error { return nil },
		"refused":  func(*ipc.Receiver) error { return errFailed },
		"panicked": func(*ipc.Receiver) error { panic(errFailed) },
		"closed within": func(r *ipc.Receiver) error {
			return r.Close()
		},
		"closed elsewhere": func(r *ipc.Receiver) error { return <-async(r.Close) },
	} {
		t.Run(what, func(t *testing.T) {
			o := in(t)
			s, r := newPairOnce(t, o)
			send(t, s, "kept")
			require.NoError(t, s.Close())
			var kept []byte
			func() {
				defer func() { _ = recover() }()
				_, _ = r.Consume(context.Background(), 0, func(msg []byte) error {
					kept = msg
					err := finish(r)
					requireReadable(t, "kept", msg)
					return err
				})
			}()
			closeElsewhere(t, r)
			requireReadable(t, "kept", kept)
			requireNotOpen(t, o)
			require.NoFileExists(t, path(o))
			require.ErrorIs(t, r.Release(), ipc.ErrClosed)
			require.False(t, mapped(t, o))
		})
	}
}

// Calling Release within Consume's function is a mistake, but it must not unmap the
// message that the function reads.
func TestReleaseWithinConsumeAfterCloseUnmapsWhenTheFunctionHasReturned(t *testing.T) {
	o := in(t)
	s, r := newPairOnce(t, o)
	send(t, s, "in hand")
	require.NoError(t, s.Close())
	_, err := r.Consume(context.Background(), 0, func(msg []byte) error {
		require.NoError(t, r.Close())
		require.ErrorIs(t, r.Release(), ipc.ErrClosed)
		requireReadable(t, "in hand", msg)
		return nil
	})
	require.NoError(t, err)
	require.False(t, mapped(t, o))
}

func TestForgottenReceiverIsUnmapped(t *testing.T) {
	for what, use := range map[string]func(r *ipc.Receiver) error{
		"Next": func(r *ipc.Receiver) error { _, err := r.Next(t.Context()); return err },
		"Consume": func(r *ipc.Receiver) error {
			_, err := r.Consume(t.Context(), 0, func([]byte) error { return nil })
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			o := in(t)
			func() {
				s, r := newPairOnce(t, o)
				send(t, s, "x")
				require.NoError(t, s.Close())
				require.NoError(t, use(r))
				require.NoError(t, r.Close())
				require.True(t, mapped(t, o))
				runtime.KeepAlive(r)
			}()
			proctest.Eventually(t, "the ring is unmapped", func() bool {
				runtime.GC()
				return !mapped(t, o)
			})
		})
	}
}

// The garbage collector does not count the rings, so the package must trigger it:
// otherwise this test would keep 1 GiB mapped.
func TestForgottenRingsDoNotPileUp(t *testing.T) {
	o := in(t)
	o.Capacity = 4 << 20
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	most := 0
	for range 256 {
		s, r := newPairOnce(t, o)
		send(t, s, "x")
		require.NoError(t, s.Close())
		_, err := r.Consume(t.Context(), 0, func([]byte) error { return nil })
		require.NoError(t, err)
		require.NoError(t, r.Close())
		maps, err := os.ReadFile("/proc/self/maps")
		require.NoError(t, err)
		most = max(most, strings.Count(string(maps), o.Dir)/2)
	}
	require.Less(t, most, 128)
}

// One goroutine closes the receiver while another reads messages in place.
func TestCloseWhileMessagesInPlaceAreRead(t *testing.T) {
	step := map[string]func(r *ipc.Receiver) error{
		"Next": func(r *ipc.Receiver) error {
			msg, err := r.TryNext()
			r.Meta()
			_ = r.Intact()
			for range 100 {
				if err == nil && string(msg) != "0123456789" {
					return errors.New("torn")
				}
			}
			return errors.Join(err, r.Release())
		},
		"ReleaseFirst": func(r *ipc.Receiver) error {
			a, err := r.TryNext()
			b, err2 := r.TryNext()
			err3 := r.ReleaseFirst(1)
			if err == nil && err2 == nil && string(a)+string(b) != "01234567890123456789" {
				return errors.New("torn")
			}
			return errors.Join(err, err2, err3, r.Rewind())
		},
		"Consume": func(r *ipc.Receiver) error {
			_, err := r.Consume(context.Background(), 1, func(msg []byte) error {
				if r.Meta(); string(msg) != "0123456789" {
					return errors.New("torn")
				}
				return nil
			})
			return err
		},
	}
	for what, step := range step {
		t.Run(what, func(t *testing.T) {
			for range 50 {
				o := in(t)
				s, r := newPairOnce(t, o)
				for range 500 {
					send(t, s, "0123456789")
				}
				var all sync.WaitGroup
				all.Go(func() {
					defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
					for {
						if err := step(r); err != nil {
							if !errors.Is(err, ipc.ErrClosed) && !errors.Is(err, ipc.ErrEmpty) {
								t.Error(err)
							}
							return
						}
					}
				})
				all.Go(func() {
					for r.Stats().Received < 10 {
						runtime.Gosched()
					}
					if err := r.Close(); err != nil {
						t.Error(err)
					}
				})
				all.Wait()
				require.NoError(t, s.Close())
				_ = r.Release()
				require.False(t, mapped(t, o))
			}
		})
	}
}
