package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// These tests wait with one, two and four Ps. With one, the waiting goroutine occupies
// the P that the goroutine it waits for needs. The heartbeat is a minute, so no
// heartbeat can end a wait.

const (
	waitRounds = 300 // messages of each sender
	waitSize   = 500 // bytes: eight fit into the ring
	waitShare  = 8   // goroutines of one Sender
)

func waitOptions(dir string) *ipc.Options {
	return &ipc.Options{Dir: dir, Capacity: 4096, Heartbeat: slow, KeepOpen: true}
}

// onProcs runs a test once for each number of Ps of the processes that it starts.
func onProcs(t *testing.T, test func(t *testing.T)) {
	for _, n := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Setenv("GOMAXPROCS", strconv.Itoa(n))
			test(t)
		})
	}
}

// waitsRole runs the play args[0] in the directory args[1].
func waitsRole(args []string) int {
	if want, _ := strconv.Atoi(os.Getenv("GOMAXPROCS")); runtime.GOMAXPROCS(0) != want {
		proctest.Say("%d Ps", runtime.GOMAXPROCS(0))
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), proctest.Patience)
	defer cancel()
	if err := waitPlays[args[0]](ctx, waitOptions(args[1])); err != nil {
		proctest.Say("%v", err)
		return 1
	}
	proctest.Say("done")
	return 0
}

var waitPlays = map[string]func(context.Context, *ipc.Options) error{
	"send":      waitSend,
	"receive":   waitReceive,
	"together":  waitTogether,
	"deadlines": waitDeadlines,
	"cancel":    waitCancel,
}

// waitSend sends from goroutines that share a Sender, and flushes.
func waitSend(ctx context.Context, o *ipc.Options) error {
	s, err := ipc.NewSender(ctx, name, o)
	if err != nil {
		return err
	}
	return errors.Join(share(ctx, s), s.Flush(ctx), s.Close())
}

