package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/machine"
	"github.com/shmchan/shmchan/internal/filesystem"
	"github.com/shmchan/shmchan/ipc"
)

// checkKernel is one line for all features that are there, and one for each that
// is missing.
func checkKernel(features []machine.Feature) (all []finding) {
	var there []string
	for _, f := range features {
		if f.Err == nil {
			there = append(there, f.Name)
			continue
		}
		missing := finding{
			Level: levelProblem, Subject: "kernel", Check: f.Name,
			Found: fmt.Sprintf("no %s: %s", f.Name, oneLine(f.Err)),
			Means: "no channel can be used",
			Mend:  fmt.Sprintf("use Linux %s or later, and a container or filter that allows it", f.Since),
		}
		if !f.Required {
			missing.Level, missing.Means, missing.Mend = levelNote, f.Without, ""
		}
		all = append(all, missing)
	}
	if len(there) > 0 {
		ok := finding{Level: levelOK, Subject: "kernel", Check: "features", Found: strings.Join(there, ", ")}
		all = append([]finding{ok}, all...)
	}
	return all
}

const (
	// room is what a channel of the default size takes, and some more.
	room = 2 << 20
	// containerShm is the size of /dev/shm that container runtimes give.
	containerShm = 64 << 20
)

// directory checks the directory where the channels are. A plain name's is checked
// by listing it, as every verb does; a path's owner is told of by its channel.
func (v *doctor) directory(dir string) []finding {
	bad := func(err error, mend string) []finding {
		return []finding{{
			Level: levelProblem, Subject: "directory", Name: dir, Check: "access", Found: oneLine(err),
			Means: "no channel can be made or found there", Mend: mend,
		}}
	}
	if v.name == "" || !strings.Contains(v.name, "/") {
		if _, err := ipc.List(v.options()); err != nil {
			return bad(err, accessMend(dir))
		}
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		parent := filepath.Dir(dir)
		for ; errors.Is(err, fs.ErrNotExist) && parent != filepath.Dir(parent); parent = filepath.Dir(parent) {
			if _, err = os.Stat(parent); err == nil {
				break
			}
		}
		s, err := filesystem.UsageOf(parent)
		if err != nil {
			return bad(err, "")
		}
		return checkRoom(dir, "missing; the first channel makes it", &s)
	}
	if err != nil {
		return bad(err, accessMend(dir))
	}
	s, err := filesystem.UsageOf(dir)
	if err != nil {
		return bad(err, "")
	}
	return checkRoom(dir, fmt.Sprintf("mode %#o", info.Mode().Perm()), &s)
}

// accessMend is what to do about a directory that can't be used.
func accessMend(dir string) string {
	if info, err := os.Lstat(dir); err == nil && info.IsDir() && info.Mode().Perm()&0o002 != 0 {
		return "chmod go-w " + quote(dir)
	}
	return "name another directory, by --dir or SHMCHAN_DIR"
}

// checkRoom is one line about the directory, and one for each thing that is amiss
// with its file system.
func checkRoom(dir, state string, s *filesystem.Usage) []finding {
	found := fmt.Sprintf("%s, %s, %s of %s free", state, s.Name, humanSize(s.Free), humanSize(s.Size))
	if s.Size == 0 {
		found = fmt.Sprintf("%s, %s, which does not count its room", state, s.Name)
	}
	all := []finding{{Level: levelOK, Check: "access", Found: found}}
	add := func(level, check, found, means, mend string) {
		all = append(all, finding{Level: level, Check: check, Found: found, Means: means, Mend: mend})
	}
	switch {
	case s.Cannot != "":
		add(levelProblem, "type", "its file system is "+s.Name+", which "+s.Cannot,
			"no channel can be made there", "name a directory below /dev/shm, by --dir or SHMCHAN_DIR")
	case s.Remote:
		add(levelProblem, "type", "its file system is "+s.Name,
			"what one end writes another may not see, or late", "name a directory below /dev/shm, by --dir or SHMCHAN_DIR")
	case s.Layered:
		add(levelNote, "type", "its file system is "+s.Name,
			"each container has its own: a channel there is shared within one container only, and one that was in its image "+
				"is a copy from when it is first opened; share a directory that is mounted into all of them, such as one of tmpfs", "")
	case !s.Memory:
		add(levelNote, "type", "its file system is "+s.Name,
			"the messages are written to a disk now and then; below /dev/shm they are not", "")
	}
	switch s.Writing() {
	case filesystem.InPlaceOnRequest:
		add(levelNote, "full", s.Name+" copies on write, unless a file asks to be written in place, as a channel does when it is made",
			"a channel goes on when the disk is full, slowly, from Linux 6.17 on; before, or after a snapshot or cp --reflink of it, "+
				"its ends get an error then; below /dev/shm a full disk hurts no channel", "")
	case filesystem.Copying:
		add(levelNote, "full", s.Name+" copies on write, which the room that a channel has allocated does not cover",
			"when the disk is full, the ends of a channel get an error; below /dev/shm a full disk hurts no channel", "")
	case filesystem.InPlace:
		if !s.Memory {
			add(levelOK, "full", s.Name+" writes in place: a channel that has its room keeps it when the disk is full", "", "")
		}
	}
	if s.ReadOnly {
		add(levelProblem, "type", "its file system is mounted read-only",
			"no channel can be made, and none can be used", "mount it read-write, or name another directory, by --dir or SHMCHAN_DIR")
	}
	prune := "shmchan --dir " + quote(dir) + " prune --dry-run   # shows what prune would remove"
	more := "make channels with a smaller --capacity, or free some room: " + prune
	if s.Memory && s.Size == containerShm {
		more = "docker run --shm-size=1g, or free some room: " + prune
		add(levelNote, "room", "it has 64M, as container runtimes give to /dev/shm",
			"that is all the channels and other users of it may take together; a container is given more by --shm-size", "")
	}
	if s.Free < room && s.Size > 0 {
		add(levelProblem, "room", humanSize(s.Free)+" are free",
			"a channel of the default size does not fit", more)
	}
	if s.Inodes > 0 && s.FreeInodes == 0 {
		add(levelProblem, "inodes", fmt.Sprintf("none of %d inodes is free", s.Inodes),
			"no file can be made, however small", "remove files there: "+prune)
	}
	for i := range all {
		all[i].Subject, all[i].Name = "directory", dir
	}
	return all
}
