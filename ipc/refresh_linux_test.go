package ipc

import (
	"io/fs"
	"syscall"
	"time"
)

func accessed(info fs.FileInfo) time.Time {
	st := info.Sys().(*syscall.Stat_t)
	return time.Unix(st.Atim.Unix())
}
