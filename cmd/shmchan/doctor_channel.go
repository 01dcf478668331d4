package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/shmchan/shmchan/ipc"
)

// What doctor advises loses no message and removes no file that is not shmchan's: rm
// only where nothing is unread, --force besides only where no receiver could miss
// the channel, and a file that can't be read is moved, not removed.

// unreadable is what doctor says of a file that can't be read as a channel.
func unreadable(e *ipc.Entry) finding {
	f := finding{
		Level: levelProblem, Subject: "channel", Name: e.Name, Check: "layout", Found: oneLine(e.Err),
		Means: "it is no channel, or one of another version: shmchan leaves it alone",
		Mend:  "ls -l " + quote(e.Stats.Path),
	}
	var corrupt *ipc.CorruptError
	switch {
	case errors.As(e.Err, &corrupt):
		f.Means = "something wrote what no channel holds, or cut the file off: no end can attach to it"
		f.Mend = moveAside(e.Stats.Path)
	case errors.Is(e.Err, fs.ErrPermission):
		f.Check, f.Means = "access", "you may not open it, or it is not to be trusted; its owner can tell"
		f.Mend = "ls -l " + quote(e.Stats.Path)
	case !errors.Is(e.Err, ipc.ErrIncompatible):
		f.Check, f.Means, f.Mend = "access", "it can't be looked at", "ls -l "+quote(e.Stats.Path)
	}
	return f
}

// moveAside is the command that takes a file out of the directory and keeps it.
func moveAside(path string) string { return "mv -n -- " + quote(path) + " ~" }

// checkup is the examination of one channel.
type checkup struct {
	*ipc.Stats
	unread  uint64 // messages that a receiver would find
	command func(verb, name string) string
	all     []finding
}

func (c *checkup) add(level, check, found, means, mend string) {
	c.all = append(c.all, finding{level, "channel", c.Name, check, found, means, mend})
}

// findings says what is wrong with the channel, or that it is sound. ring is what
// a walk through its records ended with.
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
		c.add(levelOK, "channel", fmt.Sprintf("%s, %s, %s unread, %s full", received, plural(uint64(len(c.Senders)), "sender"),
			plural(c.unread, "message"), percent(c.Used, c.Capacity)), "", "")
	}
	return c.all
}

// damage tells of what the walk through the records met.
func (c *checkup) damage(ring error) {
	means := "no end can attach to it here, and its messages may have reached the disk in part"
	var corrupt *ipc.CorruptError
	if errors.As(ring, &corrupt) {
		means = "something wrote what no end writes: its receiver gets an error and can't go on"
	}
	mend := c.command("rm --force", c.Name)
	switch end := livingEnd(c.Stats); {
	case c.unread > 0:
		means += fmt.Sprintf("; %s before that can still be saved", plural(c.unread, "message"))
		mend = c.save()
	case end != "":
		mend = fmt.Sprintf("end %s, and look again", end)
	case unread(c.Stats) > 0 || corrupt != nil: // the counts of what is damaged prove nothing
		mend = moveAside(c.Path)
	}
	c.add(levelProblem, "ring", oneLine(ring), means, mend)
}

// save is the command that copies the messages that can be read into a file, from
// which send --frame json sends them again.
func (c *checkup) save() string {
	return c.command("peek --frame json", c.Name) + " > " + quote(filepath.Base(c.Name)+".saved")
}

// received tells whether a receiver is there that goes on.
func (c *checkup) received() bool { return c.Receiver != nil && c.Receiver.State != ipc.StateDead }

func (c *checkup) dead(ring error) {
	found := "it is dead: its receiver has gone for good"
	if c.unread > 0 {
		found += fmt.Sprintf(", with %s unread", plural(c.unread, "message"))
	}
	means, mend := "nobody can attach to it any more, and what is unread stays so", c.command("rm", c.Name)
	if end := livingEnd(c.Stats); end != "" {
		means, mend = end+" still holds it; "+means, c.command("rm --force", c.Name)
	}
	switch {
	case c.unread > 0:
		means += ", and goes when the next receiver replaces the channel"
		mend = c.save()
	case ring != nil && unread(c.Stats) > 0: // and can't be read here
		mend = moveAside(c.Path)
	}
	c.add(levelProblem, "dead", found, means, mend)
}

