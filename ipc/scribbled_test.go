package ipc_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// scribbledReceiverRole receives from a channel that a scribbler damages, and opens a
// new one when a call fails, until it reads a line. Then it makes one more call, which
// waits, and reports the processor time that the wait cost.
func scribbledReceiverRole(args []string) int {
	o := decode(args)
	w := &watched{kinds: map[string]int{}}
	go w.guard()
	stop := lineRead()
	proctest.Say("ready")
	var r *ipc.Receiver
	for !over(stop) {
		if r == nil {
			_ = w.call(func() (err error) { r, err = ipc.NewReceiver(context.Background(), name, o); return err })
			if r == nil {
				_ = os.Remove(path(o)) // as a user would do with a damaged channel
				continue
			}
		}
		if err := receiveSome(w, r); err != nil {
			_ = w.call(r.Close)
			_ = os.Remove(path(o))
			r = nil
		}
	}
	if r == nil {
		_ = os.Remove(path(o))
		r, _ = ipc.NewReceiver(context.Background(), name, o)
	}
	rest(w, func(ctx context.Context) error { _, err := r.Recv(ctx); return err })
	_ = w.call(r.Close)
	w.say()
	return 0
}

// receiveSome calls the methods of a receiver. It returns an error only if the error
// means that the receiver can't go on.
func receiveSome(w *watched, r *ipc.Receiver) (lasting error) {
	ctx, cancel := context.WithTimeout(context.Background(), briefWait)
	defer cancel()
	do := func(fn func() ([]byte, error)) {
		err := w.call(func() error {
			msg, err := fn()
			if len(msg) > 2048 {
				panic(fmt.Sprintf("message of %d bytes, want at most 2048", len(msg)))
			}
			return err
		})
		switch kind(err) {
		case "ok", "empty", "deadline":
		default:
			lasting = err
		}
	}
	buf := make([]byte, 0, 2048)
	for range 50 {
		do(r.TryRecv)
		do(func() ([]byte, error) { return r.RecvAppend(ctx, buf) })
	}
	do(func() ([]byte, error) {
		_, err := r.Consume(ctx, 0, func(msg []byte) error {
			if len(msg) > 2048 {
				panic("message too long")
			}
			return nil
		})
		return nil, err
	})
	_ = w.call(func() error { r.Stats(); r.Deaths(); r.Meta(); return nil })
	return lasting
}

// scribbledSenderRole is scribbledReceiverRole's counterpart.
func scribbledSenderRole(args []string) int {
	o := decode(args)
	w := &watched{kinds: map[string]int{}}
	go w.guard()
	stop := lineRead()
	proctest.Say("ready")
	rnd := rand.New(rand.NewPCG(uint64(os.Getpid()), 0))
	var s *ipc.Sender
	for !over(stop) {
		if s == nil {
			_ = w.call(func() (err error) { s, err = ipc.NewSender(context.Background(), name, o); return err })
			if s == nil {
				time.Sleep(time.Millisecond)
				continue
			}
		}
		if err := sendSome(w, s, rnd, o); err != nil || rnd.IntN(50) == 0 {
			_ = w.call(s.Close)
			s = nil
		}
	}
	rest(w, func(ctx context.Context) error {
		for s != nil {
			if err := s.Send(ctx, make([]byte, 100)); err != nil {
				return err
			}
		}
		return nil
	})
	if s != nil {
		_ = w.call(s.Close)
	}
	w.say()
	return 0
}

func sendSome(w *watched, s *ipc.Sender, rnd *rand.Rand, o *ipc.Options) (lasting error) {
	ctx, cancel := context.WithTimeout(context.Background(), briefWait)
	defer cancel()
	msg := noise(rnd.Int(), rnd.IntN(s.MaxMessage()+1))
	do := func(fn func() error) {
		switch err := w.call(fn); kind(err) {
		case "ok", "full", "deadline", "busy":
		default:
			lasting = err
		}
	}
	for range 20 {
		do(func() error { return s.TrySend(msg[:len(msg)/8]) })
		do(func() error { return s.Send(ctx, msg[:len(msg)/16]) })
	}
	do(func() error { return s.Send(ctx, msg) })
	do(func() error {
		_, err := s.SendBatch(ctx, [][]byte{msg[:len(msg)/4], nil, msg[:len(msg)/9]})
		return err
	})
	do(func() error {
		c, err := s.Claim(ctx, len(msg)/2)
		if err != nil {
			return err
		}
		copy(c.Bytes(), msg)
		if len(msg)%2 == 0 {
			return c.Abort()
		}
		return c.Commit()
	})
	do(func() error { return s.Flush(ctx) })
	_ = w.call(func() error { s.Stats(); return nil })
	_ = w.call(func() error { _, err := ipc.Inspect(name, o); return err })
	_ = w.call(func() error { _, err := ipc.List(o); return err })
	return lasting
}

