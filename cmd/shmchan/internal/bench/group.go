package bench

import (
	"context"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/peer"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// group is the workers of one run: the receiver and its senders.
type group struct {
	*session
	ctx     context.Context
	dir     string // of this run alone
	oneCPU  bool
	apart   bool // pinned, on one CPU each
	free    bool // not pinned
	workers []*worker.Process
}

func (g *group) start(dir string, n int) error {
	g.dir = dir
	for range n {
		w, err := worker.Start(dir)
		if err != nil {
			return err
		}
		g.workers = append(g.workers, w)
	}
	return nil
}

// end kills all workers, and returns when they have ended.
func (g *group) end() {
	for _, w := range g.workers {
		_ = w.Kill()
	}
	for _, w := range g.workers {
		w.End()
	}
}

// each has the first n workers do a step, each on its own side, and returns their
// answers by side. The senders begin first.
func (g *group) each(n int, s worker.Step) ([]worker.Reply, error) {
	for side := n - 1; side >= 0; side-- {
		s.Side = side
		if err := g.workers[side].Tell(s); err != nil {
			return nil, err
		}
	}
	var answers []worker.Reply
	for _, w := range g.workers[:n] {
		r, err := w.Hear(g.ctx, s.Warm+s.For)
		if err != nil {
			return nil, err
		}
		answers = append(answers, r)
	}
	return answers, nil
}

// all is like each, but returns what together makes of the answers.
func (g *group) all(n int, s worker.Step) (worker.Reply, error) {
	answers, err := g.each(n, s)
	if err != nil {
		return worker.Reply{}, err
	}
	return together(answers), nil
}

// together returns the receiver's answer, with the processor time of all workers.
func together(answers []worker.Reply) worker.Reply {
	whole := answers[worker.Receiving]
	whole.CPU = 0
	for _, r := range answers {
		whole.CPU += r.CPU
	}
	return whole
}

// place pins the receiver to one CPU and the senders to another, or to the same.
func (g *group) place(together bool) error {
	for side, w := range g.workers {
		cpu := g.cpus[1]
		if side == worker.Receiving || together {
			cpu = g.cpus[0]
		}
		if _, err := w.Ask(g.ctx, worker.Step{Op: worker.OpPin, CPU: cpu}); err != nil {
			return err
		}
	}
	return nil
}

// references takes the references between the receiver and the first sender. Line and
// ring spin on two processors; the futex is measured where the case will run.
func (g *group) references() (map[string]float64, error) {
	if g.Pinned && !g.free || g.oneCPU || g.apart {
		if err := g.place(false); err != nil {
			return nil, err
		}
	}
	refs := map[string]float64{}
	for _, ref := range []string{worker.RefLine, worker.RefRing, worker.RefFutex} {
		if ref == worker.RefFutex && g.oneCPU {
			if err := g.place(true); err != nil {
				return nil, err
			}
		}
		r, err := g.all(2, worker.Step{Op: worker.OpRefer, Ref: ref, Warm: time.Millisecond, For: g.refTime()})
		if err != nil {
			return nil, err
		}
		refs[ref] = r.Nanos
		if ref == worker.RefRing {
			refs[ref] = r.Rate()
		}
	}
	return refs, nil
}

// work has the workers open, run and close their parts in a case, and returns what
// each answers to the run.
func (g *group) work(s worker.Spec, warm, d time.Duration) ([]worker.Reply, error) {
	n := s.Processes() // the others have no part
	defer peer.ForgetQueues(g.dir)
	const each = 30 * time.Millisecond // for one of many endpoints, on a busy machine
	many := time.Duration(s.Endpoints) * each
	if _, err := g.all(n, worker.Step{Op: worker.OpOpen, Spec: s, For: many}); err != nil {
		return nil, err
	}
	peer.ForgetQueues(g.dir) // both sides have opened it: no name is left, whatever happens from here on
	answers, err := g.each(n, worker.Step{Op: worker.OpRun, Warm: warm, For: d})
	if err != nil {
		return nil, err
	}
	_, err = g.all(n, worker.Step{Op: worker.OpClose, For: many})
	return answers, err
}