func (c *checkup) receiver() {
	r := c.Receiver
	switch {
	case r == nil || r.State == ipc.StateAlive:
	case r.Outlived:
		c.add(levelProblem, "dead-end", fmt.Sprintf("its receiver (%s) is dead, but its lock is held", who(r)),
			"a process that it forked holds it, or its core dump is being written: no other receiver can attach before that ends", holders(c.Path))
	case r.State == ipc.StateDead:
		c.add(levelProblem, "dead-end", fmt.Sprintf("its receiver (%s) was killed", who(r)),
			fmt.Sprintf("what is unread (%s) stays for the next receiver, and senders wait for it", plural(c.unread, "message")), c.command("recv", c.Name))
	default:
		c.add(levelProblem, "stalled-end", fmt.Sprintf("its receiver (%s) is stalled: its last beat was %s ago", who(r), humanAge(r.BeatAge)),
			"its process is stopped, starved or in a debugger: nothing is received until it goes on", c.resumeReceiver(r))
	}
}

func (c *checkup) sender(e *ipc.End) {
	name := fmt.Sprintf("sender %d (%s)", e.Slot, who(e))
	switch {
	case e.State == ipc.StateStalled && c.stuck(e):
		c.add(levelProblem, "stuck-claim", fmt.Sprintf("%s is stalled in the middle of a message: its last beat was %s ago", name, humanAge(e.BeatAge)),
			fmt.Sprintf("none of the %d bytes from there on can be received until it goes on, or dies", c.Tail-c.Head), resume(e))
	case e.State == ipc.StateStalled:
		c.add(levelProblem, "stalled-end", fmt.Sprintf("%s is stalled: its last beat was %s ago", name, humanAge(e.BeatAge)),
			"its process is stopped, starved or in a debugger", resume(e))
	case e.Outlived && !c.stuck(e):
		c.add(levelNote, "dead-end", name+" is dead, but its lock is held",
			"a process that it forked holds it, or its core dump is being written: its slot is taken until that ends", holders(c.Path))
	case e.State == ipc.StateDead && c.received():
		c.add(levelNote, "dead-end", name+" was killed", "the receiver clears up after it within a heartbeat", "")
	case e.State == ipc.StateDead && c.stuck(e):
		c.add(levelProblem, "stuck-claim", name+" was killed in the middle of a message",
			"the next receiver steps over it, and gets what lies behind", c.command("recv", c.Name))
	case e.State == ipc.StateDead:
		c.add(levelProblem, "dead-end", name+" was killed",
			"its slot is taken until a receiver comes, or a sender in want of one", c.command("recv", c.Name))
	}
}

// stuck tells whether the sender's claim is the one that the receiver waits for.
func (c *checkup) stuck(e *ipc.End) bool {
	return e.Claim != nil && *e.Claim == c.Head && c.Tail != c.Head
}

// room tells of channels that hold senders up.
func (c *checkup) room() {
	if !c.received() && c.Used >= c.Capacity/4*3 { // a batch takes up to a quarter
		c.add(levelProblem, "full", fmt.Sprintf("it is all but full (%d of %d bytes), and nobody receives", c.Used, c.Capacity),
			"senders wait until somebody does", c.command("recv", c.Name))
	}
	if len(c.Senders) == c.MaxSenders {
		c.add(levelNote, "slots", fmt.Sprintf("no sender slot is free: it has %d", c.MaxSenders),
			"further senders are refused; a channel made with a larger --max-senders takes more", "")
	}
}

// who names an end for a person.
func who(e *ipc.End) string {
	if e.Label == "" {
		return fmt.Sprintf("pid %d", e.PID)
	}
	return fmt.Sprintf("pid %d, %s", e.PID, printable(e.Label))
}

// holders lists the processes that hold the file's locks.
func holders(path string) string { return "fuser " + quote(path) }

// resume lets a stopped sender go on: a message that it has in hand was not sent.
func resume(e *ipc.End) string {
	return fmt.Sprintf("kill -CONT %d   # or, to end it: kill -KILL %d", e.PID, e.PID)
}

// resumeReceiver lets a stopped receiver go on. Messages go with a receiver that is
// killed, unless the channel is durable.
func (c *checkup) resumeReceiver(e *ipc.End) string {
	if c.unread > 0 && !c.Durable {
		return fmt.Sprintf("kill -CONT %d", e.PID)
	}
	return resume(e)
}
