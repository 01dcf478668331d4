package process

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Self returns the identity of this process. It is safe for concurrent use.
var Self = sync.OnceValue(func() Identity {
	id := Identity{PID: os.Getpid()}
	var st unix.Stat_t
	if unix.Stat("/proc/self/ns/pid", &st) == nil {
		id.NS = st.Ino
	}
	// Read /proc/self: if /proc belongs to another PID namespace, the number refers to
	// another process there. If /proc is not mounted, Start stays 0 (unknown).
	if st, err := readStat("self"); err == nil {
		id.Start = st.start
	}
	return id
})

// BootID returns the kernel's random id of this boot, or zeroes if /proc does not show
// it.
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

// Monotonic returns the monotonic clock in nanoseconds since boot. The offset of a time
// namespace is subtracted, so all processes share one clock.
func Monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // can't fail: the clock exists and &ts is ours
	return ts.Nano() - ClockOffset()
}

// ClockOffset returns the offset that this process's time namespace adds to the
// monotonic clock, in nanoseconds.
func ClockOffset() int64 {
	o, _ := timeOffsets()
	return o.monotonic
}

// firstTimeNS is the link of the time namespace that the machine boots in.
const firstTimeNS = "time:[4026531834]"

// timeOffsets returns the offsets that this process's time namespace adds to the clocks,
// in nanoseconds, and whether they are known. They never change after a process has
// entered the namespace.
var timeOffsets = sync.OnceValues(func() (o offsets, known bool) {
	own, err := os.Readlink("/proc/self/ns/time")
	if err != nil || own == firstTimeNS {
		return o, true // no time namespaces (before Linux 5.6), no /proc, or no offset
	}
	// The file shows the offsets of the namespace for new children. Between unshare and
	// fork that is not ours, and ours can't be determined.
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

// parseOffsets parses timens_offsets: clock, seconds, nanoseconds.
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
