package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/peer"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/children"
)

// lineBytes is the size of a line, its newline included.
const lineBytes = 100

// lines returns how many lines go through a pipeline: so many that the start of its
// commands hardly counts.
func (s *session) lines(of worker.Spec) int {
	const aSecond = 5e6
	if of.Lines > 0 {
		return of.Lines
	}
	return int(min(max(s.Duration.Seconds()*aSecond, 5e5), 5e6))
}

// pipeline runs commands as a shell would, unpinned, and measures the time from the
// start of the first to the end of the last.
func (s *session) pipeline(ctx context.Context, dir string, of worker.Spec) (worker.Reply, error) {
	const fixed = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, fixed)
	defer cancel()
	n := s.lines(of)
	took, _, err := through(ctx, dir, of, n, false)
	r := worker.Reply{Count: uint64(n), Took: took}
	if err != nil || of.Via != "" {
		return r, err
	}
	printed, err := checked(ctx, dir, of)
	if of.Prints == frameJSON || of.Frame == frameJSON {
		r.Figures = map[string]float64{figOutput: printed} // of a message
	}
	return r, err
}

// checked checks that messages arrive as they were sent, in a run that is not measured,
// and returns how many bytes are printed for each.
func checked(ctx context.Context, dir string, s worker.Spec) (each float64, err error) {
	const some = 1000
	if _, _, err := through(ctx, dir, s, some, true); err != nil {
		return 0, err
	}
	printed, err := os.ReadFile(filepath.Join(dir, "output"))
	if err != nil {
		return 0, err
	}
	if s.Prints == frameJSON || s.Frame == frameJSON {
		if came := bytes.Count(printed, []byte("\n")); came != some {
			return 0, fmt.Errorf("of %d messages %d came out of the commands", some, came)
		}
		return float64(len(printed)) / some, nil
	}
	sent, err := input(s, some)
	if err == nil && !bytes.Equal(sent, printed) {
		err = fmt.Errorf("%d bytes went into the commands, and %d others came out", len(sent), len(printed))
	}
	return float64(len(printed)) / some, err
}

// through sends that many messages through the two commands of a pipeline. It returns
// how long that took and, if the output is kept, how many bytes it has.
func through(ctx context.Context, dir string, s worker.Spec, messages int, keep bool) (took time.Duration, printed int64, err error) {
	input, err := inputFile(dir, s, messages)
	if err != nil {
		return 0, 0, err
	}
	defer input.Close()
	fifo := filepath.Join(dir, "fifo")
	if s.Via != "" {
		if err := peer.MakeFIFO(fifo); err != nil {
			return 0, 0, err
		}
		defer os.Remove(fifo)
	}
	from, to := commands(ctx, s, dir, fifo)
	from.Stdin = input
	if keep {
		output, err := os.Create(filepath.Join(dir, "output"))
		if err != nil {
			return 0, 0, err
		}
		defer output.Close()
		to.Stdout = output
	}
	took, err = run(from, to)
	if err == nil && keep {
		info, serr := os.Stat(filepath.Join(dir, "output"))
		if serr != nil {
			return took, 0, serr
		}
		printed = info.Size()
	}
	return took, printed, err
}

// inputFile opens the file of a pipeline's input, which the first call creates.
func inputFile(dir string, s worker.Spec, messages int) (*os.File, error) {
	path := filepath.Join(dir, fmt.Sprintf("input-%s-%d-%d", s.Frame, s.Size, messages))
	if f, err := os.Open(path); err == nil {
		return f, nil
	}
	input, err := input(s, messages)
	if err == nil {
		err = os.WriteFile(path, input, 0o600)
	}
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// own returns a call of this executable with other arguments.
func own(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, worker.Executable, args...)
	cmd.Args[0] = os.Args[0]
	return cmd
}

// commands returns the two commands of a pipeline.
func commands(ctx context.Context, s worker.Spec, dir, fifo string) (from, to *exec.Cmd) {
	if s.Via != "" {
		return exec.CommandContext(ctx, "sh", "-c", `exec cat > "$0"`, fifo), exec.CommandContext(ctx, "sh", "-c", `exec cat < "$0"`, fifo)
	}
	verb := func(verb, frame string) *exec.Cmd {
		args := []string{verb, "--dir", dir}
		if frame != "" {
			args = append(args, "--frame", frame)
		}
		return own(ctx, append(args, "lines.channel")...)
	}
	prints := s.Prints
	if prints == "" {
		prints = s.Frame
	}
	return verb("send", s.Frame), verb("recv", prints)
}

// run runs two commands at the same time, and returns how long both took.
func run(from, to *exec.Cmd) (time.Duration, error) {
	var said [2]bytes.Buffer
	from.Stderr, to.Stderr = &said[0], &said[1]
	start := time.Now()
	if err := children.Start(to); err != nil {
		return 0, missing(err)
	}
	if err := children.Start(from); err != nil {
		_ = to.Process.Kill()
		return 0, errors.Join(missing(err), children.Wait(to))
	}
	sent, received := children.Wait(from), children.Wait(to)
	took := time.Since(start)
	if err := errors.Join(sent, received); err != nil {
		return 0, fmt.Errorf("%w: %s%s", err, said[0].Bytes(), said[1].Bytes())
	}
	return took, nil
}

// missing adds errors.ErrUnsupported to the error about a command that this system lacks.
func missing(err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return errors.Join(err, errors.ErrUnsupported)
	}
	return err
}
