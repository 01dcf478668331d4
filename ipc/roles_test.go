package ipc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// startSender starts a process that joins the channel as a sender and obeys lines; see
// senderRole.
func startSender(t testing.TB, o *ipc.Options) *proctest.Proc {
	t.Helper()
	p := proctest.Start(t, "sender", encode(t, o))
	p.Expect("ready")
	return p
}

// startReceiver starts a process that is the channel's receiver and obeys lines; see
// receiverRole.
func startReceiver(t testing.TB, o *ipc.Options) *proctest.Proc {
	t.Helper()
	p := proctest.Start(t, "receiver", encode(t, o))
	p.Expect("ready")
	return p
}

func encode(t testing.TB, o *ipc.Options) string {
	raw, err := json.Marshal(o)
	require.NoError(t, err)
	return string(raw)
}

func decode(args []string) *ipc.Options {
	o := new(ipc.Options)
	if err := json.Unmarshal([]byte(args[0]), o); err != nil {
		panic(err)
	}
	return o
}

var kinds = []struct {
	err  error
	name string
}{
	{ipc.ErrFull, "full"},
	{ipc.ErrEmpty, "empty"},
	{ipc.ErrDisconnected, "disconnected"},
	{ipc.ErrClosed, "closed"},
	{ipc.ErrTooLarge, "too large"},
	{ipc.ErrBusy, "busy"},
	{ipc.ErrNoSlot, "no slot"},
	{ipc.ErrIncompatible, "incompatible"},
	{fs.ErrNotExist, "not exist"},
	{fs.ErrPermission, "permission"},
	{context.DeadlineExceeded, "deadline"},
	{context.Canceled, "canceled"},
}

// kind names an error by the sentinel that it wraps, for the protocol of the roles.
func kind(err error) string {
	if err == nil {
		return "ok"
	}
	var corrupt *ipc.CorruptError
	if errors.As(err, &corrupt) {
		return "corrupt"
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.name
		}
	}
	return "other: " + err.Error()
}

// senderRole answers each line that it reads with one line. After "block-…" it reads
// on while the call waits; the call's result follows as a line of its own.
func senderRole(args []string) int {
	ctx := context.Background()
	s, err := ipc.NewSender(ctx, name, decode(args))
	if err != nil {
		proctest.Say("%s", kind(err))
		return 1
	}
	var claim *ipc.Claim
	proctest.Say("ready")
	for line, ok := proctest.Hear(); ok; line, ok = proctest.Hear() {
		verb, arg, _ := strings.Cut(line, " ")
		switch verb {
		case "send":
			err = s.Send(ctx, []byte(arg))
		case "try":
			err = s.TrySend([]byte(arg))
		case "block-send":
			proctest.Say("blocking")
			go func() { proctest.Say("sent %s", kind(s.Send(ctx, []byte(arg)))) }()
			continue
		case "claim":
			if claim, err = s.Claim(ctx, len(arg)); err == nil {
				copy(claim.Bytes(), arg)
			}
		case "commit":
			err = claim.Commit()
		case "fill":
			n := 0
			for err = nil; err == nil; n++ {
				err = s.TrySend([]byte(arg))
			}
			proctest.Say("%d %s", n-1, kind(err))
			continue
		case "many":
			n, _ := strconv.Atoi(arg)
			pid := strconv.Itoa(os.Getpid())
			for i := range n {
				if err = s.Send(ctx, []byte(numbered(pid, i))); err != nil {
					break
				}
			}
		case "flood":
			flood(s, arg)
		case "close":
			err = s.Close()
		case "look":
			proctest.Say("%s", look(decode(args)))
			continue
		case "exit":
			return 0
		default:
			err = common(verb)
		}
		if err != nil || !answers[verb] {
			proctest.Say("%s", kind(err))
		}
	}
	return 0
}

// flood sends numbered messages until the process is killed. After every eighth it
// reports that Send has returned.
func flood(s *ipc.Sender, sender string) {
	for i := 0; ; i++ {
		if err := s.Send(context.Background(), []byte(numbered(sender, i))); err != nil {
			proctest.Say("flood %s", kind(err))
			return
		}
		if i%8 == 0 {
			proctest.Say("sent %d", i)
		}
	}
}

// receiverRole is senderRole's counterpart.
func receiverRole(args []string) int {
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, name, decode(args))
	if err != nil {
		proctest.Say("%s", kind(err))
		return 1
	}
	proctest.Say("ready")
	for line, ok := proctest.Hear(); ok; line, ok = proctest.Hear() {
		var msg []byte
		switch line {
		case "recv":
			msg, err = r.Recv(ctx)
		case "try":
			msg, err = r.TryRecv()
		case "block-recv":
			proctest.Say("blocking")
			go func() {
				msg, err := r.Recv(ctx)
				proctest.Say("received %s %s", msg, kind(err))
			}()
			continue
		case "hold":
			// Receives the next message in place and never releases it.
			_, _ = r.Consume(ctx, 1, func(msg []byte) error {
				proctest.Say("holds %s", msg)
				select {}
			})
		case "echo":
			for msg, err := range r.All(ctx) {
				proctest.Say("%s %s", msg, kind(err))
			}
			proctest.Say("end")
			continue
		case "close":
			err = r.Close()
		case "exit":
			return 0
		default:
			err = common(line)
		}
		switch {
		case err != nil:
			proctest.Say("%s", kind(err))
		case msg != nil:
			proctest.Say("got %s", msg)
		case !answers[line]:
			proctest.Say("ok")
		}
	}
	return 0
}

// answers are the lines that have an answer other than "ok".
var answers = map[string]bool{"cpu": true, "fork": true}

// common runs the commands that every role has.
func common(verb string) error {
	switch verb {
	case "cpu":
	case "fork":
		proctest.SayForked()
		return nil
	default:
		return fmt.Errorf("unknown command %q", verb)
	}
	used, err := processTime()
	if err == nil {
		proctest.Say("%d", used.Microseconds())
	}
	return err
}

// processTime returns the processor time that this process has used.
func processTime() (time.Duration, error) {
	var use syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &use)
	return time.Duration(use.Utime.Nano() + use.Stime.Nano()), err
}
