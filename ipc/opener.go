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

// opener holds checked Options, with the defaults filled in, and opens a channel
// with them.
type opener struct {
	Options
	config  shm.Config
	held    int    // how often another process held all slots to remove the channel
	element uint64 // fingerprint of the values to carry; 0: any

	spare *shm.Segment // while opening: made without a name, to replace a finished channel
}

// argumentError reports a bad argument and says what is allowed.
type argumentError string

func (e argumentError) Error() string { return string(e) }
func (e argumentError) Unwrap() error { return fs.ErrInvalid }

// invalid returns an error such as "invalid heartbeat 5ns: want 1ms to 1m".
func invalid(format string, args ...any) error {
	return argumentError("invalid " + fmt.Sprintf(format, args...))
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
		return opts, invalid("heartbeat %v: want 1ms to 1m", opts.Heartbeat)
	case opts.Capacity < 0:
		return opts, invalid("capacity %d: want 1 (rounded up to %d) to %d bytes", opts.Capacity, shm.MinCapacity, uint64(shm.MaxCapacity))
	case opts.Mode&^0o777 != 0:
		return opts, invalid("mode %v: want read and write bits only, such as 0600 or 0660", opts.Mode)
	}
	if !shm.ValidLabel(opts.Label) {
		return opts, invalid("label %q: want at most %d bytes of printable UTF-8", opts.Label, shm.MaxLabel)
	}
	opts.config = shm.Config{
		Capacity: uint64(opts.Capacity), MaxSenders: opts.MaxSenders, Durable: opts.Durable, Mode: uint32(opts.Mode.Perm()),
	}
	if err := opts.config.Validate(); err != nil {
		return opts, invalid("%v", err)
	}
	return opts, nil
}

func (o *opener) owner() shm.Owner {
	return shm.Owner{Process: process.Self(), Label: o.Label}
}

// place returns the place of the channel called name. A name with a slash is a path.
// make requests that a missing directory of plain names be made.
func (o *opener) place(name string, make bool) (shm.Place, error) {
	if strings.ContainsRune(name, 0) {
		return shm.Place{}, invalid("name %q: contains a NUL byte", name)
	}
	if strings.Contains(name, "/") {
		path, err := filepath.Abs(name)
		if err != nil {
			return shm.Place{}, err
		}
		if base := name[strings.LastIndexByte(name, '/')+1:]; base == "" || base == "." || base == ".." {
			return shm.Place{}, invalid("path %q: want a file, got a directory", name)
		}
		return shm.Place{Dir: filepath.Dir(path), Base: filepath.Base(path), Sticky: true, Group: o.shares()}, nil
	}
	if name == "" || len(name) > maxName || name[0] == '.' {
		return shm.Place{}, invalid("name %q: want 1 to %d bytes, not beginning with a dot, or a path with a slash", name, maxName)
	}
	place, err := o.home(make)
	place.Base = name
	return place, err
}

// shares reports whether the caller lets a group write to the channel, and so trusts
// the members of the directory's group.
func (o *opener) shares() bool { return o.Mode&0o020 != 0 }

// home returns the place of plain names, without a name. A directory that the caller
// named is treated like that of a path; the default directory is the user's own.
func (o *opener) home(make bool) (shm.Place, error) {
	p := shm.Place{Dir: o.Dir, Make: make, Group: o.shares()}
	if p.Dir == "" {
		p.Dir = os.Getenv("SHMCHAN_DIR")
	}
	if strings.ContainsRune(p.Dir, 0) {
		return shm.Place{}, invalid("directory %q: contains a NUL byte", p.Dir)
	}
	if p.Dir != "" {
		var err error
		p.Dir, err = filepath.Abs(p.Dir)
		p.Sticky = true
		return p, err
	}
	if _, err := os.Stat(shmDir); make && errors.Is(err, fs.ErrNotExist) {
		return shm.Place{}, fmt.Errorf("%s is missing: mount a tmpfs there, or set SHMCHAN_DIR to another directory: %w", shmDir, err)
	}
	p.Dir = filepath.Join(shmDir, "shmchan-"+strconv.Itoa(os.Geteuid()))
	return p, nil
}
