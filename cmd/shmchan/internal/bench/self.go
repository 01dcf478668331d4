package bench

import (
	"errors"
	"fmt"
	"io"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/reference"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// WorkerVerb is the verb by which a program that calls Measure is started as a worker.
// It must then call Work with the argument of the verb.
const WorkerVerb = worker.Verb

// Work serves as a worker of the run in a directory: it does the steps that the parent
// writes to in, and writes the answers to out. When the parent closes in, or ends, it
// exits the process.
func Work(dir string, in io.Reader, out io.Writer) error {
	mem, err := reference.OpenMemory(dir)
	if err != nil {
		return err
	}
	return errors.Join(worker.Serve(in, out, &self{dir, mem}), mem.Close())
}

// self is what the parts of a worker share.
type self struct {
	dir string
	mem *reference.Memory
}

func (a *self) Refer(s worker.Step) (worker.Reply, error) { return reference.Refer(a.mem, s) }

func (a *self) Open(s worker.Step) (worker.Part, error) {
	open, ok := parts[s.Spec.Kind]
	if !ok {
		return nil, fmt.Errorf("no case of kind %q", s.Spec.Kind)
	}
	return open(a, s)
}
