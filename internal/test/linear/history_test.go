package linear

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/shmchan/shmchan/internal/process"
)

// Each process appends lines to a file of its own, each by one write(2):
//
//	begin CALL ID LENGTH CLOCK
//	end CALL ID LENGTH CLOCK      the outcome; CALL none: no effect
type history struct{ file *os.File }

func newHistory(dir string, client int) history {
	file, err := os.OpenFile(historyName(dir, client), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	must(err)
	return history{file}
}

func historyName(dir string, client int) string {
	return filepath.Join(dir, fmt.Sprintf("%06d", client))
}

const none call = 0

// note records what do does and the outcome that it returns.
func (h history) note(begin call, id, length int, do func() (end call, id, length int)) {
	_, err := fmt.Fprintf(h.file, "begin %d %d %d %d\n", begin, id, length, process.Monotonic())
	must(err)
	end, id, length := do()
	_, err = fmt.Fprintf(h.file, "end %d %d %d %d\n", end, id, length, process.Monotonic())
	must(err)
}

// read returns the operations of all processes. A call without an end was pending at
// a death.
func read(dir string) []porcupine.Operation {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	must(err)
	sort.Strings(files)
	var ops, sends []porcupine.Operation // sends also has those without an effect
	for client, name := range files {
		raw, err := os.ReadFile(name)
		must(err)
		var open *porcupine.Operation
		for line := range strings.Lines(string(raw)) {
			var word string
			var in input
			var clock int64
			if n, _ := fmt.Sscanf(line, "%s %d %d %d %d\n", &word, &in.call, &in.id, &in.length, &clock); n != 5 || !strings.HasSuffix(line, "\n") {
				break // killed while writing: the call had not begun, or not returned
			}
			if word == "begin" {
				open = &porcupine.Operation{ClientId: client, Input: in, Call: clock}
				continue
			}
			begun := open.Input.(input).call
			open.Input, open.Return = in, clock
			if begun == send {
				sends = append(sends, *open)
			}
			if in.call != none {
				ops = append(ops, *open)
			}
			open = nil
		}
		if open != nil {
			in := open.Input.(input)
			in.pending = true
			open.Input, open.Return = in, math.MaxInt64
			ops = append(ops, *open)
			if in.call == send {
				sends = append(sends, *open)
			}
		}
	}
	for i, op := range ops {
		in := op.Input.(input)
		in.lined = in.call == full && meetsAnother(op, sends)
		ops[i].Input = in
	}
	return ops
}

// meetsAnother reports whether another client was sending at the same time. Room may
// then be reserved for that client, which is in line.
func meetsAnother(op porcupine.Operation, sends []porcupine.Operation) bool {
	return slices.ContainsFunc(sends, func(s porcupine.Operation) bool {
		return s.ClientId != op.ClientId && s.Call <= op.Return && op.Call <= s.Return
	})
}

// halve splits each send that an ErrEmpty or a death may have met between claim and
// commit. The other sends take effect at one moment.
func halve(ops []porcupine.Operation) []porcupine.Operation {
	var out []porcupine.Operation
	for _, op := range ops {
		in := op.Input.(input)
		if in.call != send || !in.pending && !meetsEmpty(op, ops) {
			out = append(out, op)
			continue
		}
		for _, half := range []call{claim, commit} {
			in.call = half
			op.Input = in
			out = append(out, op)
		}
	}
	return out
}

func meetsEmpty(op porcupine.Operation, ops []porcupine.Operation) bool {
	for _, e := range ops {
		if e.Input.(input).call == empty && e.Call <= op.Return && op.Call <= e.Return {
			return true
		}
	}
	return false
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
