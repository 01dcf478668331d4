package process

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Self returns the identity of this process. Safe for concurrent use.
var Self = sync.OnceValue(func() Identity {
	id := Identity{PID: os.Getpid()}
	var st unix.Stat_t
	if unix.Stat("/proc/self/ns/pid", &st) == nil {
		id.NS = st.Ino
	}
	// By /proc/self: where /proc is that of another PID namespace, the number is
	// somebody else's there. Start stays 0, unknown, where /proc is not mounted.
	if st, err := readStat("self"); err == nil {
		id.Start = st.start
	}
	return id
})

// BootID returns the kernel's random id of this boot, or zeroes where /proc does
// not show it.
var BootID = sync.OnceValue(func() (id [16]byte) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return id
	}
	hex := bytes.ReplaceAll(bytes.TrimSpace(text), []byte("-"), nil)
	if len(hex) != 2*len(id) {
		return id
	}
	for i := range id {
		b, err := strconv.ParseUint(string(hex[2*i:2*i+2]), 16, 8)
		if err != nil {
			return [16]byte{}
		}
		id[i] = byte(b)
	}
	return id
})

// Monotonic returns the monotonic clock, nanoseconds since boot: one clock for
// all processes, those in time namespaces too, whose offset is taken off.
func Monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // can't fail: the clock exists and &ts is ours
	return ts.Nano() - ClockOffset()
}

// ClockOffset returns what this process's time namespace adds to the monotonic
// clock, in nanoseconds.
func ClockOffset() int64 {
	o, _ := timeOffsets()
	return o.monotonic
}

// firstTimeNS is the link of the time namespace that the machine boots in.
const firstTimeNS = "time:[4026531834]"

// timeOffsets returns what this process's time namespace adds to the clocks, in
// nanoseconds, and whether that is known. It never changes once a process is in
// there.
var timeOffsets = sync.OnceValues(func() (o offsets, known bool) {
	own, err := os.Readlink("/proc/self/ns/time")
	if err != nil || own == firstTimeNS {
		return o, true // no such namespaces (before Linux 5.6), no /proc, or nothing to add
	}
	// The file tells the offsets of the namespace that children are born in: not
	// ours between unshare and fork, when nothing tells ours.
	if children, err := os.Readlink("/proc/self/ns/time_for_children"); err != nil || own != children {
		return o, false
	}
	text, err := os.ReadFile("/proc/self/timens_offsets")
	if err != nil {
		return o, false
	}
	return parseOffsets(text), true
})

type offsets struct{ monotonic, boottime int64 }

// parseOffsets reads timens_offsets: clock, seconds, nanoseconds.
//
//	monotonic           86400         0
//	boottime            86400         0
func parseOffsets(text []byte) (o offsets) {
	for line := range bytes.Lines(text) {
		f := bytes.Fields(line)
		if len(f) != 3 {
			continue
		}
		sec, err := strconv.ParseInt(string(f[1]), 10, 64)
		nsec, nerr := strconv.ParseInt(string(f[2]), 10, 64)
		if err != nil || nerr != nil {
			continue
		}
		switch at := sec*int64(time.Second) + nsec; string(f[0]) {
		case "monotonic":
			o.monotonic = at
		case "boottime":
			o.boottime = at
		}
	}
	return o
}
