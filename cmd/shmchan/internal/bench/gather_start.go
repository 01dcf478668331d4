package bench

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/measure"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/report"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/children"
)

// startsLeast is the least number of starts in a run.
const startsLeast = 20

// startTime is the least time of such a run.
const startTime = 200 * time.Millisecond

// starts is a command that sends one message.
func starts() []Case {
	return []Case{{
		Name: "start-send", About: "shmchan send NAME x, from start to exit; baseline: true", free: true,
		spec: worker.Spec{Kind: kindStart}, baseline: &worker.Spec{Kind: kindStart, Via: viaTrue}, least: startTime,
		shows: []report.Figure{atMost(figP50, 5*time.Millisecond), atMost(figTime, 3*time.Millisecond)},
	}}
}

// viaTrue is the Spec.Via of a command that does nothing.
const viaTrue = "true"

// starting starts a command again and again. Its answer contains the medians of the
// command's time and processor time.
func starting(ctx context.Context, dir string, s worker.Spec, d time.Duration) (worker.Reply, error) {
	const name = "start.channel"
	command := func() *exec.Cmd { return own(ctx, "send", "--dir", dir, name, "x") }
	if s.Via == viaTrue {
		command = func() *exec.Cmd { return exec.CommandContext(ctx, "true") }
	} else {
		if _, _, err := started(own(ctx, "create", "--durable", "--dir", dir, name)); err != nil {
			return worker.Reply{}, err
		}
		defer func() { _, _, _ = started(own(ctx, "rm", "--dir", dir, name)) }() // it goes with the directory
	}
	var took, used []float64
	for start := time.Now(); len(took) < startsLeast || time.Since(start) < d; {
		t, u, err := started(command())
		if err != nil {
			return worker.Reply{}, missing(err)
		}
		took, used = append(took, float64(t)), append(used, float64(u))
	}
	return worker.Reply{Figures: map[string]float64{figP50: measure.Median(took), figTime: measure.Median(used)}}, nil
}

// started runs a command, and returns its time from start to exit and its processor time.
func started(cmd *exec.Cmd) (took, used time.Duration, err error) {
	var said bytes.Buffer
	cmd.Stderr = &said
	start := time.Now()
	if err = children.Start(cmd); err == nil {
		err = children.Wait(cmd)
	}
	took = time.Since(start)
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %s", err, said.Bytes())
	}
	return took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}
