// Package ipc is a channel between processes on one Linux machine: many senders,
// one receiver, bytes in shared memory, with the semantics of Rust's
// std::sync::mpsc.
//
//	r, err := ipc.NewReceiver(ctx, "jobs", nil) // one process: makes the channel
//	s, err := ipc.NewSender(ctx, "jobs", nil)   // any other: joins it
//	err = s.Send(ctx, []byte("hello"))
//	msg, err := r.Recv(ctx)
//
// A channel is a file, by default in a directory of the user's own under
// /dev/shm, that holds a ring buffer and one slot for each end. A message is
// copied into the ring and out of it; nothing else lies between.
//
// # Guarantees
//
// Messages arrive in one total order, whole or not at all. A sender that is
// killed at any instruction tears no message, loses none whose Send had returned,
// and blocks nobody for longer than it takes to notice. Whether an end is dead is
// decided by the kernel, never by a timeout: a stopped process is shown as
// stalled and is whole again when it goes on.
//
// # When an end goes
//
// A Receiver whose senders have all gone drains what is there and then gives
// ErrDisconnected. A Sender whose receiver has gone gives ErrDisconnected and
// leaves the message with the caller, unless the channel is Durable: then it
// waits for the next receiver. Going is Close, or the death of the process,
// however it dies. A blocked end learns of a death within two heartbeats, mostly
// within a millisecond. A process is dead though a child that it forked lives on, and
// from the moment that it begins to dump core; its slot, and the place of a durable
// channel's receiver (ErrBusy), are free once the child has ended or the dump is
// written. In another PID namespace that is when the death is noticed, too.
//
// A Receiver whose channel has lost its name (the file was removed or renamed, or its
// directory was) can be joined by nobody any more. Once no sender is attached it
// returns ErrDisconnected, which is fs.ErrNotExist then too, within two heartbeats.
//
// # Waiting
//
// A blocked end sleeps, and costs its share of one heartbeat of its process. A blocked
// send gets its room, whatever its size: at most a ringful and one message of each other
// sender pass it. A goroutine that receives from several channels, or has other things
// to wait for, uses Select, or Receiver.Ready in a select statement.
//
// # When an operation fails
//
// It has changed nothing: what could not be removed, replaced or joined is as it was.
//
// # Errors
//
// Decisions are sentinels (ErrFull, ErrDisconnected and so on), to be compared
// with errors.Is; a missing channel is fs.ErrNotExist, a bad argument
// fs.ErrInvalid, an ended wait the context's error. A damaged file is a
// *CorruptError that names field and offset. A file system that has no room to
// write a page of the file, which happens only where it copies on write, ends both
// ends with syscall.ENOSPC or EDQUOT; one that fails to read or write, with EIO.
//
// # Values
//
// NewSenderOf and NewReceiverOf carry values over the same channel, by a Codec:
// JSON, Gob, Binary, Fixed, or the user's own.
package ipc
