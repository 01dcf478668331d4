package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/frame"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

// recv is `shmchan recv NAME`.
type recv struct {
	*app
	count   countFlag
	try     bool
	timeout timeoutFlag
	keep    bool
	strict  bool
	frame   frameFlags
	making  createFlags
	exec    string
	jobs    int
	flags   *pflag.FlagSet
	watch   progressFlag
	meter   *meter
}

func newRecv(a *app) *cobra.Command {
	v := &recv{app: a, jobs: 1}
	cmd := &cobra.Command{
		Use:   "recv NAME…",
		Short: "Receive the messages of one or more channels",
		Long: `Create the channel if it is missing, print each message by --frame, and exit when
all senders are gone and the ring is drained. A message leaves the ring only after
it was written to stdout.

Several channels are merged: the messages of each stay in order, --frame json adds
"name" to each message, and recv exits when all channels have ended. A channel has
not ended before a first sender has attached. If a channel fails, recv exits with
its error. Messages that recv leaves unread, because of -n for example, are lost
with their channel, unless it is durable.

With --exec, a command reads each message from its stdin. Its environment has
SHMCHAN_NAME, SHMCHAN_SEQ (the number of the message), SHMCHAN_SENDER and
SHMCHAN_PID. A message leaves the ring only after its command succeeded, and with
--jobs those of all earlier messages; if a command fails, recv exits.`,
		Example: `  shmchan recv jobs > lines
  shmchan recv jobs -0 | xargs -0 -n1 process
  shmchan recv --frame json jobs alerts
  shmchan recv --keep-open --durable --frame json jobs
  shmchan recv -k --exec 'curl -sfT - https://example.com/in' --jobs 4 jobs`,
		Args: atLeastName,
		RunE: a.named(v.run),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	v.flags = flags
	v.frame.register(flags)
	v.count.register(flags)
	flags.BoolVar(&v.try, "try", false, "receive what is there and exit; status 4 if that is nothing")
	v.timeout.register(flags, "give up if no message arrives for this long")
	flags.BoolVarP(&v.keep, "keep-open", "k", false, "when all senders are gone, wait for the next one")
	flags.BoolVar(&v.strict, "strict", false, "exit with status 5 if a sender was killed")
	flags.StringVar(&v.exec, "exec", "", "run sh -c `CMD` for each message, with the message on its stdin")
	flags.Var(&value[int]{&v.jobs, "N", parseJobs, "1"}, "jobs", "run up to N commands of --exec at a time")
	v.watch.register(flags)
	v.making.register(flags)
	return cmd
}

func (v *recv) run(ctx context.Context, name string, more []string) error {
	kind, err := v.frame.pick()
	if err != nil {
		return err
	}
	if err := v.checkExec(); err != nil {
		return err
	}
	return v.graceful(ctx, func(ctx context.Context) error {
		s, err := v.attach(ctx, append([]string{name}, more...))
		if err != nil {
			return err
		}
		meter, stop := v.startMeter(v.watch)
		v.meter = meter
		defer stop()
		deaths := watchDeaths(v.app, s)
		var taken uint64
		if v.executes() {
			taken, err = v.execute(ctx, s)
		} else {
			b := &batch{s: s, w: v.stdout, kind: kind, meter: meter}
			err = v.pump(ctx, s, b)
			taken = b.taken
		}
		killed := deaths.stop()
		// Close does not release messages that were not written.
		if cerr := s.Close(); err == nil && cerr != nil {
			err = cerr
		}
		v.detail("%s received", text.Plural(taken, "message"))
		if err == nil && v.strict && killed > 0 {
			return because(ipc.ErrDisconnected, "%s killed", text.Plural(killed, "sender"))
		}
		return err
	})
}

// pump moves messages from the source to stdout until there is a reason to end. It never
// waits with unreleased messages or unflushed output.
func (v *recv) pump(ctx context.Context, s *source, b *batch) error {
	if v.try {
		s.limit()
	}
	for !v.count.reached(b.total()) {
		msg, err := s.TryNext()
		if err != nil && errors.Is(err, ipc.ErrEmpty) {
			if err := b.flush(); err != nil {
				return err
			}
			if v.try {
				return v.tried(b.taken, err)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			msg, err = v.wait(ctx, s)
		}
		if err != nil {
			if errors.Is(err, ipc.ErrDisconnected) {
				err = orderly(err)
			}
			return errors.Join(b.flush(), err)
		}
		if err := b.add(msg); err != nil {
			if errors.Is(err, frame.ErrFrame) {
				return v.refused(b, err)
			}
			return err
		}
		if b.full() {
			if err := b.flush(); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	return b.flush()
}

// wait waits for the next message.
func (v *recv) wait(ctx context.Context, s *source) ([]byte, error) {
	if !v.timeout.given() {
		return s.Next(ctx)
	}
	bound, cancel := context.WithTimeout(ctx, v.timeout.after)
	defer cancel()
	msg, err := s.Next(bound)
	if errors.Is(err, context.DeadlineExceeded) {
		err = because(err, "no message arrived within %v", v.timeout.after)
	}
	return msg, err
}

// tried returns the result of --try after taken messages were written.
func (v *recv) tried(taken uint64, err error) error {
	if errors.Is(err, ipc.ErrEmpty) {
		if taken > 0 {
			return nil
		}
		return because(err, "no messages")
	}
	return err
}

// orderly returns nil if err is the end of the source: all senders are gone, and the
// rings are drained.
func orderly(err error) error {
	if err == ipc.ErrDisconnected {
		return nil
	}
	return err
}

// refused ends recv at a message that the frame cannot carry. It writes and releases
// those before, and leaves that message in the channel.
func (v *recv) refused(b *batch, refusal error) error {
	from := b.s.Meta()
	if err := b.flushBack(); err != nil {
		return err
	}
	return b.s.about(b.s.name(), because(refusal, "message %d (sender %d, pid %d): %v; it was not received; --frame len and json carry any message",
		from.Seq, from.Slot, from.PID, refusal))
}

// executes reports whether a command reads the messages.
func (v *recv) executes() bool { return v.flags.Changed("exec") }

func (v *recv) checkExec() error {
	switch {
	case !v.executes() && v.flags.Changed("jobs"):
		return usagef("--jobs requires --exec")
	case v.executes() && v.exec == "":
		return usagef("--exec requires a command")
	case v.executes() && v.frame.given() != "":
		return usagef("--exec and %s are mutually exclusive", v.frame.given())
	}
	return nil
}
