//go:build failpoints

package kill

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/failpoint"
	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

const (
	name = "ch"
	size = 40 // of the victim's messages

	rounds = 100 // rounds in which a victim among busy processes records the points that it hits
)

// job is what a victim does, and where it is killed or stopped.
type job struct {
	Options ipc.Options
	Do      string
	Again   bool   // repeat until killed or stopped
	Hold    string // a point at which it is held first
	Point   string // "": none; it reports the points that it hits
	Hit     int
	Action  string
	Lacks   bool // simulate a system without nameless files and RENAME_NOREPLACE
}

// play is what a victim does between "ready" and "done", and at its end.
type play struct {
	op  func() error
	end func() error
}

// plays maps the name of a play to a function that attaches its endpoints.
var plays = map[string]func(o *ipc.Options) (play, error){
	"send":    sending(func(s *ipc.Sender, i int) (int, error) { return 1, s.Send(ctx, message('v', i, size)) }),
	"batch":   sending(sendBatch),
	"claim":   sending(claim),
	"abort":   sending(abort),
	"give up": sending(giveUp),
	"flush":   sending(flush),
	"visit":   func(o *ipc.Options) (play, error) { return play{op: func() error { return visitSender(o) }}, nil },
	"recv":    receiving(recvOne),
	"consume": receiving(consume),
	"visit unfenced": func(o *ipc.Options) (play, error) {
		return play{op: func() error { return visitSender(o) }}, unfenced()
	},
	"receive unfenced": func(o *ipc.Options) (play, error) {
		return play{op: func() error { return visitReceiver(o) }}, unfenced()
	},
	"receive": func(o *ipc.Options) (play, error) { return play{op: func() error { return visitReceiver(o) }}, nil },
	"create":  func(o *ipc.Options) (play, error) { return play{op: func() error { return ipc.Create(name, o) }}, nil },
	"remove":  func(o *ipc.Options) (play, error) { return play{op: func() error { return ipc.Remove(name, o) }}, nil },
	"force": func(o *ipc.Options) (play, error) {
		return play{op: func() error { return ipc.ForceRemove(name, o) }}, nil
	},
	"unbatch": receiving(recvThree),
	"try":     sending(try),
	"drain":   drain,
	"ahead":   receiving(readAhead),

	"consume all": receiving(consumeAll),
}

var ctx = context.Background()

func victimRole(args []string) int {
	var j job
	if err := json.Unmarshal([]byte(args[0]), &j); err != nil {
		panic(err)
	}
	if j.Lacks {
		if err := proctest.Refuse("naming", uint32(syscall.EOPNOTSUPP)); err != nil {
			proctest.Say("no filter: %v", err)
			return 1
		}
	}
	p, err := plays[j.Do](&j.Options)
	if err != nil {
		proctest.Say("attach: %v", err)
		return 1
	}
	proctest.Say("ready")
	proctest.Hear()
	var met atomic.Bool
	if j.Hold != "" {
		failpoint.Arm(failpoint.Point(j.Hold), 1, failpoint.Hold)
	}
	if j.Point == "" {
		failpoint.Trace()
	} else {
		failpoint.Arm(failpoint.Point(j.Point), j.Hit, func(at failpoint.Point) {
			met.Store(true)
			failpoint.Actions[j.Action](at)
		})
	}
	for n := 1; !met.Load() && (n == 1 || j.Again && (j.Point != "" || n < rounds)); n++ {
		if err = p.op(); err != nil && p.end != nil {
			break
		} // without an endpoint, it may find that other processes were first
	}
	for at, n := range failpoint.Traced() {
		proctest.Say("hit %d %s", n, at)
	}
	proctest.Say("done %s", kind(err))
	if j.Action == "kill" {
		return 0 // it did not reach the point
	}
	proctest.Hear()
	err = nil
	if p.end != nil {
		err = p.end()
	}
	proctest.Say("ended %s", kind(err))
	return 0
}

// sending plays a sender. send sends messages from the i-th on, and returns how many
// it sent.
func sending(send func(s *ipc.Sender, i int) (int, error)) func(*ipc.Options) (play, error) {
	return func(o *ipc.Options) (play, error) {
		s, err := ipc.NewSender(ctx, name, o)
		if err != nil {
			return play{}, err
		}
		i := 0
		return play{
			op: func() error {
				n, err := send(s, i)
				if err == nil {
					proctest.Say("sent %d", n)
					i += n
				}
				return err
			},
			end: s.Close,
		}, nil
	}
}

func sendBatch(s *ipc.Sender, i int) (int, error) {
	return s.SendBatch(ctx, [][]byte{message('v', i, size), message('v', i+1, size), message('v', i+2, size)})
}

