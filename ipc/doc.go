// Package ipc implements channels between processes on one Linux machine: many
// senders, one receiver, and messages of bytes in shared memory. A channel means what
// std::sync::mpsc means in Rust.
//
// One process makes the channel and receives:
//
//	r, err := ipc.NewReceiver(ctx, "jobs", nil)
//	if err != nil {
//		return err
//	}
//	defer r.Close()
//	for msg, err := range r.All(ctx) { // until the last sender has gone
//		...
//	}
//
// Any number of others send:
//
//	s, err := ipc.NewSender(ctx, "jobs", &ipc.Options{Wait: true})
//	if err != nil {
//		return err
//	}
//	defer s.Close()
//	err = s.Send(ctx, []byte("hello"))
//
// # Channels and endpoints
//
// A channel is a file that its processes map into their memory. It holds a ring buffer,
// whose size in bytes is the channel's capacity, and a slot for each sender. The files
// of channels with plain names lie in one directory, which is the user's own below
// /dev/shm unless [Options].Dir or $SHMCHAN_DIR names another. A name with a slash is
// the path of the file.
//
// An endpoint is a [Sender] or a [Receiver]. It is attached to its channel from its
// constructor until Close or until its process ends. A channel has at most one receiver
// at a time.
//
// # Messages
//
// Send copies a message into the ring, and Recv copies it out. Nothing else lies
// between, and neither allocates in steady state, save the slice that Recv returns.
// [Sender.Claim], [Receiver.Consume] and [Receiver.Next] work on messages in place.
//
// Messages arrive in one total order: if a Send returned before another began, in
// whatever processes, its message is received first. A message arrives whole or not at
// all. A sender that is killed at any instruction tears no message, loses none whose
// Send had returned, and blocks the others no longer than they take to notice.
//
// [SenderOf] and [ReceiverOf] carry values instead of bytes. A [Codec] turns one into
// the other: [JSON], [Gob], [Binary], [Fixed] or one of the program's own.
//
// # Liveness
//
// An endpoint is gone once it is closed or its process has ended, however it ended. A
// Receiver whose senders have all gone first returns the messages that they left, then
// [ErrDisconnected]. A Sender whose receiver has gone returns ErrDisconnected, and the
// message is still the caller's.
//
// The kernel decides whether an endpoint is dead, never a timeout. Each endpoint also
// has a heartbeat: a time in its slot that its process renews, every 100 ms by default.
// An endpoint that misses three heartbeats is stalled. It is shown as such, keeps all
// that it has, and is alive again when its process goes on.
//
// A blocked endpoint learns of a death within two heartbeats, and usually within a few
// milliseconds. A process is dead even if a child that it forked lives on, and from the
// moment that it begins to dump core. Its slot, and the place of a durable channel's
// receiver, become free once the child has ended or the core is written; until then
// they are busy. In another PID namespace the death is noticed only then.
//
// If the channel's file is removed or renamed, no endpoint can join the channel any
// more. Once no sender is attached, its Receiver returns an error that is both
// ErrDisconnected and [fs.ErrNotExist], within two heartbeats.
//
// # Waiting
//
// A blocked endpoint sleeps, and costs its share of the one heartbeat of its process.
// Operations look at their context only before a wait: one that need not wait succeeds
// even if the context has expired.
//
// A blocked send gets its room, whatever its size: at most a ringful and one message of
// each other sender pass it. [Select] waits for any of several receivers, and
// [Receiver.Ready] returns a channel for a select statement.
//
// # Errors
//
// An operation that fails has changed nothing: what could not be sent, removed or
// joined is as it was.
//
// The errors that a program decides by are variables, such as [ErrFull], to be compared
// by errors.Is. A channel that is missing is fs.ErrNotExist, a bad argument
// [fs.ErrInvalid], and a wait that ended the context's error. A damaged file is a
// [*CorruptError]. If the file system can't provide a page of the file, both endpoints
// return its error: syscall.ENOSPC or EDQUOT where it copies on write and is full, EIO
// where it can't read or write.
//
// No bytes in the file make an endpoint panic, fault or hang, even if another process
// truncates it.
//
// # Durability
//
// A channel ends with its receiver, unless Options.Durable was set when it was made. A
// durable channel stays until [Remove]. Its senders wait for the next receiver, which
// goes on where the last one was: if that one was killed, messages that it had not
// released come again. Nothing survives a reboot.
//
// # Limits
//
// A message is at most half the capacity, which is 1 MiB by default and at most 4 GiB.
// A channel has 256 slots for senders by default and at most 4096. A process that may
// open the file can also read, forge and withhold messages; the file's mode, 0600 by
// default, says which those are. On other systems than Linux the package compiles, and
// its functions return [errors.ErrUnsupported].
package ipc
