package ipc_test

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
	"github.com/shmchan/shmchan/shm"
)

func TestBadOptionsSayWhatIsAllowed(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*ipc.Options)
		want   string
	}{
		"negative capacity":        {func(o *ipc.Options) { o.Capacity = -1 }, "4096"},
		"huge capacity":            {func(o *ipc.Options) { o.Capacity = math.MaxInt }, "4294967296"},
		"negative senders":         {func(o *ipc.Options) { o.MaxSenders = -1 }, "4096"},
		"too many senders":         {func(o *ipc.Options) { o.MaxSenders = 4097 }, "4096"},
		"mode without owner write": {func(o *ipc.Options) { o.Mode = 0o400 }, "0600"},
		"mode beyond permissions":  {func(o *ipc.Options) { o.Mode = fs.ModeSetuid | 0o600 }, "mode"},
		"negative heartbeat":       {func(o *ipc.Options) { o.Heartbeat = -time.Second }, "1ms"},
		"heartbeat too short":      {func(o *ipc.Options) { o.Heartbeat = time.Microsecond }, "1ms"},
		"heartbeat too long":       {func(o *ipc.Options) { o.Heartbeat = time.Hour }, "1m"},
		"label too long":           {func(o *ipc.Options) { o.Label = strings.Repeat("l", 49) }, "48"},
		"label not printable":      {func(o *ipc.Options) { o.Label = "a\nb" }, "print"},
		"label not UTF-8":          {func(o *ipc.Options) { o.Label = "\xff" }, "UTF-8"},
	} {
		t.Run(what, func(t *testing.T) {
			if what == "huge capacity" && math.MaxInt < shm.MaxCapacity {
				t.Skip("an int of 32 bits cannot exceed the largest capacity")
			}
			o := in(t)
			c.change(o)
			_, err := ipc.NewReceiver(background(t), name, o)
			require.ErrorIs(t, err, fs.ErrInvalid)
			require.ErrorContains(t, err, c.want)
			_, err = ipc.NewSender(background(t), name, creating(o))
			require.ErrorIs(t, err, fs.ErrInvalid)
			require.NoFileExists(t, path(o))
		})
	}
}

func TestLargestAllowedOptionsAreTaken(t *testing.T) {
	o := in(t)
	o.Label = strings.Repeat("l", 48)
	o.Heartbeat = time.Minute
	o.Mode = 0o666
	r := newReceiver(t, o)
	require.Equal(t, o.Label, r.Stats().Receiver.Label)
	o.Heartbeat = time.Millisecond
	newSender(t, o)
}

// notChannels are the contents of files that are not channels.
var notChannels = map[string][]byte{
	"empty":         {},
	"text":          []byte("#!/bin/sh\necho hello\n"),
	"one zero byte": {0},
	"page of zeros": make([]byte, 4096),
	"zeros":         make([]byte, 1<<20),
	"noise":         noise(3, 1<<20),
	"odd size":      noise(4, 12345),
}

func TestFileThatIsNoChannelStaysAsItIs(t *testing.T) {
	for what, content := range notChannels {
		t.Run(what, func(t *testing.T) {
			o := in(t)
			require.NoError(t, os.WriteFile(path(o), content, 0o600))
			requireDamaged(t, o)
			raw, err := os.ReadFile(path(o))
			require.NoError(t, err)
			require.True(t, string(content) == string(raw), "the file changed")
			requireMode(t, path(o), 0o600)
			require.NoError(t, os.Remove(path(o)))
		})
	}
}

// requireDamaged checks that every operation reports the file at the name as
// incompatible or corrupt.
func requireDamaged(t testing.TB, o *ipc.Options) {
	t.Helper()
	for op, open := range map[string]func() error{
		"receiver": func() error { _, err := ipc.NewReceiver(background(t), name, o); return err },
		"sender":   func() error { _, err := ipc.NewSender(background(t), name, o); return err },
		"creator":  func() error { _, err := ipc.NewSender(background(t), name, creating(o)); return err },
		"waiter":   func() error { _, err := ipc.NewSender(background(t), name, waiting(o)); return err },
		"inspect":  func() error { _, err := ipc.Inspect(name, o); return err },
		"remove":   func() error { return ipc.Remove(name, o) },
	} {
		err := open()
		require.True(t, isDamage(err), "%s: %v", op, err)
		require.ErrorContains(t, err, name, op)
	}
}

func isDamage(err error) bool {
	var corrupt *ipc.CorruptError
	return errors.Is(err, ipc.ErrIncompatible) || errors.As(err, &corrupt)
}

// durableFile creates a channel that holds a message and returns the file's bytes.
func durableFile(t testing.TB, o *ipc.Options) []byte {
	t.Helper()
	o.Durable, o.Capacity, o.MaxSenders = true, 4096, 2
	s := newSender(t, creating(o))
	send(t, s, "unread")
	require.NoError(t, s.Close())
	raw, err := os.ReadFile(path(o))
	require.NoError(t, err)
	return raw
}

func TestTruncatedOrGrownFileIsDamaged(t *testing.T) {
	o := in(t)
	whole := durableFile(t, o)
	for _, size := range []int{0, 1, 8, 100, 4095, 4096, len(whole) / 2, len(whole) - 4096, len(whole) - 1, len(whole) + 1, len(whole) + 4096} {
		content := append([]byte{}, whole...)
		content = append(content, make([]byte, 4096)...)[:size]
		require.NoError(t, os.WriteFile(path(o), content, 0o600))
		requireDamaged(t, o)
	}
	require.NoError(t, os.WriteFile(path(o), whole, 0o600))
	r := newReceiver(t, o)
	recv(t, r, "unread")
	require.NoError(t, r.Close())
	remove(t, o)
}

// Every bit that the header defines is checked. Unused bytes may have any value:
// the channel still works.
func TestChangedHeaderIsDamagedOrHarmless(t *testing.T) {
	o := in(t)
	whole := durableFile(t, o)
	damaged := 0
	for at := range 4096 {
		if at >= 512 && at%64 != 0 {
			continue
		}
		content := append([]byte{}, whole...)
		content[at] ^= 1 << (at % 8)
		require.NoError(t, os.WriteFile(path(o), content, 0o600))
		if _, err := ipc.Inspect(name, o); err != nil {
			require.True(t, isDamage(err), "byte %d: %v", at, err)
			damaged++
			_, err := ipc.NewSender(background(t), name, o)
			require.True(t, isDamage(err), "byte %d: %v", at, err)
		}
	}
	t.Logf("%d changes were reported as damage", damaged)
	require.GreaterOrEqual(t, damaged, 64)
	require.NoError(t, os.Remove(path(o)))
}

func TestErrorNamesOperationAndSubject(t *testing.T) {
	o := in(t)
	_, err := ipc.NewSender(background(t), "sub ject", o)
	require.ErrorContains(t, err, "sub ject")
	r := newReceiver(t, o)
	for op, err := range map[string]error{
		"recv":   func() error { _, err := r.TryRecv(); return err }(),
		"remove": ipc.Remove(name, o),
	} {
		require.ErrorContains(t, err, name)
		require.ErrorContains(t, err, op)
	}
}
