package shm

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

// placeIn returns a place in a directory of the test.
func placeIn(t testing.TB) Place { return Place{Dir: proctest.Dir(t), Base: "ch"} }

// publish makes a segment with a name, which is unlinked when the test ends.
func publish(t testing.TB, p Place, c Config) *Segment {
	t.Helper()
	s, err := Create(p, c)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = s.Unlink(time.Second) // the test may have taken the name away
		require.NoError(t, s.Close())
	})
	require.NoError(t, s.Publish())
	return s
}

func openAt(t testing.TB, p Place) *Segment {
	t.Helper()
	s, err := Open(p)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func requireNames(t testing.TB, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.Equal(t, want, names)
}

func TestSegmentHasNoNameUntilItIsPublished(t *testing.T) {
	p := placeIn(t)
	s, err := Create(p, Config{})
	require.NoError(t, err)
	requireNames(t, p.Dir)
	_, err = Open(p)
	require.ErrorIs(t, err, fs.ErrNotExist)
	named, err := s.StillNamed()
	require.NoError(t, err)
	require.False(t, named)
	require.NoError(t, s.Discard())
	requireNames(t, p.Dir)
	require.NoError(t, s.Close(), "closed already")
}

func TestPublishedSegmentIsOpenedByOthers(t *testing.T) {
	p := placeIn(t)
	before := time.Now()
	s := publish(t, p, Config{Capacity: 5000, MaxSenders: 7, Durable: true})
	requireNames(t, p.Dir, "ch")
	o := openAt(t, p)
	require.Equal(t, filepath.Join(p.Dir, "ch"), o.Path())
	require.Equal(t, 8192, o.Ring().Capacity())
	require.Equal(t, 7, o.Ring().Senders())
	require.True(t, o.Durable())
	require.EqualValues(t, 0o600, o.Mode())
	other, err := o.OtherBoot()
	require.NoError(t, err)
	require.False(t, other)
	require.WithinRange(t, o.Created(), before, time.Now())
	require.Equal(t, s.head, o.head)

	put(t, s.Ring().NewProducer(2, true), "across two mappings")
	take(t, newConsumer(t, o.Ring()), "across two mappings")
}

func TestDefaultsOfASegment(t *testing.T) {
	s := makeSegment(t, Config{})
	require.Equal(t, DefaultCapacity, s.Ring().Capacity())
	require.Equal(t, DefaultMaxSenders, s.Ring().Senders())
	require.False(t, s.Durable())
	require.EqualValues(t, 0o600, s.Mode())
	require.Zero(t, s.Ring().Head())
}

func TestPublishOverATakenName(t *testing.T) {
	p := placeIn(t)
	first := publish(t, p, Config{Capacity: 1})
	second, err := Create(p, Config{Capacity: 1})
	require.NoError(t, err)
	require.ErrorIs(t, second.Publish(), fs.ErrExist)
	named, err := first.StillNamed()
	require.NoError(t, err)
	require.True(t, named)

	require.NoError(t, first.Unlink(time.Second))
	require.NoError(t, second.Publish(), "it is as it was")
	named, err = second.StillNamed()
	require.NoError(t, err)
	require.True(t, named)
	require.NoError(t, second.Unlink(time.Second))
	require.NoError(t, second.Close())
}

func TestEverySegmentHasANonceOfItsOwn(t *testing.T) {
	p := placeIn(t)
	seen := map[uint64]bool{}
	for range 8 {
		s, err := Create(p, Config{Capacity: 1})
		require.NoError(t, err)
		require.Zero(t, s.head.nonce&(recordAlign-1))
		seen[s.head.nonce] = true
		require.NoError(t, s.Discard())
	}
	require.Len(t, seen, 8)
}

func TestEveryByteIsAllocated(t *testing.T) {
	p := placeIn(t)
	s := publish(t, p, Config{Capacity: 1 << 20, MaxSenders: 100})
	var st unix.Stat_t
	require.NoError(t, unix.Stat(s.Path(), &st))
	require.EqualValues(t, s.head.fileSize, st.Size)
	require.GreaterOrEqual(t, st.Blocks*512, st.Size, "a sparse file kills its users when there is no room later")
}

func TestZeroesAreWrittenWhereNothingElseAllocates(t *testing.T) {
	f, err := os.CreateTemp(proctest.Dir(t), "")
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, os.Remove(f.Name()))
	const size = 2<<20 + 4096
	refuseFallocate(t, unix.EOPNOTSUPP)
	require.NoError(t, allocate(t.Context(), int(f.Fd()), size))
	var st unix.Stat_t
	require.NoError(t, unix.Fstat(int(f.Fd()), &st))
	require.EqualValues(t, size, st.Size)
	require.GreaterOrEqual(t, st.Blocks*512, st.Size)
}

