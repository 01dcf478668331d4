package ipc_test

import (
	"io/fs"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

func TestDirIsWherePlainNamesLive(t *testing.T) {
	o := in(t)
	require.NoError(t, ipc.Create(name, o))
	dir, err := ipc.Dir(o)
	require.NoError(t, err)
	require.FileExists(t, dir+"/"+name)
	remove(t, o)

	t.Setenv("SHMCHAN_DIR", "/some/where")
	dir, err = ipc.Dir(nil)
	require.NoError(t, err)
	require.Equal(t, "/some/where", dir, "the directory need not exist")
	t.Setenv("SHMCHAN_DIR", "")
	dir, err = ipc.Dir(nil)
	require.NoError(t, err)
	require.Equal(t, "/dev/shm/shmchan-"+strconv.Itoa(os.Geteuid()), dir)

	_, err = ipc.Dir(&ipc.Options{Dir: "a\x00b"})
	require.ErrorIs(t, err, fs.ErrInvalid)
}
