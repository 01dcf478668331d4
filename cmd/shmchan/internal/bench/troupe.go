package bench

import (
	"context"
	"time"
)

// troupe is the processes of one run: the receiver and its senders.
type troupe struct {
	*session
	ctx     context.Context
	dir     string // of this run alone
	oneCPU  bool
	apart   bool // pinned, on one CPU each
	free    bool // not pinned
	workers []*worker
}

func (t *troupe) start(dir string, n int) error {
	t.dir = dir
	for range n {
		w, err := startWorker(dir)
		if err != nil {
			return err
		}
		t.workers = append(t.workers, w)
	}
	return nil
}

// end ends all, at once.
func (t *troupe) end() {
	for _, w := range t.workers {
		_ = w.cmd.Process.Kill()
	}
	for _, w := range t.workers {
		w.end()
	}
}

// each asks the first n processes the same, each on its side, and returns their
// answers by side. The senders begin first.
func (t *troupe) each(n int, s step) ([]reply, error) {
	for side := n - 1; side >= 0; side-- {
		s.Side = side
		if err := t.workers[side].tell(s); err != nil {
			return nil, err
		}
	}
	var answers []reply
	for _, w := range t.workers[:n] {
		r, err := w.hear(t.ctx, s.Warm+s.For)
		if err != nil {
			return nil, err
		}
		answers = append(answers, r)
	}
	return answers, nil
}

// all is each, and returns the receiver's answer, with the processor time of all.
func (t *troupe) all(n int, s step) (reply, error) {
	answers, err := t.each(n, s)
	if err != nil {
		return reply{}, err
	}
	return together(answers), nil
}

// together is the receiver's answer, with the processor time of all.
func together(answers []reply) reply {
	whole := answers[receiving]
	whole.CPU = 0
	for _, r := range answers {
		whole.CPU += r.CPU
	}
	return whole
}

// place pins the receiver to one CPU and the senders to another, or to the same.
func (t *troupe) place(together bool) error {
	for side, w := range t.workers {
		cpu := t.cpus[1]
		if side == receiving || together {
			cpu = t.cpus[0]
		}
		if _, err := w.ask(t.ctx, step{Op: opPin, CPU: cpu}); err != nil {
			return err
		}
	}
	return nil
}

// references takes them, between the receiver and the first sender. Two ends that
// spin need two processors, the futex is measured where the case will be.
func (t *troupe) references() (map[string]float64, error) {
	if t.Pinned && !t.free || t.oneCPU || t.apart {
		if err := t.place(false); err != nil {
			return nil, err
		}
	}
	refs := map[string]float64{}
	for _, ref := range []string{refLine, refRing, refFutex} {
		if ref == refFutex && t.oneCPU {
			if err := t.place(true); err != nil {
				return nil, err
			}
		}
		r, err := t.all(2, step{Op: opRefer, Ref: ref, Warm: time.Millisecond, For: t.refTime()})
		if err != nil {
			return nil, err
		}
		refs[ref] = r.Nanos
		if ref == refRing {
			refs[ref] = r.rate()
		}
	}
	return refs, nil
}

// play runs the case itself, and returns what each process answers.
func (t *troupe) play(s spec, warm, d time.Duration) ([]reply, error) {
	n := s.processes() // the others rest
	defer mqForget(t.dir)
	const each = 30 * time.Millisecond // for one of many ends, on a busy machine
	many := time.Duration(s.Ends) * each
	if _, err := t.all(n, step{Op: opOpen, Spec: s, For: many}); err != nil {
		return nil, err
	}
	mqForget(t.dir) // both have it: no name is left, whatever happens from here on
	answers, err := t.each(n, step{Op: opRun, Warm: warm, For: d})
	if err != nil {
		return nil, err
	}
	_, err = t.all(n, step{Op: opClose, For: many})
	return answers, err
}