// share sends from several goroutines through one Sender, by Send, SendBatch or Claim.
func share(ctx context.Context, s *ipc.Sender) error {
	errs := make([]error, waitShare)
	var all sync.WaitGroup
	for i := range waitShare {
		all.Go(func() {
			msg := make([]byte, waitSize)
			for n := 0; n < waitRounds && errs[i] == nil; n++ {
				switch i % 3 {
				case 0:
					errs[i] = s.Send(ctx, msg)
				case 1:
					_, errs[i] = s.SendBatch(ctx, [][]byte{msg})
				case 2:
					var c *ipc.Claim
					if c, errs[i] = s.Claim(ctx, waitSize); errs[i] == nil {
						errs[i] = c.Commit()
					}
				}
				if n%100 == 99 && errs[i] == nil {
					errs[i] = s.Flush(ctx)
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// waitReceive receives the messages of three processes that run waitSend.
func waitReceive(ctx context.Context, o *ipc.Options) error {
	r, err := ipc.NewReceiver(ctx, name, o)
	if err != nil {
		return err
	}
	proctest.Say("ready")
	return errors.Join(take(ctx, r, 3*waitShare*waitRounds), r.Close())
}

// take receives n messages and pauses after every 500, so that both sides wait.
func take(ctx context.Context, r *ipc.Receiver, n int) error {
	for i := range n {
		msg, err := r.Recv(ctx)
		if err != nil {
			return err
		}
		if len(msg) != waitSize {
			return fmt.Errorf("%d bytes", len(msg))
		}
		if i%500 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}

// waitTogether has the receiver and three shared Senders in one process.
func waitTogether(ctx context.Context, o *ipc.Options) error {
	r, err := ipc.NewReceiver(ctx, name, o)
	if err != nil {
		return err
	}
	senders := make([]*ipc.Sender, 3)
	errs := make(chan error, len(senders))
	for i := range senders {
		if senders[i], err = ipc.NewSender(ctx, name, o); err != nil {
			return err
		}
		go func() { errs <- share(ctx, senders[i]) }()
	}
	err = take(ctx, r, len(senders)*waitShare*waitRounds)
	for range senders {
		err = errors.Join(err, <-errs)
	}
	for _, s := range senders {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, r.Close())
}

// waitDeadlines lets every kind of wait time out, several times, concurrently.
func waitDeadlines(ctx context.Context, o *ipc.Options) error {
	return waitOut(ctx, o, 20, func() (context.Context, func()) {
		return context.WithTimeout(ctx, 5*time.Millisecond)
	}, context.DeadlineExceeded)
}

// waitCancel cancels every kind of wait, from another goroutine.
func waitCancel(ctx context.Context, o *ipc.Options) error {
	return waitOut(ctx, o, 20, func() (context.Context, func()) {
		ctx, cancel := context.WithCancel(ctx)
		go func() {
			time.Sleep(2 * time.Millisecond)
			cancel()
		}()
		return ctx, cancel
	}, context.Canceled)
}

func waitOut(ctx context.Context, o *ipc.Options, rounds int, brief func() (context.Context, func()), want error) error {
	r, err := ipc.NewReceiver(ctx, name, o)
	if err != nil {
		return err
	}
	s, err := ipc.NewSender(ctx, name, o)
	if err != nil {
		return err
	}
	empty := *o
	idle, err := ipc.NewReceiver(ctx, "idle", &empty)
	if err != nil {
		return err
	}
	msg := make([]byte, waitSize)
	for err == nil {
		err = s.TrySend(msg)
	}
	if !errors.Is(err, ipc.ErrFull) {
		return err
	}
	waits := map[string]func(context.Context) error{
		"recv":   func(ctx context.Context) error { _, err := idle.Recv(ctx); return err },
		"send":   func(ctx context.Context) error { return s.Send(ctx, msg) },
		"behind": func(ctx context.Context) error { return s.Send(ctx, msg) },
		"batch":  func(ctx context.Context) error { _, err := s.SendBatch(ctx, [][]byte{msg}); return err },
		"claim":  func(ctx context.Context) error { _, err := s.Claim(ctx, waitSize); return err },
		"flush":  func(ctx context.Context) error { return s.Flush(ctx) },
	}
	errs := make(chan error, len(waits))
	for what, wait := range waits {
		go func() {
			for range rounds {
				ctx, cancel := brief()
				start := time.Now()
				err := wait(ctx)
				cancel()
				if late := time.Since(start); !errors.Is(err, want) || late > soon {
					errs <- fmt.Errorf("%s: %v after %v", what, err, late)
					return
				}
			}
			errs <- nil
		}()
	}
	err = nil
	for range waits {
		err = errors.Join(err, <-errs)
	}
	if err != nil {
		return err
	}
	if _, err := r.Recv(ctx); err != nil { // waits that gave up leave no trace
		return err
	}
	return errors.Join(s.Send(ctx, msg), s.Close(), r.Close(), idle.Close())
}

func TestWaitingProcessesOnOneTwoAndFourPs(t *testing.T) {
	onProcs(t, func(t *testing.T) {
		dir := proctest.Dir(t)
		procs := []*proctest.Proc{proctest.Start(t, "waits", "receive", dir)}
		procs[0].Expect("ready")
		for range 3 {
			procs = append(procs, proctest.Start(t, "waits", "send", dir))
		}
		for _, p := range procs {
			p.Expect("done")
			require.Zero(t, p.Wait())
		}
	})
}

func TestWaitingInOneProcessOnOneTwoAndFourPs(t *testing.T) {
	for _, what := range []string{"together", "deadlines", "cancel"} {
		t.Run(what, func(t *testing.T) {
			onProcs(t, func(t *testing.T) {
				p := proctest.Start(t, "waits", what, proctest.Dir(t))
				p.Expect("done")
				require.Zero(t, p.Wait())
			})
		})
	}
}
