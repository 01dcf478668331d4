package nowait

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// all reads to the end, and counts how often the Reader had nothing.
func all(t *testing.T, r *Reader, f *os.File) (got []byte, waited int) {
	buf := make([]byte, 100)
	for {
		n, ok, err := r.Read(buf)
		if !ok {
			waited++
			n, err = f.Read(buf)
		}
		got = append(got, buf[:n]...)
		if err == io.EOF {
			return got, waited
		}
		require.NoError(t, err)
	}
}

func TestReadsAFileFromItsPosition(t *testing.T) {
	for what, dir := range map[string]string{"in memory": "/dev/shm", "elsewhere": t.TempDir()} {
		dir, err := os.MkdirTemp(dir, "shmchan-nowait-")
		require.NoError(t, err, what)
		t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
		content := bytes.Repeat([]byte("0123456789"), 1000)
		at := filepath.Join(dir, "file")
		require.NoError(t, os.WriteFile(at, content, 0o600))
		f, err := os.Open(at)
		require.NoError(t, err)
		_, err = f.Seek(7, io.SeekStart)
		require.NoError(t, err)
		r := New(f)
		got, waited := all(t, r, f)
		require.Equal(t, content[7:], got, what)
		if what == "in memory" {
			require.Zero(t, waited)
		}
		if !r.memory {
			require.Positive(t, waited, "an ordinary read has found the end")
		}
		require.NoError(t, f.Close())
	}
}

func TestDoesNotWaitForAPipe(t *testing.T) {
	from, to, err := os.Pipe()
	require.NoError(t, err)
	defer from.Close()
	blocking := os.NewFile(uintptr(dup(t, from)), "pipe") // as stdin is
	defer blocking.Close()
	r := New(blocking)
	buf := make([]byte, 10)
	n, ok, err := r.Read(buf)
	require.Zero(t, n)
	require.False(t, ok)
	require.NoError(t, err)
	if r.raw == nil {
		t.Skip("this kernel can't read a pipe without waiting")
	}
	_, err = to.WriteString("there")
	require.NoError(t, err)
	n, ok, err = r.Read(buf)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "there", string(buf[:n]))
	_, ok, _ = r.Read(buf)
	require.False(t, ok)
	require.NoError(t, to.Close())
	_, ok, err = r.Read(buf)
	require.False(t, ok, "some kernels report an end where there is none")
	require.NoError(t, err)
	_, err = blocking.Read(buf)
	require.Equal(t, io.EOF, err)
}

// dup returns a descriptor of the same pipe, whose reads block.
func dup(t *testing.T, f *os.File) int {
	fd, err := unix.Dup(int(f.Fd()))
	require.NoError(t, err)
	require.NoError(t, unix.SetNonblock(fd, false))
	return fd
}

func TestWhatItCannotReadIsLeftToAnOrdinaryRead(t *testing.T) {
	f, err := os.Open(t.TempDir())
	require.NoError(t, err)
	defer f.Close()
	_, ok, err := New(f).Read(make([]byte, 1))
	require.False(t, ok)
	require.NoError(t, err)
	require.Nil(t, New(new(bytes.Buffer)))
	var none *Reader
	_, ok, _ = none.Read(make([]byte, 1))
	require.False(t, ok)
}
