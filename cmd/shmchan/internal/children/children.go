// Package children starts processes so that the first process of a PID
// namespace, a container's for example, can also reap those that it did not
// start.
//
// The kernel makes that process the parent of every orphan in the namespace. An
// orphan that ends stays a zombie, and keeps its pid, until its parent waits for
// it. To wait for any child would take from an [exec.Cmd] the status of its own
// process, so the reaper looks first and waits for a single pid:
//
//	Start   locks; forks; notes the pid; unlocks
//	reaper  looks at a zombie and leaves it; locks; not noted: reaps it; unlocks
//	Wait    reaps; locks; takes the note away; unlocks; wakes the reaper
//
// A zombie that the reaper saw is one of three, whatever ran in between:
//
//   - an orphan. Only the reaper waits for it, so its pid still means it.
//   - a process of Start's that Wait has not reaped. Its pid is noted: Start
//     held the lock from before the fork.
//   - a process of Start's that Wait has reaped since. Either its pid is still
//     noted, and Wait wakes the reaper when it no longer is, or the pid means
//     nothing, or a new orphan, or a new process of Start's, whose note counts.
//
// The look shows the same zombie again until it is reaped, so the reaper stops
// at a noted one and goes on when Wait wakes it.
package children

import (
	"os/exec"
	"sync"
)

var (
	mu   sync.Mutex
	own  = map[int]int{} // pids of processes of Start's for which Wait has not returned, with how many
	gone = make(chan struct{}, 1)
)

// Start is cmd.Start. Every process of a program that calls Adopt must be
// started by it and waited for by Wait. Safe for concurrent use.
func Start(cmd *exec.Cmd) error {
	mu.Lock()
	defer mu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	own[cmd.Process.Pid]++
	return nil
}

// Wait is cmd.Wait for a command that Start started.
func Wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	pid := cmd.Process.Pid
	mu.Lock()
	if own[pid]--; own[pid] == 0 { // else the pid was used again already
		delete(own, pid)
	}
	mu.Unlock()
	select {
	case gone <- struct{}{}:
	default:
	}
	return err
}
