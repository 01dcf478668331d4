package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

// No advice of doctor loses a message or removes a file that is not shmchan's. It advises
// rm only if nothing is unread, --force only if no receiver needs the channel, and moves a
// file that cannot be read.

// unreadable returns the finding for a file that cannot be read as a channel.
func unreadable(e *ipc.Entry) finding {
	f := finding{
		Level: levelProblem, Subject: "channel", Name: e.Name, Check: "layout", Found: strings.TrimPrefix(text.OneLine(e.Err), "inspect "+e.Name+": "),
		Means: "it is not a channel, or one of another version; shmchan leaves it alone",
		Fix:   "ls -l " + text.ShellWord(e.Stats.Path),
	}
	var corrupt *ipc.CorruptError
	switch {
	case errors.As(e.Err, &corrupt):
		f.Means = "the file is damaged or truncated: no endpoint can attach to it"
		f.Fix = moveAside(e.Stats.Path)
	case errors.Is(e.Err, fs.ErrPermission):
		f.Check, f.Means = "access", "you may not open it, or it is not trusted; ask its owner"
		f.Fix = "ls -l " + text.ShellWord(e.Stats.Path)
	case !errors.Is(e.Err, ipc.ErrIncompatible):
		f.Check, f.Means, f.Fix = "access", "it cannot be inspected", "ls -l "+text.ShellWord(e.Stats.Path)
	}
	return f
}

// moveAside returns the command that moves a file out of the directory.
func moveAside(path string) string { return "mv -n -- " + text.ShellWord(path) + " ~" }

// checkup is the examination of one channel.
type checkup struct {
	*ipc.Stats
	unread  uint64 // messages that a receiver would get
	command func(verb, name string) string
	all     []finding
}

func (c *checkup) add(level, check, found, means, fix string) {
	c.all = append(c.all, finding{level, "channel", c.Name, check, found, means, fix})
}

// findings returns the problems of the channel, or that it is sound. ring is the error of
// a walk through its records.
func (c *checkup) findings(ring error) []finding {
	if ring != nil {
		c.damage(ring)
	}
	if c.Dead {
		c.dead(ring)
	} else {
		c.receiver()
		for i := range c.Senders {
			c.sender(&c.Senders[i])
		}
		c.room()
	}
	if len(c.all) == 0 {
		received := "no receiver"
		if c.Receiver != nil {
			received = "a receiver"
		}
		c.add(levelOK, "channel", fmt.Sprintf("%s, %s, %s unread, %s full", received, text.Plural(len(c.Senders), "sender"),
			text.Plural(c.unread, "message"), text.Percent(c.Used, c.Capacity)), "", "")
	}
	return c.all
}

// damage reports the error of the walk through the records.
func (c *checkup) damage(ring error) {
	means := "no endpoint can attach to it here, and not all of its messages may have reached the disk"
	var corrupt *ipc.CorruptError
	if errors.As(ring, &corrupt) {
		means = "something other than shmchan wrote to it: its receiver gets an error and cannot continue"
	}
	fix := c.command("rm --force", c.Name)
	switch end := liveEndpoint(c.Stats); {
	case c.unread > 0:
		means += fmt.Sprintf("; %s before that can still be saved", text.Plural(c.unread, "message"))
		fix = c.save()
	case end != "":
		fix = fmt.Sprintf("stop %s, then run doctor again", end)
	case unread(c.Stats) > 0 || corrupt != nil: // the counters of a damaged file prove nothing
		fix = moveAside(c.Path)
	}
	c.add(levelProblem, "ring", text.OneLine(ring), means, fix)
}

// save returns the command that copies readable messages to a file, from which send
// --frame json can send them.
func (c *checkup) save() string {
	return c.command("peek --frame json", c.Name) + " > " + text.ShellWord(filepath.Base(c.Name)+".saved")
}

// received reports whether there is a receiver that is not dead.
func (c *checkup) received() bool { return c.Receiver != nil && c.Receiver.State != ipc.StateDead }

func (c *checkup) dead(ring error) {
	found := "it is dead: its receiver is gone for good"
	if c.unread > 0 {
		found += fmt.Sprintf(", with %s unread", text.Plural(c.unread, "message"))
	}
	means, fix := "no endpoint can attach to it any more", c.command("rm", c.Name)
	if end := liveEndpoint(c.Stats); end != "" {
		means, fix = end+" still holds it; "+means, c.command("rm --force", c.Name)
	}
	switch {
	case c.unread > 0:
		means += "; its unread messages are lost when the next receiver replaces it"
		fix = c.save()
	case ring != nil && unread(c.Stats) > 0: // unread, but unreadable here
		fix = moveAside(c.Path)
	}
	c.add(levelProblem, "dead", found, means, fix)
}

