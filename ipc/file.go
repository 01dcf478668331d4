package ipc

import "time"

// What an end's tick does about the channel's file: it finds out that the file has
// lost its name, and keeps programs that clear up by age from taking it.

// refreshAfter is the age at which an end sets the file's times to now: a few times
// a day. Programs that clear up by age wait for a day at least. A variable for
// tests.
var refreshAfter = 4 * time.Hour

// The directory's times are not set: a directory that is not empty is not removed by
// its age, and one that is empty is made again.

// refresh sets the file's times to now if they are old, and returns what the file
// looks like. Where that is refused (the file is another user's, or the process
// has given its rights up) the next end may be luckier.
func (e *end) refresh() (linked bool) {
	st, err := e.seg.FileState()
	if err != nil {
		return true
	}
	if st.Linked && st.Age > refreshAfter && time.Since(e.touched) > refreshAfter {
		e.touched = time.Now()
		_ = e.seg.Refresh() // see above
	}
	return st.Linked
}

// lookAtFile finds out whether the channel has lost its name. A receiver without a
// sender that has lost it waits for nobody: every newcomer checks the name behind
// its lock, and goes elsewhere.
//
// That the file has no name at all is seen at each tick, by one cheap call. That the
// path means another file, since this one or a directory on the way to it was
// renamed, is looked for at every second one: it is found within two heartbeats.
func (r *Receiver) lookAtFile() {
	r.pathDue = !r.pathDue
	switch {
	case !r.refresh():
		r.nameless.Store(true)
	case r.pathDue:
		r.nameless.Store(r.seg.NameLost())
	}
}

// nameLost looks whether the channel has lost its name, now.
func (r *Receiver) nameLost() bool {
	st, err := r.seg.FileState()
	return err == nil && !st.Linked || r.seg.NameLost()
}

// senderLooks is how many ticks pass between two looks of a sender at the file. There
// may be thousands of senders, and few of them ever have anything to see there.
const senderLooks = 16

// lookAtFile finds out whether the file has no name at all while no receiver is
// attached. Then none comes any more: each checks the name behind its lock, so one
// that still may attach holds that lock now. What was sent will never be received;
// senders learn of it, instead of filling the ring and waiting for ever.
//
// A file that was renamed is another matter: a receiver may come by the new name.
func (s *Sender) lookAtFile() {
	if s.ticks++; s.ticks%senderLooks != 0 || s.refresh() {
		return
	}
	if alive, err := s.seg.ReceiverAlive(); err == nil && !alive { // in this order
		s.ring.Close()
		s.setDone()
	}
}