func claim(s *ipc.Sender, i int) (int, error) {
	c, err := s.Claim(ctx, size)
	if err != nil {
		return 0, err
	}
	msg := message('v', i, size)
	half := copy(c.Bytes(), msg[:size/2])
	failpoint.Hit(failpoint.ClaimFilling)
	copy(c.Bytes()[half:], msg[half:])
	return 1, c.Commit()
}

func abort(s *ipc.Sender, _ int) (int, error) {
	c, err := s.Claim(ctx, size)
	if err != nil {
		return 0, err
	}
	copy(c.Bytes(), "never to be seen")
	return 0, c.Abort()
}

// try does not wait for room.
func try(s *ipc.Sender, i int) (int, error) {
	err := s.TrySend(message('v', i, size))
	if errors.Is(err, ipc.ErrFull) {
		return 0, nil
	}
	return 1, err
}

func visitSender(o *ipc.Options) error {
	s, err := ipc.NewSender(ctx, name, o)
	if err != nil {
		return err
	}
	return s.Close()
}

// unfenced makes membarrier unavailable to this process before its first endpoint
// needs it.
func unfenced() error { return proctest.Refuse("membarrier", uint32(unix.EPERM)) }

func visitReceiver(o *ipc.Options) error {
	r, err := ipc.NewReceiver(ctx, name, o)
	if err != nil {
		return err
	}
	return r.Close()
}

// receiving plays a receiver, which at its end receives until it is told to close.
func receiving(op func(r *ipc.Receiver, ctx context.Context) error) func(*ipc.Options) (play, error) {
	return func(o *ipc.Options) (play, error) {
		r, err := ipc.NewReceiver(ctx, name, o)
		if err != nil {
			return play{}, err
		}
		return play{
			op: func() error {
				if err := op(r, ctx); err != nil {
					return err
				}
				r.Deaths() // finds them now, not at the next heartbeat
				return nil
			},
			end: func() error {
				until, cancel := context.WithCancel(ctx)
				go func() {
					proctest.Hear()
					cancel()
				}()
				for {
					if err := op(r, until); errors.Is(err, context.Canceled) {
						return r.Close()
					} else if err != nil {
						return err
					}
				}
			},
		}, nil
	}
}

func recvOne(r *ipc.Receiver, ctx context.Context) error {
	msg, err := r.Recv(ctx)
	if err == nil {
		got(r, msg)
	}
	return err
}

// recvThree takes a batch of three apart.
func recvThree(r *ipc.Receiver, ctx context.Context) (err error) {
	for range 3 {
		err = errors.Join(err, recvOne(r, ctx))
	}
	return err
}

func consume(r *ipc.Receiver, ctx context.Context) error {
	_, err := r.Consume(ctx, 1, func(msg []byte) error {
		got(r, msg)
		return nil
	})
	return err
}

// consumeAll takes all available messages and releases each separately.
func consumeAll(r *ipc.Receiver, ctx context.Context) error {
	_, err := r.Consume(ctx, 0, func(msg []byte) error {
		got(r, msg)
		return nil
	})
	return err
}

// readAhead takes two messages in place before it releases them, and then two more.
func readAhead(r *ipc.Receiver, ctx context.Context) error {
	for range 2 {
		msg, err := r.Next(ctx)
		if err != nil {
			return err
		}
		got(r, msg)
		if msg, err = r.TryNext(); err == nil {
			got(r, msg)
		}
		if err := r.Release(); err != nil {
			return err
		}
	}
	return nil
}

// drain plays a receiver that receives until no sender is left.
func drain(o *ipc.Options) (play, error) {
	r, err := ipc.NewReceiver(ctx, name, o)
	if err != nil {
		return play{}, err
	}
	return play{
		op: func() (err error) {
			for err == nil {
				err = recvOne(r, ctx)
			}
			return err
		},
		end: r.Close,
	}, nil
}

// got reports a received message.
func got(r *ipc.Receiver, msg []byte) {
	m := r.Meta()
	proctest.Say("got %d %d %d %x", m.Seq, m.Position, m.Index, msg)
}

// kind returns the name of the error that err wraps.
func kind(err error) string {
	for _, k := range []struct {
		err  error
		name string
	}{
		{nil, "ok"}, {ipc.ErrDisconnected, "disconnected"}, {ipc.ErrBusy, "busy"}, {ipc.ErrFull, "full"}, {ipc.ErrNoSlot, "no slot"},
		{fs.ErrNotExist, "not exist"}, {fs.ErrExist, "exist"},
	} {
		if errors.Is(err, k.err) {
			return k.name
		}
	}
	return "other: " + err.Error()
}
