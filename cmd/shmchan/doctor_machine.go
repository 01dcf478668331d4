package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/machine"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/internal/filesystem"
	"github.com/shmchan/shmchan/ipc"
)

// checkKernel returns a finding for all features that the kernel has, and one for each
// that it lacks.
func checkKernel(features []machine.Feature) (all []finding) {
	var there []string
	for _, f := range features {
		if f.Err == nil {
			there = append(there, f.Name)
			continue
		}
		missing := finding{
			Level: levelProblem, Subject: "kernel", Check: f.Name,
			Found: fmt.Sprintf("no %s: %s", f.Name, text.OneLine(f.Err)),
			Means: "channels do not work",
			Fix:   fmt.Sprintf("use Linux %s or later, and a container or filter that allows the call", f.Since),
		}
		if !f.Required {
			missing.Level, missing.Means, missing.Fix = levelNote, f.Without, ""
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
	// room is somewhat more than a channel of the default size takes.
	room = 2 << 20
	// containerShm is the default size of /dev/shm in container runtimes.
	containerShm = 64 << 20
)

// directory checks the directory of the channels. It lists the directory of a plain name,
// as all verbs do. For a path, the check of its channel reports an untrusted owner.
func (v *doctor) directory(dir string) []finding {
	bad := func(err error, fix string) []finding {
		return []finding{{
			Level: levelProblem, Subject: "directory", Name: dir, Check: "access", Found: strings.TrimPrefix(text.OneLine(err), "list: "),
			Means: "channels can be neither created nor found there", Fix: fix,
		}}
	}
	if v.name == "" || !strings.Contains(v.name, "/") {
		if _, err := ipc.List(v.options()); err != nil {
			return bad(err, accessFix(dir))
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
		return checkRoom(dir, "missing; the first channel creates it", &s)
	}
	if err != nil {
		return bad(err, accessFix(dir))
	}
	s, err := filesystem.UsageOf(dir)
	if err != nil {
		return bad(err, "")
	}
	return checkRoom(dir, fmt.Sprintf("mode %#o", info.Mode().Perm()), &s)
}

// accessFix returns what to do about a directory that cannot be used.
func accessFix(dir string) string {
	if info, err := os.Lstat(dir); err == nil && info.IsDir() && info.Mode().Perm()&0o002 != 0 {
		return "chmod go-w " + text.ShellWord(dir)
	}
	return "use another directory, with --dir or SHMCHAN_DIR"
}

// checkRoom returns a finding for the directory, and one for each problem of its file
// system.
func checkRoom(dir, state string, s *filesystem.Usage) []finding {
	found := fmt.Sprintf("%s, %s, %s of %s free", state, s.Name, text.Size(s.Free), text.Size(s.Size))
	if s.Size == 0 {
		found = fmt.Sprintf("%s, %s, which reports no size", state, s.Name)
	}
	all := []finding{{Level: levelOK, Check: "access", Found: found}}
	add := func(level, check, found, means, fix string) {
		all = append(all, finding{Level: level, Check: check, Found: found, Means: means, Fix: fix})
	}
	switch {
	case s.Cannot != "":
		add(levelProblem, "type", "its file system is "+s.Name+", which "+s.Cannot,
			"no channel can be created there", "use a directory below /dev/shm, with --dir or SHMCHAN_DIR")
	case s.Remote:
		add(levelProblem, "type", "its file system is "+s.Name,
			"one endpoint may see late, or never, what another writes", "use a directory below /dev/shm, with --dir or SHMCHAN_DIR")
	case s.Layered:
		add(levelNote, "type", "its file system is "+s.Name,
			"each container has its own: a channel there is shared only within one container, and a channel of the image "+
				"becomes a copy when it is first opened; use a directory that is mounted into all containers, such as a tmpfs", "")
	case !s.Memory:
		add(levelNote, "type", "its file system is "+s.Name,
			"the kernel writes messages to disk from time to time; below /dev/shm it does not", "")
	}
	switch s.Writing() {
	case filesystem.InPlaceOnRequest:
		add(levelNote, "full", s.Name+" copies on write, except files that ask to be written in place, as a new channel does",
			"if the disk is full, a channel works on, slowly, from Linux 6.17; before that, or after a snapshot or cp --reflink of it, "+
				"its endpoints get an error; below /dev/shm a full disk does no harm", "")
	case filesystem.Copying:
		add(levelNote, "full", s.Name+" copies on write, which takes space besides what a channel has allocated",
			"if the disk is full, the endpoints of a channel get an error; below /dev/shm a full disk does no harm", "")
	case filesystem.InPlace:
		if !s.Memory {
			add(levelOK, "full", s.Name+" writes in place: if the disk is full, a channel keeps the space that it has allocated", "", "")
		}
	}
	if s.ReadOnly {
		add(levelProblem, "type", "its file system is mounted read-only",
			"channels can be neither created nor used", "mount it read-write, or use another directory, with --dir or SHMCHAN_DIR")
	}
	prune := "shmchan --dir " + text.ShellWord(dir) + " prune --dry-run   # shows what prune would remove"
	more := "create channels with a smaller --capacity, or free some space: " + prune
	if s.Memory && s.Size == containerShm {
		more = "docker run --shm-size=1g, or free some space: " + prune
		add(levelNote, "room", "its size is 64M, the default of container runtimes for /dev/shm",
			"channels share it with all other users of /dev/shm; --shm-size gives a container more", "")
	}
	if s.Free < room && s.Size > 0 {
		add(levelProblem, "room", "only "+text.Size(s.Free)+" free",
			"a channel of the default size does not fit", more)
	}
	if s.Inodes > 0 && s.FreeInodes == 0 {
		add(levelProblem, "inodes", fmt.Sprintf("all %d inodes are in use", s.Inodes),
			"no file can be created, however small", "remove files there: "+prune)
	}
	for i := range all {
		all[i].Subject, all[i].Name = "directory", dir
	}
	return all
}
