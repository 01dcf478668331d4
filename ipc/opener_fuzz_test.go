package ipc

import (
	"errors"
	"io/fs"
	"math"
	"math/bits"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/shm"
)

// FuzzName checks that every name either is rejected as invalid or denotes one file in
// one clean directory, and that a plain name never leaves its directory.
func FuzzName(f *testing.F) {
	for _, name := range []string{
		"jobs", "", ".", "..", ".hidden", "a/b", "/", "./x", "../x", "a/..", "a//b/./c", "nul\x00", "x/nul\x00",
		"ünïcode", "\xff\xfe", strings.Repeat("n", 200), strings.Repeat("n", 201), strings.Repeat("d/", 3000) + "x", "new\nline",
	} {
		f.Add(name, "/somewhere")
	}
	f.Add("plain", "relative/../dir")
	f.Add("plain", "nul\x00")
	home := proctest.Dir(f)
	f.Fuzz(func(t *testing.T, name, dir string) {
		s := opener{Options: Options{Dir: dir}}
		place, err := s.place(name, false)
		if err != nil {
			require.ErrorIs(t, err, fs.ErrInvalid)
		} else {
			require.True(t, filepath.IsAbs(place.Dir))
			require.Equal(t, filepath.Clean(place.Dir), place.Dir)
			require.NotContains(t, []string{"", ".", "..", "/"}, place.Base)
			require.False(t, strings.ContainsAny(place.Base, "/\x00"), "%q", place.Base)
			require.NotContains(t, place.Path(), "\x00")
			if !strings.Contains(name, "/") {
				require.Equal(t, name, place.Base)
				require.False(t, strings.HasPrefix(name, "."))
			}
		}
		// The kernel may reject a long name too: an error, and no file.
		if !strings.Contains(name, "/") {
			_, err := Inspect(name, &Options{Dir: home})
			require.Error(t, err)
			require.True(t, errors.Is(err, fs.ErrInvalid) || errors.Is(err, fs.ErrNotExist), "%v", err)
		}
	})
}

// FuzzOptions checks that options are either rejected as invalid or honored.
func FuzzOptions(f *testing.F) {
	f.Add(0, 0, uint32(0), int64(0), "")
	f.Add(4097, 3, uint32(0o660), int64(time.Second), "worker 7")
	f.Add(-1, -1, uint32(0o400), int64(-1), "\xff")
	f.Add(math.MaxInt, 4097, uint32(1<<31|0o600), int64(time.Hour), "a\nb")
	f.Add(int(min(shm.MaxCapacity, math.MaxInt)), 4096, uint32(0o666), int64(time.Minute), strings.Repeat("é", 24))
	home := proctest.Dir(f)
	f.Fuzz(func(t *testing.T, capacity, senders int, mode uint32, heartbeat int64, label string) {
		o := &Options{
			Dir: home, Capacity: capacity, MaxSenders: senders, Mode: fs.FileMode(mode),
			Heartbeat: time.Duration(heartbeat), Label: label, Create: true,
		}
		s, err := o.check()
		if err != nil {
			require.ErrorIs(t, err, fs.ErrInvalid)
			return
		}
		require.NoError(t, s.config.Validate())
		require.True(t, minHeartbeat <= s.Heartbeat && s.Heartbeat <= maxHeartbeat)
		require.LessOrEqual(t, len(label), 48)
		require.True(t, utf8.ValidString(label))
		if capacity > 1<<20 || senders > 64 {
			return // slow, and tests no more than small values do
		}
		tx, err := NewSender(t.Context(), "ch", o)
		require.NoError(t, err)
		stats := tx.Stats()
		require.NoError(t, tx.Close())
		require.NoError(t, Remove("ch", o))
		require.Equal(t, 1, bits.OnesCount(uint(stats.Capacity)))
		require.GreaterOrEqual(t, stats.Capacity, max(capacity, shm.MinCapacity))
		if senders > 0 {
			require.Equal(t, senders, stats.MaxSenders)
		}
		if mode > 0 {
			require.Equal(t, fs.FileMode(mode), stats.Mode)
		}
		require.Equal(t, label, stats.Senders[0].Label)
	})
}

// FuzzLabel checks that a label is accepted only if it prints as it is, on one line,
// and fits its field.
func FuzzLabel(f *testing.F) {
	for _, label := range []string{"", "worker 7", "a\x00b", "\x1b[2J", "\u202e", "é", "\xc3", strings.Repeat("l", 48), strings.Repeat("l", 49)} {
		f.Add(label)
	}
	f.Fuzz(func(t *testing.T, label string) {
		_, err := (&Options{Label: label}).check()
		good := len(label) <= 48 && utf8.ValidString(label) &&
			strings.IndexFunc(label, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
		if good {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, fs.ErrInvalid)
		}
	})
}
