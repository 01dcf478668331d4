package worker

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// orphaned is the exit status of a worker whose parent has gone.
const orphaned = 70

// Handler does the steps that depend on what is measured.
type Handler interface {
	// Refer takes one side of a reference.
	Refer(Step) (Reply, error)
	// Open opens this process's part in a case.
	Open(Step) (Part, error)
}

// Part is what one process does in a case. One step opens it and another runs it,
// so that nothing is timed before every process is ready.
type Part interface {
	Run(Step) (Reply, error)
	Close() error
}

// Serve does the steps that the parent writes to in, and writes one answer each to
// out. When the parent closes in, or ends, this process exits at once, whatever step
// it is in.
func Serve(in io.Reader, out io.Writer, h Handler) error {
	steps := make(chan Step)
	go func() {
		r := json.NewDecoder(bufio.NewReader(in))
		for {
			var s Step
			if r.Decode(&s) != nil {
				os.Exit(orphaned)
			}
			steps <- s
		}
	}()
	w, answers := worker{Handler: h}, json.NewEncoder(out)
	for s := range steps {
		r, err := w.do(s)
		if err != nil {
			r.Err = fmt.Sprintf("%s: %v", s.Op, err)
			r.Cant = errors.Is(err, errors.ErrUnsupported)
		}
		if err := answers.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// worker is what the steps of a process share.
type worker struct {
	Handler
	part Part // opened by the last OpOpen
}

func (w *worker) do(s Step) (r Reply, err error) {
	switch s.Op {
	case OpPin:
		return r, pin(s.CPU)
	case OpRefer:
		return w.Refer(s)
	case OpOpen:
		w.part, err = w.Open(s)
		return r, err
	case OpRun:
		if w.part == nil {
			return r, errors.New("nothing is open")
		}
		return w.part.Run(s)
	case OpClose:
		if w.part == nil {
			return r, nil
		}
		err = w.part.Close()
		w.part = nil
		return r, err
	}
	return r, fmt.Errorf("no such step %q", s.Op)
}
