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

	"github.com/shmchan/shmchan/internal/children"
)

// lineBytes is a line of the pipelines, its end included.
const lineBytes = 100

// lines is how many go through a pipeline: as many as make its start count little.
func (s *session) lines() int {
	const aSecond = 5e6
	return int(min(max(s.Duration.Seconds()*aSecond, 5e5), 5e6))
}

// pipeline runs commands as a shell would, and counts the lines that go through
// from the start of the first to the end of the last. It is not pinned.
func (s *session) pipeline(ctx context.Context, dir string, spec spec) (reply, error) {
	const fixed = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, fixed)
	defer cancel()
	input := filepath.Join(dir, "lines")
	if err := os.WriteFile(input, bytes.Repeat(newLine(), s.lines()), 0o600); err != nil {
		return reply{}, err
	}
	var from, to *exec.Cmd
	if spec.Via == "" {
		// This executable, as it was called: as a command it has these verbs.
		own := func(args ...string) *exec.Cmd {
			cmd := exec.CommandContext(ctx, self, args...)
			cmd.Args[0] = os.Args[0]
			return cmd
		}
		from, to = own("send", "--dir", dir, "lines.channel"), own("recv", "--dir", dir, "lines.channel")
	} else {
		fifo := filepath.Join(dir, "fifo")
		if err := makeFIFO(fifo); err != nil {
			return reply{}, err
		}
		from = exec.CommandContext(ctx, "sh", "-c", `exec cat > "$0"`, fifo)
		to = exec.CommandContext(ctx, "sh", "-c", `exec cat < "$0"`, fifo)
	}
	took, err := through(input, from, to)
	return reply{Count: uint64(s.lines()), Took: took}, err
}

// through sends a file through two commands.
func through(input string, from, to *exec.Cmd) (time.Duration, error) {
	in, err := os.Open(input)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	var said [2]bytes.Buffer
	from.Stdin, from.Stderr, to.Stderr = in, &said[0], &said[1]
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

// missing marks the error of a command that this system does not have.
func missing(err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return errors.Join(err, errors.ErrUnsupported)
	}
	return err
}

func newLine() []byte {
	line := bytes.Repeat([]byte("0123456789"), lineBytes/10)
	line[lineBytes-1] = '\n'
	return line
}
