package process

import (
	"bytes"
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Gone reports whether the process table proves that the process will never run again:
// it no longer exists, its number belongs to another process, all of its threads have
// ended, or it is dumping core. False means that it runs or that nothing is proven,
// because it is in another PID namespace, its identity is incomplete, or /proc does not
// show it. Once true, the result stays true. A call costs some 20 µs. It is safe for
// concurrent use.
//
// A process that /proc does not show may still exist, since hidepid hides those of other
// users. But kill finds every process of the namespace, whichever user calls it.
func Gone(id Identity) bool {
	self := Self()
	switch {
	case id.PID <= 0 || id.PID > math.MaxInt32 || id.NS == 0 || id.NS != self.NS || id.Start == 0:
		return false
	case id.PID == self.PID: // this process, or an earlier one with its number
		return self.Start != 0 && self.Start != id.Start
	case unix.Kill(id.PID, 0) == unix.ESRCH:
		return true
	}
	pid := strconv.Itoa(id.PID)
	st, err := readStat(pid)
	if err != nil {
		return false
	}
	return (st.start != id.Start || st.over() || dumpsCore(pid, id.Start)) && procIsOurs()
}

// procIsOurs reports whether /proc belongs to this process's own PID namespace. If it
// does, NSpid lists one number for this process; otherwise one more for each namespace
// in between.
func procIsOurs() bool {
	status, err := os.ReadFile("/proc/self/status")
	return err == nil && len(bytes.Fields(statusLine(status, "NSpid"))) == 1
}

// statusLine returns the value of a line of /proc/PID/status.
func statusLine(status []byte, name string) []byte {
	_, rest, found := bytes.Cut(status, []byte("\n"+name+":"))
	if !found {
		return nil
	}
	value, _, _ := bytes.Cut(rest, []byte("\n"))
	return bytes.TrimSpace(value)
}

// cmdGlobal is a command of membarrier(2), from linux/membarrier.h.
const cmdGlobal = 1 << 0

// dumpsCore reports whether the process is dumping core and none of its threads will run
// again outside the kernel. It takes these steps, in this order:
//
//	C1  /proc/PID/status shows CoreDumping: the kernel has begun to kill the other
//	    threads, and when this read, which takes the same lock, ends, each of them
//	    has its SIGKILL pending
//	C2  the process still has its start time, so C1 did not read a later process
//	C3  membarrier: every processor has entered the kernel since C1, and a thread
//	    with SIGKILL pending does not return from there
//
// Without C3 a thread could still store a stamp until the interrupt that stops it
// arrives. If membarrier lacks this command (nohz_full, seccomp), nothing is proven.
func dumpsCore(pid string, start uint64) bool {
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil || string(statusLine(status, "CoreDumping")) != "1" { // C1
		return false
	}
	if st, err := readStat(pid); err != nil || st.start != start { // C2
		return false
	}
	_, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, cmdGlobal, 0, 0) // C3
	return errno == 0
}
