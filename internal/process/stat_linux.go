package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// stat holds fields of /proc/PID/stat.
type stat struct {
	state   byte   // R, S, D, Z and so on, of its first thread
	threads int    // threads that have not been reaped; 0 in the middle of an exit
	start   uint64 // clock ticks since boot, in the initial time namespace
}

// tick is the duration of a clock tick (USER_HZ).
const tick = int64(time.Second) / 100

// readStat reads /proc/PID/stat, where pid is "self" or a number. It returns an error if
// this process can't subtract the offset that its time namespace adds to the start time,
// since all readers of a process must get the same start time.
func readStat(pid string) (st stat, err error) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return st, err
	}
	o, known := timeOffsets()
	if !known || o.boottime%tick != 0 { // the kernel adds the offset before it rounds
		return st, errors.New("the offset of this process's time namespace is unknown, or not whole ticks")
	}
	// The second field is the command in parentheses and may hold anything, so the
	// fields are counted from the last closing parenthesis.
	end := bytes.LastIndexByte(text, ')')
	fields := bytes.Fields(text[end+1:])
	const state, threads, start = 0, 20 - 3, 22 - 3 // field 3 is the first after the command
	if len(fields) <= start {
		return st, fmt.Errorf("/proc/%s/stat has %d fields", pid, len(fields))
	}
	st.state = fields[state][0]
	if st.threads, err = strconv.Atoi(string(fields[threads])); err != nil {
		return st, err
	}
	st.start, err = strconv.ParseUint(string(fields[start]), 10, 64)
	st.start -= uint64(o.boottime / tick)
	return st, err
}

// over reports whether every thread of the process has ended. A first thread that ended
// before the others (pthread_exit in main) also shows Z, but threads counts the others.
func (st stat) over() bool {
	return (st.state == 'Z' || st.state == 'X') && st.threads <= 1
}

// startTime returns the start time of the process in clock ticks since boot.
func startTime(pid int) (uint64, error) {
	st, err := readStat(strconv.Itoa(pid))
	return st.start, err
}
