package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/ipc"
)

// defaultWait is the default of --wait.
const defaultWait = 10 * time.Second

// send is `shmchan send NAME [MESSAGE…]`.
type send struct {
	*app
	wait    time.Duration
	timeout timeoutFlag
	create  bool
	try     bool
	frame   frameFlags
	making  createFlags
	watch   progressFlag

	sent  uint64 // messages that were sent
	meter *meter
}

func newSend(a *app) *cobra.Command {
	v := &send{app: a, wait: defaultWait}
	cmd := &cobra.Command{
		Use:   "send NAME [MESSAGE…]",
		Short: "Send the arguments, or stdin, as messages",
		Long: `Send each argument after NAME as one message. Without arguments, divide stdin into
messages by --frame. send blocks while the ring is full, and exits with status 5 if
the receiver is gone.`,
		Example: `  shmchan send jobs one 'message two' -- --three
  find . -type f -print0 | shmchan send jobs -0
  shmchan send --create --durable jobs < backlog`,
		Args: atLeastName,
		RunE: a.named(v.run),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	v.frame.register(flags)
	flags.Var(&value[time.Duration]{&v.wait, "DUR", parseDuration, defaultWait.String()}, "wait", "wait up to this long for the channel to exist; 0 does not wait")
	flags.BoolVar(&v.try, "try", false, "if the ring is full, fail instead of blocking")
	v.timeout.register(flags, "give up if the whole call takes longer than this")
	flags.BoolVar(&v.create, "create", false, "create the channel if it is missing")
	v.watch.register(flags)
	v.making.register(flags)
	return cmd
}

func (v *send) run(ctx context.Context, name string, messages []string) error {
	kind, err := v.frame.pick()
	if err != nil {
		return err
	}
	return v.graceful(ctx, func(ctx context.Context) (err error) {
		if v.timeout.given() {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, v.timeout.after)
			defer cancel()
		}
		s, err := v.attach(ctx, name)
		if err != nil {
			return err
		}
		defer func() {
			if cerr := s.Close(); err == nil && cerr != nil {
				err = cerr
			}
			v.detail("%s sent", text.Plural(v.sent, "message"))
		}()
		meter, stop := v.startMeter(v.watch)
		v.meter = meter
		defer stop()
		if len(messages) > 0 {
			return v.arguments(ctx, s, messages)
		}
		return v.stream(ctx, s, kind)
	})
}

// attach becomes a sender of the channel. It waits for the channel or creates it, as the
// flags say.
func (v *send) attach(ctx context.Context, name string) (*ipc.Sender, error) {
	// Without the asymmetric fence each batch costs a locked instruction, but the process
	// need not register for membarrier, which takes 9 to 12 ms on a quiet machine.
	fence.Decline()
	o := v.options()
	v.making.apply(o)
	o.Create = v.create
	s, err := ipc.NewSender(ctx, name, o)
	if errors.Is(err, fs.ErrNotExist) && v.wait > 0 && !v.create {
		v.detail("waiting for the channel")
		o.Wait = true
		wait, cancel := context.WithTimeout(ctx, v.wait)
		s, err = ipc.NewSender(wait, name, o)
		cancel()
	}
	switch {
	case err == nil:
		v.detail("attached; the limit of a message is %d bytes", s.MaxMessage())
		return s, nil
	case errors.Is(err, context.Canceled):
		return nil, err
	case errors.Is(err, fs.ErrNotExist) && !v.create:
		waited := ""
		if errors.Is(err, context.DeadlineExceeded) {
			waited = ", after waiting " + min(v.wait, v.limit()).String()
		}
		return nil, because(err, "no such channel%s%s; shmchan recv, shmchan create or --create creates it", v.where(name), waited)
	case errors.Is(err, context.DeadlineExceeded):
		return nil, because(err, "timed out after %v while creating the channel; nothing was sent", v.timeout.after)
	case errors.Is(err, ipc.ErrNoSlot):
		return nil, because(err, "no free sender slot; create the channel with a larger --max-senders")
	}
	return nil, err
}

// limit returns the timeout, or the longest duration if there is none.
func (v *send) limit() time.Duration {
	if v.timeout.given() {
		return v.timeout.after
	}
	return 1<<63 - 1
}

// arguments sends the arguments in one batch.
func (v *send) arguments(ctx context.Context, s *ipc.Sender, messages []string) error {
	batch := make([][]byte, len(messages))
	for i, m := range messages {
		if len(m) > s.MaxMessage() {
			return because(ipc.ErrTooLarge, "message %d has %d bytes; the limit is %d, half the capacity of the channel; nothing was sent",
				i+1, len(m), s.MaxMessage())
		}
		batch[i] = []byte(m)
	}
	if err := v.batch(ctx, s, batch); err != nil {
		return v.explain(err, "while waiting for room", fmt.Sprintf("%d of %s sent", v.sent, text.Plural(len(batch), "message")))
	}
	return nil
}

// batch sends messages in order, and counts those that it sent.
func (v *send) batch(ctx context.Context, s *ipc.Sender, batch [][]byte) error {
	if !v.try {
		n, err := s.SendBatch(ctx, batch)
		v.count(batch[:n])
		return err
	}
	for _, m := range batch {
		if err := s.TrySend(m); err != nil {
			return err
		}
		v.count([][]byte{m})
	}
	return nil
}

func (v *send) count(sent [][]byte) {
	v.sent += uint64(len(sent))
	if v.meter == nil {
		return
	}
	var bytes uint64
	for _, m := range sent {
		bytes += uint64(len(m))
	}
	v.meter.add(uint64(len(sent)), bytes)
}

// explain returns an error that ended the sending, in the terms of the command line. did
// says what was sent before.
func (v *send) explain(err error, waiting, did string) error {
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, ipc.ErrFull):
		return because(err, "the ring is full; %s", did)
	case errors.Is(err, context.DeadlineExceeded):
		return because(err, "timed out after %v %s; %s", v.timeout.after, waiting, did)
	case errors.Is(err, ipc.ErrDisconnected):
		return because(err, "the receiver is gone; %s", did)
	}
	return fmt.Errorf("%w; %s", err, did)
}
