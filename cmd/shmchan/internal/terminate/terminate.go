// Package terminate ends this process as a signal would have ended it, after
// the program caught that signal and put its house in order. The parent then
// sees a death by signal, which is what makes a shell stop its loop.
package terminate

import (
	"os"
	"syscall"
	"time"
)

// base is what a shell adds to the number of the signal that killed a process.
const base = 128

// grace is how long By waits for the signal to arrive.
var grace = time.Second

// Exit ends the process: by signal N where status is 128+N, as a shell counts,
// else with the status. It does not return.
func Exit(status int) {
	if status > base {
		By(syscall.Signal(status - base))
	}
	os.Exit(status)
}

// Status is what a shell makes of a death by sig.
func Status(sig syscall.Signal) int { return base + int(sig) }

// By ends the process by the default action of sig, whatever handler the
// runtime has put up. It does not return: where the signal does not kill, it
// exits with the status that a shell would have shown.
func By(sig syscall.Signal) {
	if !First() && raise(sig) == nil {
		time.Sleep(grace)
	}
	os.Exit(Status(sig))
}

// First reports whether this is the first process of its PID namespace. The
// kernel spares that process the default action of every signal that it or its
// descendants send.
func First() bool { return os.Getpid() == 1 }
