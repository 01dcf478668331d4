package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
	"github.com/shmchan/shmchan/ipc"
)

// manyPart is a process with many receivers that wait, none of which has a sender.
type manyPart struct {
	rs     []*ipc.Receiver
	wait   sync.WaitGroup
	cancel context.CancelFunc
}

// onlooker counts the wakes of such a process from outside, so as not to disturb it.
type onlooker struct {
	resting
	dir string
}

// manyPID names the file with the number of that process.
const manyPID = "many.pid"

func (e onlooker) Run(s worker.Step) (worker.Reply, error) {
	pid, err := os.ReadFile(filepath.Join(e.dir, manyPID))
	if err != nil {
		return worker.Reply{}, err
	}
	time.Sleep(s.Warm)
	start, before := time.Now(), measure.WakesOf(string(pid), true)
	time.Sleep(s.For)
	took := time.Since(start)
	return worker.Reply{Took: took, Wakes: measure.WakesOf(string(pid), true) - before}, nil
}

func openMany(a *self, s worker.Step) (worker.Part, error) {
	if s.Side != worker.Receiving {
		return onlooker{dir: a.dir}, nil
	}
	if err := os.WriteFile(filepath.Join(a.dir, manyPID), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return nil, err
	}
	o := a.options(s.Spec)
	o.MaxSenders = 1
	e := &manyPart{}
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel = cancel
	for i := range s.Spec.Endpoints {
		r, err := ipc.NewReceiver(ctx, strconv.Itoa(i), o)
		if err != nil {
			return nil, errors.Join(lacking(err), e.Close())
		}
		e.rs = append(e.rs, r)
		e.wait.Go(func() { _, _ = r.Recv(ctx) }) // until cancel
	}
	return e, nil
}

// lacking adds errors.ErrUnsupported to the error of a system that allows a process too
// few descriptors.
func lacking(err error) error {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return errors.Join(err, errors.ErrUnsupported)
	}
	return err
}

// Run waits a moment longer than the onlooker counts, because it would be counted when
// it works again.
func (e *manyPart) Run(s worker.Step) (worker.Reply, error) {
	time.Sleep(s.Warm)
	from, used := time.Now(), measure.ProcessorTime()
	time.Sleep(s.For + afterwards)
	return worker.Reply{Took: time.Since(from), CPU: measure.ProcessorTime() - used}, nil
}

func (e *manyPart) Close() error {
	e.cancel()
	e.wait.Wait()
	var errs []error
	for _, r := range e.rs {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}

// hostsSenders is a process with many idle senders. hostsReceiver is their receiver,
// which attaches last.
type hostsSenders struct{ ss []*ipc.Sender }

type hostsReceiver struct {
	a    *self
	spec worker.Spec
}

// hostsSettle is how long the receiver has to find all senders, and they to find it.
const hostsSettle = 500 * time.Millisecond

const hostsName = "hosts"

func openHosts(a *self, s worker.Step) (worker.Part, error) {
	o := a.options(s.Spec)
	o.MaxSenders, o.Create, o.Capacity = max(s.Spec.Senders, 1)*s.Spec.Endpoints, true, 64<<10
	if s.Side == worker.Receiving {
		return &hostsReceiver{a, s.Spec}, nil
	}
	e := &hostsSenders{}
	for range s.Spec.Endpoints {
		sender, err := ipc.NewSender(context.Background(), hostsName, o)
		if err != nil {
			return nil, errors.Join(lacking(err), e.Close())
		}
		e.ss = append(e.ss, sender)
	}
	return e, nil
}

func (e *hostsSenders) Close() error {
	var errs []error
	for _, s := range e.ss {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

func (e *hostsSenders) Run(s worker.Step) (worker.Reply, error) {
	s.Warm += hostsSettle
	return measure.During(s, false), nil
}

func (e *hostsReceiver) Close() error { return nil }

func (e *hostsReceiver) Run(s worker.Step) (worker.Reply, error) {
	before := measure.Descriptors()
	o := e.a.options(e.spec)
	o.Heartbeat = e.spec.Beat
	r, err := ipc.NewReceiver(context.Background(), hostsName, o)
	if err != nil {
		return worker.Reply{}, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	received := make(chan error, 1)
	go func() {
		_, err := r.Recv(ctx)
		received <- err
	}()
	s.Warm += hostsSettle
	answer := measure.During(s, false)
	answer.Figures = map[string]float64{figFDs: measure.Descriptors() - before}
	alive, err := e.alive()
	answer.Figures[figAlive] = float64(alive)
	cancel()
	if got := <-received; !errors.Is(got, context.Canceled) {
		err = errors.Join(err, fmt.Errorf("the receiver did not wait: %w", got))
	}
	return answer, errors.Join(err, r.Close())
}

// alive returns the least number of senders that Inspect reported alive, over several
// calls.
func (e *hostsReceiver) alive() (int, error) {
	least := 1 << 30
	for range 5 {
		time.Sleep(20 * time.Millisecond)
		stats, err := ipc.Inspect(hostsName, e.a.options(e.spec))
		if err != nil {
			return 0, err
		}
		n := 0
		for _, s := range stats.Senders {
			if s.State == ipc.StateAlive {
				n++
			}
		}
		least = min(least, n)
	}
	return least, nil
}