// lineRead returns a channel that is closed when the parent has sent a line.
func lineRead() <-chan struct{} {
	c := make(chan struct{})
	go func() {
		proctest.Hear()
		close(c)
	}()
	return c
}

func over(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// rest makes one call that waits, if it can, and reports the processor time that this
// process used meanwhile, in percent. The file is still damaged, but the scribbler has
// stopped.
func rest(w *watched, do func(context.Context) error) {
	const length = time.Second
	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	before := cpuTime()
	_ = w.call(func() error { return do(ctx) })
	<-ctx.Done()
	proctest.Say("%d%%", 100*(cpuTime()-before)/length)
}

// A process overwrites a region while four others use the channel, then stops.
func TestScribblingNeitherCrashesNorHangsNorSpins(t *testing.T) {
	length, seed := 600*time.Millisecond, uint64(1)
	if s := os.Getenv("SHMCHAN_HOSTILE_TIME"); s != "" {
		var err error
		length, err = time.ParseDuration(s)
		require.NoError(t, err)
		seed, err = strconv.ParseUint(os.Getenv("SHMCHAN_HOSTILE_SEED"), 10, 64)
		require.NoError(t, err)
	}
	for i, region := range regions {
		t.Run(fmt.Sprintf("%s from seed %d", region.name, seed), func(t *testing.T) {
			o := in(t)
			hostileOptions(o)
			t.Cleanup(func() { _ = os.Remove(path(o)) })
			victims := []*proctest.Proc{proctest.Start(t, "scribbled-receiver", encode(t, o))}
			for range 3 {
				victims = append(victims, proctest.Start(t, "scribbled-sender", encode(t, o)))
			}
			for _, v := range victims {
				v.Expect("ready")
			}
			scribblers := []*proctest.Proc{proctest.Start(t, "scribbler", encode(t, o), strconv.Itoa(i), strconv.FormatUint(seed, 10))}
			scribblers[0].Expect("scribbling")
			time.Sleep(length)
			for _, s := range scribblers {
				s.Kill()
			}
			for _, v := range victims {
				v.Tell("rest")
			}
			for _, v := range victims {
				requireUnhurt(t, v)
			}
		})
	}
}

func requireUnhurt(t *testing.T, v *proctest.Proc) {
	t.Helper()
	said := v.Line()
	percent, err := strconv.Atoi(strings.TrimSuffix(said, "%"))
	require.NoError(t, err, said)
	require.Less(t, percent, 50, "percent of a processor, after the scribbler has stopped")
	summary := v.Line()
	t.Logf("%d%% at rest; %s", percent, summary)
	require.NotContains(t, summary, "other: ", "every error must wrap a known sentinel")
	var calls, longest, mib int // guard has checked longest
	_, err = fmt.Sscanf(summary, "%d calls, longest %d ms, %d MiB", &calls, &longest, &mib)
	require.NoError(t, err, summary)
	limit := 64
	if raceEnabled {
		limit = 256
	}
	require.Less(t, mib, limit, "memory in MiB")
	require.Zero(t, v.Wait())
}

// writeWord overwrites a word of a channel's file.
func writeWord(t testing.TB, o *ipc.Options, off int64, word uint64) {
	t.Helper()
	f, err := os.OpenFile(path(o), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteAt(binary.LittleEndian.AppendUint64(nil, word), off)
	require.NoError(t, err)
}

// requireCorrupt checks that err is a CorruptError for the word that was written.
func requireCorrupt(t testing.TB, err error, offset int64, value uint64, field string) {
	t.Helper()
	var corrupt *ipc.CorruptError
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, offset, corrupt.Offset, "%v", err)
	require.Equal(t, value, corrupt.Value, "%v", err)
	require.Equal(t, field, corrupt.Field)
	require.NotErrorIs(t, err, fs.ErrNotExist)
}
