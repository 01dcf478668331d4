package soak

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/shmchan/shmchan/internal/process"
	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// driver controls the processes of one round, which is one channel name.
type driver struct {
	orders  orders        // of every process
	senders int           // sending processes at the same time
	pace    time.Duration // approximate lifetime of a process

	incarnation atomic.Int64
	mu          sync.Mutex
	tally       tally
	stops       []span
	complaints  []string
}

// end is how a process ends.
type end uint8

const (
	byKill  end = iota
	byOrder     // it is told to exit
	alone       // it exits after its work
)

// child is one process.
type child struct {
	incarnation int
	role        string
	cmd         *exec.Cmd
	in          io.WriteCloser
	done        chan struct{}
	stderr      bytes.Buffer
}

func (d *driver) start(o orders) *child {
	o.Incarnation = int(d.incarnation.Add(1))
	raw, err := json.Marshal(o)
	must(err)
	c := &child{incarnation: o.Incarnation, role: o.Role, cmd: exec.Command("/proc/self/exe"), done: make(chan struct{})}
	// Under the race detector a process sleeps for a second before it exits.
	c.cmd.Env = append(os.Environ(), ordersEnv+"="+string(raw), "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	c.in, err = c.cmd.StdinPipe()
	must(err)
	c.cmd.Stderr = &c.stderr
	must(c.cmd.Start())
	go func() {
		defer close(c.done)
		_ = c.cmd.Wait() // the outcome is in ProcessState
	}()
	return c
}

// run keeps one process of a role running, one after another, until the round is
// over.
func (d *driver) run(rng *rand.Rand, o orders, mean time.Duration, over <-chan struct{}) {
	for !isOver(over) {
		o.Killable = o.Role == senders || rng.IntN(5) > 0
		if d.orders.Ends == 0 {
			o.Ends = 1 + rng.IntN(2)
		}
		o.Operations = 1 << 30
		how, lives := byKill, time.Duration(rng.ExpFloat64()*float64(mean))
		if rng.IntN(4) == 0 { // end it while it starts, attaches, or does its first work
			lives = time.Duration(rng.Int64N(int64(10 * time.Millisecond)))
		}
		switch n := rng.IntN(20); {
		case o.Role == receivers && !o.Killable, n == 0:
			how = byOrder
		case n == 1 && o.Role == senders:
			how, lives, o.Operations = alone, time.Second, rng.IntN(300)
		}
		c := d.start(o)
		d.live(rng, c, how, lives, over)
		d.bury(c)
	}
}

func isOver(over <-chan struct{}) bool {
	select {
	case <-over:
		return true
	default:
		return false
	}
}

// live lets the process run for a while, with stops, and ends it.
func (d *driver) live(rng *rand.Rand, c *child, how end, lives time.Duration, over <-chan struct{}) {
	for end := time.Now().Add(lives); ; {
		left := time.Until(end)
		stop := rng.IntN(6) == 0
		if stop {
			left = time.Duration(rng.Float64() * float64(left))
		}
		select {
		case <-c.done:
			return
		case <-over:
			c.say(drainNow)
			return
		case <-time.After(left):
		}
		if !stop {
			break
		}
		d.stop(rng, c, how == byKill && rng.IntN(4) == 0)
	}
	if how == byKill {
		_ = c.cmd.Process.Kill()
	} else {
		c.say(goNow)
	}
}

// say sends an order to the process, which may have exited.
func (c *child) say(b byte) { _, _ = c.in.Write([]byte{b}) }

// stop suspends the process, sometimes for longer than many heartbeats.
func (d *driver) stop(rng *rand.Rand, c *child, kill bool) {
	pause := time.Duration(rng.ExpFloat64() * float64(5*time.Millisecond))
	if rng.IntN(8) == 0 {
		pause *= 20
	}
	from := process.Monotonic()
	if c.cmd.Process.Signal(syscall.SIGSTOP) != nil {
		return
	}
	time.Sleep(pause)
	if kill { // it never continues
		_ = c.cmd.Process.Kill()
		<-c.done
	} else {
		_ = c.cmd.Process.Signal(syscall.SIGCONT)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tally.Stops++
	// The span lasts until the process runs again, since messages that it holds are
	// late by the stop.
	d.stops = append(d.stops, span{from, process.Monotonic() + int64(5*time.Millisecond), c.incarnation})
}

// bury waits until a process has ended and counts it.
func (d *driver) bury(c *child) {
	select {
	case <-c.done:
	case <-time.After(proctest.Patience):
		d.complain("a " + c.role + " did not end when it was to:\n" + stacks(c))
		_ = c.cmd.Process.Kill()
		<-c.done
	}
	_ = c.in.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case ok && status.Signaled() && status.Signal() == syscall.SIGKILL:
		d.tally.Kills++
		if c.role == receivers {
			d.tally.ReceiverKills++
		}
	case ok && status.ExitStatus() == 0:
		d.tally.Left++
	}
	if c.stderr.Len() > 0 {
		d.complaints = append(d.complaints, c.stderr.String())
	}
}

// stacks makes a hanging process print its stacks.
func stacks(c *child) string {
	_ = c.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-c.done:
		return c.stderr.String()
	case <-time.After(time.Second):
		return "and does not say where it is"
	}
}

func (d *driver) complain(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.complaints = append(d.complaints, what)
}

// round soaks one channel for the given time and judges the ledgers.
func (d *driver) round(lasts time.Duration) (tally, []string) {
	start := time.Now()
	rng := func(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(d.orders.Seed, stream)) }
	receive, send := d.orders, d.orders
	receive.Role, send.Role = receivers, senders
	var sending, receiving sync.WaitGroup
	sendersOver, receiverOver := make(chan struct{}), make(chan struct{})
	receiving.Go(func() { d.run(rng(1<<32), receive, 2*d.pace, receiverOver) })
	for i := range d.senders {
		sending.Go(func() { d.run(rng(uint64(i)), send, d.pace, sendersOver) })
	}
	time.Sleep(lasts)
	close(sendersOver)
	sending.Wait()
	close(receiverOver)
	receiving.Wait()
	receive.Drain = true
	d.bury(d.start(receive))

	j := judge{durable: d.orders.Options.Durable, tally: d.tally, stops: d.stops}
	j.readSenders(d.orders.Ledgers)
	lives := j.readReceivers(d.orders.Ledgers)
	j.completeness(lives)
	j.lives, j.ends = lives, d.senders*max(d.orders.Ends, 2)
	for _, life := range lives {
		if len(life.stream) > 0 {
			j.waits(life, uint64(d.orders.Options.Capacity))
		}
	}
	if j.durable {
		if stats, err := ipc.Inspect(channel, &d.orders.Options); err != nil {
			j.fault("inspect: %v", err)
		} else {
			j.Skipped = stats.Skipped
		}
		if err := ipc.Remove(channel, &d.orders.Options); err != nil {
			j.fault("remove: %v", err)
		}
	}
	for _, c := range d.complaints {
		j.fault("%s", c)
	}
	j.Took = time.Since(start)
	return j.tally, j.faults
}
