package ipc

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
)

// Programs that clean up directories by age remove files that were not used for days.
func TestEndpointsKeepTheFileYoung(t *testing.T) {
	const days = 10 * 24 * time.Hour
	ctx := context.Background()
	defer func(d time.Duration) { ageLook = d }(ageLook)
	ageLook = time.Millisecond
	for endpoint, open := range map[string]func(o *Options) (func() error, error){
		"a receiver": func(o *Options) (func() error, error) {
			r, err := NewReceiver(ctx, "ch", o)
			return r.Close, err
		},
		"a sender": func(o *Options) (func() error, error) {
			s, err := NewSender(ctx, "ch", o)
			return s.Close, err
		},
	} {
		t.Run(endpoint, func(t *testing.T) {
			o := &Options{Dir: proctest.Dir(t), Durable: true, Heartbeat: time.Millisecond}
			require.NoError(t, Create("ch", o))
			path := filepath.Join(o.Dir, "ch")
			for what, times := range map[string][2]time.Duration{
				"not used": {days, days}, "not read": {days, 0}, "not written": {0, days},
			} {
				age := func() {
					now := time.Now()
					require.NoError(t, os.Chtimes(path, now.Add(-times[0]), now.Add(-times[1])))
				}
				young := func() bool {
					info, err := os.Stat(path)
					require.NoError(t, err)
					return time.Since(accessed(info)) < time.Hour && time.Since(info.ModTime()) < time.Hour
				}
				age()
				require.False(t, young())
				close, err := open(o)
				require.NoError(t, err)
				require.True(t, young(), "%s: attaching refreshes the file", what)
				require.NoError(t, close())
			}

			// An attached endpoint refreshes the file, too.
			close, err := open(o)
			require.NoError(t, err)
			now := time.Now()
			require.NoError(t, os.Chtimes(path, now.Add(-days), now.Add(-days)))
			proctest.Eventually(t, "the file is young again", func() bool {
				info, err := os.Stat(path)
				require.NoError(t, err)
				return time.Since(info.ModTime()) < time.Hour
			})
			require.NoError(t, close())
			require.NoError(t, Remove("ch", o))
		})
	}
}

// The file's times are left alone until they are old. Otherwise each endpoint would
// write the inode at every check.
func TestYoungFileIsNotTouched(t *testing.T) {
	defer func(d time.Duration) { ageLook = d }(ageLook)
	ageLook = time.Millisecond
	o := &Options{Dir: proctest.Dir(t), Heartbeat: time.Millisecond}
	r, err := NewReceiver(context.Background(), "ch", o)
	require.NoError(t, err)
	path := filepath.Join(o.Dir, "ch")
	then := time.Now().Add(-refreshAfter + time.Minute).Truncate(time.Second)
	require.NoError(t, os.Chtimes(path, then, then))
	beats := r.me.Beats()
	proctest.Eventually(t, "the receiver has checked the file", func() bool { return r.me.Beats() > beats+10 })
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, info.ModTime().Equal(then))
	require.NoError(t, r.Close())
}

func accessed(info fs.FileInfo) time.Time {
	st := info.Sys().(*syscall.Stat_t)
	return time.Unix(st.Atim.Unix())
}