func TestModeIsExactWhateverTheUmask(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077, 0o777} {
		for _, mode := range []uint32{0o600, 0o640, 0o660, 0o666} {
			p := placeIn(t)
			old := unix.Umask(umask)
			s, err := Create(p, Config{Capacity: 1, Mode: mode})
			unix.Umask(old)
			require.NoError(t, err)
			require.NoError(t, s.Publish())
			info, err := os.Stat(s.Path())
			require.NoError(t, err)
			require.Equal(t, fs.FileMode(mode), info.Mode(), "umask %#o", umask)
			require.Equal(t, mode, s.Mode())
			require.NoError(t, s.Unlink(time.Second))
			require.NoError(t, s.Close())
		}
	}
}

func TestConfigsThatAreRefused(t *testing.T) {
	p := placeIn(t)
	for what, test := range map[string]struct {
		c    Config
		want string
	}{
		"capacity":           {Config{Capacity: MaxCapacity + 1}, "capacity 4294967297: want at most 4294967296"},
		"senders":            {Config{MaxSenders: MaxSenders + 1}, "number of senders 4097: want 1 to 4096"},
		"fewer than none":    {Config{MaxSenders: -1}, "number of senders -1"},
		"mode with x":        {Config{Mode: 0o700}, "mode 0700"},
		"mode with setuid":   {Config{Mode: 0o4600}, "mode 04600"},
		"mode without owner": {Config{Mode: 0o060}, "mode 060"},
		"owner reads only":   {Config{Mode: 0o440}, "mode 0440"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := Create(p, test.c)
			require.ErrorIs(t, err, fs.ErrInvalid)
			require.ErrorContains(t, err, test.want)
		})
	}
	require.NoError(t, Config{}.Validate())
	require.NoError(t, Config{Capacity: MaxCapacity, MaxSenders: MaxSenders, Mode: 0o666}.Validate())
}

func TestLargestSegmentsHaveRoomForAllSlots(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1, MaxSenders: MaxSenders})
	require.Equal(t, MaxSenders, s.Ring().Senders())
	p := s.Ring().NewProducer(MaxSenders-1, true)
	put(t, p, "a")
	c := newConsumer(t, s.Ring())
	take(t, c, "a")
	require.Equal(t, MaxSenders-1, c.Origin().Slot)
	require.Zero(t, s.head.ringOffset%uint64(os.Getpagesize()))
}

func TestRingIsMappedTwiceInARow(t *testing.T) {
	s := makeSegment(t, Config{Capacity: 1 << 16})
	data, size := s.Ring().data, int(s.Ring().capacity)
	require.Len(t, data, 2*size)
	data[0], data[size-1] = 1, 2
	data[size+5] = 3
	require.Equal(t, []byte{1, 2, 3}, []byte{data[size], data[2*size-1], data[5]})
}

func TestCapacityIsAPowerOfTwoOfAtLeastAPage(t *testing.T) {
	for n, want := range map[uint64]uint64{
		0: 4096, 1: 4096, 4096: 4096, 4097: 8192, 1 << 20: 1 << 20, 1<<20 + 1: 1 << 21, 1 << 32: 1 << 32,
	} {
		require.Equal(t, want, RoundCapacity(n), n)
	}
	r := NewHeapRing(5000, 7, 0)
	require.Equal(t, 8192, r.Capacity())
	require.Equal(t, 4096, r.MaxMessage())
	require.Equal(t, 7, r.Senders())
}
