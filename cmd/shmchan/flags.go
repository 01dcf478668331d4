package main

import (
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/frame"
	"github.com/shmchan/shmchan/ipc"
)

// value is a pflag.Value that parse parses, and that --help shows as kind.
type value[T any] struct {
	to    *T
	kind  string
	parse func(string) (T, error)
	text  string
}

func (v *value[T]) String() string { return v.text }
func (v *value[T]) Type() string   { return v.kind }
func (v *value[T]) Set(s string) error {
	parsed, err := v.parse(s)
	if err != nil {
		return err
	}
	*v.to, v.text = parsed, s
	return nil
}

// parseSize parses a number of bytes, or a number ending in K, M or G (powers of 1024).
func parseSize(s string) (int, error) {
	digits, unit := s, uint64(1)
	for i, suffix := range []string{"K", "M", "G"} {
		if d, ok := strings.CutSuffix(s, suffix); ok {
			digits, unit = d, 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("invalid size %q: want bytes, or a number ending in K, M or G", s)
	}
	if n > math.MaxInt/unit {
		return 0, fmt.Errorf("invalid size %q: too large for this machine", s)
	}
	return int(n * unit), nil
}

// parsePositive is like parseSize but refuses 0, which would select the default.
func parsePositive(s string) (int, error) {
	n, err := parseSize(s)
	if err == nil && n == 0 {
		err = fmt.Errorf("invalid size %q: want at least 1 byte", s)
	}
	return n, err
}

func parseSenders(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("invalid number of senders %q: want at least 1", s)
	}
	return n, nil
}

// maxJobs bounds --jobs: each one is a process.
const maxJobs = 1024

func parseJobs(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxJobs {
		return 0, fmt.Errorf("invalid number of jobs %q: want 1 to %d", s, maxJobs)
	}
	return n, nil
}

func parseCount(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("invalid number of messages %q: want at least 0", s)
	}
	return n, nil
}

// parseDuration parses a Go duration that is not negative.
func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("invalid duration %q: want a number with a unit, such as 250ms, 10s or 1m30s", s)
	}
	return d, nil
}

func parseMode(s string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n == 0 || n > 0o777 {
		return 0, fmt.Errorf("invalid mode %q: want octal permissions, such as 0600 or 0660", s)
	}
	return fs.FileMode(n), nil
}

// createFlags are the flags of every verb that can create a channel.
type createFlags struct {
	capacity, senders int
	mode              fs.FileMode
	durable           bool
}

func (c *createFlags) register(flags *pflag.FlagSet) {
	flags.Var(&value[int]{&c.capacity, "SIZE", parsePositive, ""}, "capacity", "ring size of a new channel, rounded up to a power of two (default 1M)")
	flags.Var(&value[int]{&c.senders, "N", parseSenders, ""}, "max-senders", "sender slots of a new channel, at most 4096 (default 256)")
	flags.Var(&value[fs.FileMode]{&c.mode, "MODE", parseMode, ""}, "mode", "file mode of a new channel, in octal (default 0600); a mode such as 0660 also accepts a directory of the group")
	flags.BoolVar(&c.durable, "durable", false, "let a new channel outlive its receiver: senders wait for the next one, unread messages stay")
}

func (c *createFlags) apply(o *ipc.Options) {
	o.Capacity, o.MaxSenders, o.Mode, o.Durable = c.capacity, c.senders, c.mode, c.durable
}

// frameFlags are --frame, -0 and --json.
type frameFlags struct {
	kind      frame.Kind
	flags     *pflag.FlagSet
	nul, json bool
}

func (f *frameFlags) register(flags *pflag.FlagSet) {
	f.flags = flags
	flags.Var(&value[frame.Kind]{&f.kind, "FRAME", frame.Parse, frame.Line.String()}, "frame", "how the stream is divided into messages: "+strings.Join(frame.Names(), ", "))
	flags.BoolVarP(&f.nul, "nul", "0", false, "same as --frame nul")
	flags.BoolVar(&f.json, "json", false, "same as --frame json")
}

// pick returns the selected frame.
func (f *frameFlags) pick() (frame.Kind, error) {
	kind, asked := f.kind, ""
	if f.flags.Changed("frame") {
		asked = "--frame " + f.kind.String()
	}
	for _, short := range []struct {
		on   bool
		name string
		kind frame.Kind
	}{{f.nul, "-0", frame.Nul}, {f.json, "--json", frame.JSON}} {
		if !short.on {
			continue
		}
		if asked != "" && kind != short.kind {
			return 0, usagef("%s and %s are mutually exclusive", asked, short.name)
		}
		kind, asked = short.kind, short.name
	}
	return kind, nil
}

// given returns the name of a flag that selects the frame, or "" if there is none.
func (f *frameFlags) given() string {
	switch {
	case f.flags.Changed("frame"):
		return "--frame"
	case f.nul:
		return "-0"
	case f.json:
		return "--json"
	}
	return ""
}

// countFlag is the optional flag -n.
type countFlag struct {
	most uint64
	flag *pflag.Flag
}

func (c *countFlag) register(flags *pflag.FlagSet) {
	flags.VarP(&value[uint64]{&c.most, "N", parseCount, ""}, "count", "n", "exit after N messages")
	c.flag = flags.Lookup("count")
}

// reached reports whether there is a limit, and n messages reach it.
func (c *countFlag) reached(n uint64) bool { return c.flag.Changed && n >= c.most }

// timeoutFlag is the optional flag --timeout.
type timeoutFlag struct {
	after time.Duration
	flag  *pflag.Flag
}

func (t *timeoutFlag) register(flags *pflag.FlagSet, usage string) {
	flags.Var(&value[time.Duration]{&t.after, "DUR", parseDuration, ""}, "timeout", usage)
	t.flag = flags.Lookup("timeout")
}

// given reports whether there is a timeout, which may be 0.
func (t *timeoutFlag) given() bool { return t.flag.Changed }
