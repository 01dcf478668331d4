// Package children starts processes in such a way that the first process of a PID
// namespace, for example of a container, can also reap processes that it did not start.
//
// The kernel makes that process the parent of every orphan in the namespace. An orphan that
// ends remains a zombie, and keeps its pid, until its parent waits for it. Waiting for any
// child would steal the status of an [exec.Cmd], so Adopt finds a zombie first and waits
// for its pid only:
//
//	Start  locks; forks; registers the pid; unlocks
//	Adopt  finds a zombie; locks; if it is not registered, reaps it; unlocks
//	Wait   reaps; locks; unregisters the pid; unlocks; wakes Adopt
//
// When Adopt has the lock, the zombie that it found is one of three:
//
//   - An orphan. Only Adopt waits for orphans, so the pid still denotes it.
//   - A process of Start that Wait has not reaped. Its pid is registered, because Start
//     held the lock from before the fork.
//   - A process of Start that Wait has reaped since. If its pid is still registered, Wait
//     wakes Adopt after it unregisters the pid. Otherwise the pid denotes nothing, a new
//     orphan, or a new process of Start, which is registered.
//
// Until it is reaped, the same zombie is found again. Adopt therefore stops at a registered
// one, and continues when Wait wakes it.
package children

import (
	"os/exec"
	"sync"
)

var (
	mu   sync.Mutex
	own  = map[int]int{} // registered pids; a reused pid may be registered twice
	gone = make(chan struct{}, 1)
)

// Start calls cmd.Start. A program that calls Adopt must start every process by Start and
// wait for it by Wait. Start and Wait are safe for concurrent use.
func Start(cmd *exec.Cmd) error {
	mu.Lock()
	defer mu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	own[cmd.Process.Pid]++
	return nil
}

// Wait calls cmd.Wait, for a command that Start started.
func Wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	pid := cmd.Process.Pid
	mu.Lock()
	if own[pid]--; own[pid] == 0 { // otherwise the pid is in use again
		delete(own, pid)
	}
	mu.Unlock()
	select {
	case gone <- struct{}{}:
	default:
	}
	return err
}
