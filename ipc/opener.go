package ipc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/shmchan/shmchan/internal/process"
	"github.com/shmchan/shmchan/shm"
)

const (
	defaultHeartbeat = 100 * time.Millisecond
	minHeartbeat     = time.Millisecond
	maxHeartbeat     = time.Minute
	maxName          = 200 // bytes of a plain name
	shmDir           = "/dev/shm"
)

// opener holds checked Options, with the defaults filled in, and opens a channel by them.
type opener struct {
	Options // with the defaults that this package fills in
	config  shm.Config
	held    int    // how often a remover held all slots
	element uint64 // fingerprint of the values to carry; 0: any

	spare *shm.Segment // while opening: made, with no name, to replace a finished channel
}

// invalid is a bad argument: it says what is allowed.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", fs.ErrInvalid, fmt.Sprintf(format, args...))
}

func (o *Options) check() (opener, error) {
	var opts opener
	if o != nil {
		opts.Options = *o
	}
	if opts.Heartbeat == 0 {
		opts.Heartbeat = defaultHeartbeat
	}
	switch {
	case opts.Heartbeat < minHeartbeat || opts.Heartbeat > maxHeartbeat:
		return opts, invalid("heartbeat %v: from %v to %v", opts.Heartbeat, minHeartbeat, maxHeartbeat)
	case opts.Capacity < 0:
		return opts, invalid("capacity %d: from 1 byte (rounded up to %d) to %d", opts.Capacity, shm.MinCapacity, uint64(shm.MaxCapacity))
	case opts.Mode&^0o777 != 0:
		return opts, invalid("mode %v: read and write bits only, such as 0600 or 0660", opts.Mode)
	}
	if wrong := shm.CheckLabel(opts.Label); wrong != "" {
		return opts, invalid("label %q %spts", opts.Label, wrong)
	}
	opts.config = shm.Config{
		Capacity: uint64(opts.Capacity), MaxSenders: opts.MaxSenders, Durable: opts.Durable, Mode: uint32(opts.Mode.Perm()),
	}
	if err := opts.config.Validate(); err != nil {
		return opts, fmt.Errorf("%w: %w", fs.ErrInvalid, err)
	}
	return opts, nil
}

func (o *opener) owner() shm.Owner {
	return shm.Owner{Process: process.Self(), Label: o.Label}
}

// place says where the channel of that name is. With a slash a name is a path.
// make asks for the directory of plain names to be made.
func (o *opener) place(name string, make bool) (shm.Place, error) {
	if strings.ContainsRune(name, 0) {
		return shm.Place{}, invalid("name %q holds a NUL", name)
	}
	if strings.Contains(name, "/") {
		path, err := filepath.Abs(name)
		if err != nil {
			return shm.Place{}, err
		}
		if base := name[strings.LastIndexByte(name, '/')+1:]; base == "" || base == "." || base == ".." {
			return shm.Place{}, invalid("path %q names a directory, not a channel's file", name)
		}
		return shm.Place{Dir: filepath.Dir(path), Base: filepath.Base(path), Sticky: true, Group: o.shares()}, nil
	}
	if name == "" || len(name) > maxName || name[0] == '.' {
		return shm.Place{}, invalid("name %q: 1 to %d bytes, not beginning with a dot (or a path, with a slash)", name, maxName)
	}
	place, err := o.home(make)
	place.Base = name
	return place, err
}

// shares reports whether the caller lets a group write to the channel, and so
// trusts the members of the directory's.
func (o *opener) shares() bool { return o.Mode&0o020 != 0 }

// home is where plain names live, without one. A directory that was named is used
// as that of a path is; the default one is the user's own.
func (o *opener) home(make bool) (shm.Place, error) {
	p := shm.Place{Dir: o.Dir, Make: make, Group: o.shares()}
	if p.Dir == "" {
		p.Dir = os.Getenv("SHMCHAN_DIR")
	}
	if strings.ContainsRune(p.Dir, 0) {
		return shm.Place{}, invalid("directory %q holds a NUL", p.Dir)
	}
	if p.Dir != "" {
		var err error
		p.Dir, err = filepath.Abs(p.Dir)
		p.Sticky = true
		return p, err
	}
	if _, err := os.Stat(shmDir); make && errors.Is(err, fs.ErrNotExist) {
		return shm.Place{}, fmt.Errorf("%s is missing: mount a tmpfs there, or name another directory in SHMCHAN_DIR: %w", shmDir, err)
	}
	p.Dir = filepath.Join(shmDir, "shmchan-"+strconv.Itoa(os.Geteuid()))
	return p, nil
}
