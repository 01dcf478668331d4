// Package terminate ends this process by a signal that the program has caught. The parent
// then sees a death by signal, which makes a shell stop its loop.
package terminate

import (
	"os"
	"syscall"
	"time"
)

// base is what a shell adds to the number of a signal for the status of a process that the
// signal killed.
const base = 128

// grace is the time for which By waits for the signal to arrive.
var grace = time.Second

// Exit ends the process by signal N if status is 128+N, and otherwise with that status. It
// does not return.
func Exit(status int) {
	if status > base {
		By(syscall.Signal(status - base))
	}
	os.Exit(status)
}

// Status returns the status that a shell shows for a death by sig.
func Status(sig syscall.Signal) int { return base + int(sig) }

// By ends the process by the default action of sig, whatever handler the runtime has
// installed. If the signal does not kill, By exits with Status(sig). It does not return.
func By(sig syscall.Signal) {
	if !First() && raise(sig) == nil {
		time.Sleep(grace)
	}
	os.Exit(Status(sig))
}

// First reports whether this is the first process of its PID namespace. The kernel exempts
// that process from the default action of every signal that it or a descendant sends.
func First() bool { return os.Getpid() == 1 }
