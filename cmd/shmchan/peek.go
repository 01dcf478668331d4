package main

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/frame"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/text"
	"github.com/shmchan/shmchan/ipc"
)

// peek is `shmchan peek NAME`.
type peek struct {
	*app
	frame frameFlags
	count countFlag
}

func newPeek(a *app) *cobra.Command {
	v := &peek{app: a}
	cmd := &cobra.Command{
		Use:   "peek NAME",
		Short: "Print the messages of a channel without receiving them",
		Long: `Print the messages that are in a channel now, by --frame, as recv would. The
channel is not changed, and its receiver is not disturbed. peek stops after the
newest message, or before one that is still being written.`,
		Example: `  shmchan peek jobs
  shmchan peek --json -n 1 jobs | jq -r .data
  shmchan peek --frame len jobs | shmchan send --frame len copy`,
		Args: oneName,
		RunE: a.named(v.run),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	v.frame.register(flags)
	v.count.register(flags)
	return cmd
}

func (v *peek) run(_ context.Context, name string, _ []string) error {
	kind, err := v.frame.pick()
	if err != nil {
		return err
	}
	p := printer{w: v.stdout, kind: kind}
	err = v.walk(name, &p)
	if ferr := p.flush(); ferr != nil {
		return ferr
	}
	v.detail("%s shown", text.Plural(p.shown, "message"))
	if s, serr := ipc.Inspect(name, v.options()); serr == nil && s.Dead && p.shown > 0 {
		v.say("the receiver is gone for good: these messages will never be received")
	}
	return err
}

func (v *peek) walk(name string, p *printer) error {
	for m, err := range ipc.Peek(name, v.options()) {
		if errors.Is(err, fs.ErrNotExist) {
			return v.missing(err, name)
		}
		if err != nil || v.count.reached(p.shown) {
			return err
		}
		if err := p.print(&m); errors.Is(err, frame.ErrFrame) {
			return because(err, "message %d (sender %d, pid %d): %v; --frame len and json carry any message",
				m.Seq, m.Slot, m.PID, err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// printer frames messages and writes them in large chunks.
type printer struct {
	w     io.Writer
	kind  frame.Kind
	from  frame.Origin // of a message
	out   []byte
	shown uint64
}

func (p *printer) print(m *ipc.Message) (err error) {
	p.from = frame.Origin{Seq: m.Seq, Sender: m.Slot, PID: m.PID}
	p.out, err = p.kind.Append(p.out, m.Data, &p.from)
	if err != nil {
		return err
	}
	p.shown++
	if len(p.out) < outBuffer {
		return nil
	}
	return p.flush()
}

func (p *printer) flush() error {
	if len(p.out) == 0 {
		return nil
	}
	_, err := p.w.Write(p.out)
	p.out = p.out[:0]
	return err
}
