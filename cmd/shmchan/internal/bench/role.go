package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// roleEnv marks a process that a measurement started; its value is the
// directory of that measurement.
const roleEnv = "SHMCHAN_BENCH_DIR"

// orphaned is the exit status of a role whose parent has gone.
const orphaned = 70

// Role runs the role that this process was started in, and then ends it. In any
// other process it returns at once. Call it first in main and in TestMain.
func Role() {
	dir := os.Getenv(roleEnv)
	if dir == "" {
		return
	}
	if err := play(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// actor is a process in a role: what its steps share.
type actor struct {
	dir  string
	mem  *memory
	open end // what the last "open" opened
}

// end is this process's part in a case, opened by one step and run by another,
// so that nothing is timed before every process is ready.
type end interface {
	run(step) (reply, error)
	close() error
}

// play does the steps that the parent writes, one answer each, until the parent
// says no more.
func play(dir string) error {
	mem, err := openMemory(dir)
	if err != nil {
		return err
	}
	a := &actor{dir: dir, mem: mem}
	steps := make(chan step)
	go func() {
		r := json.NewDecoder(bufio.NewReader(os.Stdin))
		for {
			var s step
			if r.Decode(&s) != nil {
				// The parent has gone, or wants this process gone, whatever it is
				// in the middle of.
				os.Exit(orphaned)
			}
			steps <- s
		}
	}()
	w := json.NewEncoder(os.Stdout)
	for s := range steps {
		r, err := a.do(s)
		if err != nil {
			r.Err = fmt.Sprintf("%s: %v", s.Op, err)
			r.Cant = errors.Is(err, errors.ErrUnsupported)
		}
		if err := w.Encode(r); err != nil || s.Op == opExit {
			return err
		}
	}
	return nil
}

func (a *actor) do(s step) (reply, error) {
	switch s.Op {
	case opPin:
		return reply{}, pin(s.CPU)
	case opRefer:
		return a.refer(s)
	case opOpen:
		open, ok := ends[s.Spec.Kind]
		if !ok {
			return reply{}, fmt.Errorf("no case of kind %q", s.Spec.Kind)
		}
		e, err := open(a, s)
		a.open = e
		return reply{}, err
	case opRun:
		if a.open == nil {
			return reply{}, errors.New("nothing is open")
		}
		return a.open.run(s)
	case opClose:
		if a.open == nil {
			return reply{}, nil
		}
		err := a.open.close()
		a.open = nil
		return reply{}, err
	case opExit:
		return reply{}, a.mem.close()
	}
	return reply{}, fmt.Errorf("no such step %q", s.Op)
}