func (c *checkup) receiver() {
	r := c.Receiver
	switch {
	case r == nil || r.State == ipc.StateAlive:
	case r.Outlived:
		c.add(levelProblem, "dead-end", fmt.Sprintf("its receiver (%s) is dead, but its lock is held", processOf(r.PID, r.Label)),
			"a process that it forked holds the lock, or its core dump is being written: until that ends, no other receiver can attach", holders(c.Path))
	case r.State == ipc.StateDead:
		c.add(levelProblem, "dead-end", fmt.Sprintf("its receiver (%s) was killed", processOf(r.PID, r.Label)),
			fmt.Sprintf("senders wait for the next receiver, which gets what is unread: %s", text.Plural(c.unread, "message")), c.command("recv", c.Name))
	default:
		c.add(levelProblem, "stalled-end", fmt.Sprintf("its receiver (%s) is stalled: its last heartbeat was %s ago", processOf(r.PID, r.Label), text.Age(r.BeatAge)),
			"its process is stopped, starved or in a debugger: nothing is received until it resumes", c.resumeReceiver(r))
	}
}

func (c *checkup) sender(e *ipc.End) {
	name := fmt.Sprintf("sender %d (%s)", e.Slot, processOf(e.PID, e.Label))
	switch {
	case e.State == ipc.StateStalled && c.stuck(e):
		c.add(levelProblem, "stuck-claim", fmt.Sprintf("%s is stalled in the middle of a message: its last heartbeat was %s ago", name, text.Age(e.BeatAge)),
			fmt.Sprintf("the %d bytes from there on cannot be received until it resumes or dies", c.Tail-c.Head), resume(e))
	case e.State == ipc.StateStalled:
		c.add(levelProblem, "stalled-end", fmt.Sprintf("%s is stalled: its last heartbeat was %s ago", name, text.Age(e.BeatAge)),
			"its process is stopped, starved or in a debugger", resume(e))
	case e.Outlived && !c.stuck(e):
		c.add(levelNote, "dead-end", name+" is dead, but its lock is held",
			"a process that it forked holds the lock, or its core dump is being written: until that ends, its slot is taken", holders(c.Path))
	case e.State == ipc.StateDead && c.received():
		c.add(levelNote, "dead-end", name+" was killed", "the receiver frees its slot within one heartbeat", "")
	case e.State == ipc.StateDead && c.stuck(e):
		c.add(levelProblem, "stuck-claim", name+" was killed in the middle of a message",
			"the next receiver skips that message and gets those after it", c.command("recv", c.Name))
	case e.State == ipc.StateDead:
		c.add(levelProblem, "dead-end", name+" was killed",
			"its slot stays taken until a receiver attaches, or a sender that needs it", c.command("recv", c.Name))
	}
}

// stuck reports whether the receiver waits for the claim of the sender.
func (c *checkup) stuck(e *ipc.End) bool {
	return e.Claim != nil && *e.Claim == c.Head && c.Tail != c.Head
}

// room reports what makes senders wait or fail.
func (c *checkup) room() {
	if !c.received() && c.Used >= c.Capacity/4*3 { // a batch takes up to a quarter
		c.add(levelProblem, "full", fmt.Sprintf("it is almost full (%d of %d bytes), and there is no receiver", c.Used, c.Capacity),
			"senders wait until a receiver attaches", c.command("recv", c.Name))
	}
	if len(c.Senders) == c.MaxSenders {
		c.add(levelNote, "slots", fmt.Sprintf("all sender slots are in use (%d)", c.MaxSenders),
			"further senders are refused; a channel created with a larger --max-senders accepts more", "")
	}
}

// holders returns the command that lists the processes that hold locks of the file.
func holders(path string) string { return "fuser " + text.ShellWord(path) }

// resume returns the command that resumes a stopped sender. Killing the sender loses only a
// message that it has not sent.
func resume(e *ipc.End) string {
	return fmt.Sprintf("kill -CONT %d   # or, to end it: kill -KILL %d", e.PID, e.PID)
}

// resumeReceiver returns the command that resumes a stopped receiver. Killing the receiver
// loses messages, unless the channel is durable.
func (c *checkup) resumeReceiver(e *ipc.End) string {
	if c.unread > 0 && !c.Durable {
		return fmt.Sprintf("kill -CONT %d", e.PID)
	}
	return resume(e)
}
