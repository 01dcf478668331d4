package bench

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/peer"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/report"
	"github.com/shmchan/shmchan/cmd/shmchan/internal/bench/worker"
)

// The frames of pipelines, as --frame calls them.
const (
	frameLine = "line"
	frameNUL  = "nul"
	frameLen  = "len"
	frameJSON = "json"
)

// gatherPipelines are pipelines of commands compared with cat of the same input. They
// have so many messages that the start of the commands hardly counts.
func gatherPipelines() []Case {
	lines := map[int]int{10: 5e6, 100: 2e6, 1000: 2e5}
	pipeline := func(name, about string, s worker.Spec, shows ...report.Figure) Case {
		s.Kind, s.Lines = kindPipeline, lines[s.Size]
		cat := s
		cat.Via, cat.Prints = peer.Pipe, ""
		return Case{Name: "pipe-" + name, About: about + "; baseline: cat through a FIFO", spec: s, baseline: &cat, shows: shows}
	}
	var cases []Case
	for _, size := range []struct {
		bytes int
		least float64
	}{{10, 0.5}, {100, 1}, {1000, 1}} {
		cases = append(cases, pipeline(fmt.Sprint("line-", size.bytes), fmt.Sprintf("send | recv, lines of %d bytes", size.bytes),
			worker.Spec{Size: size.bytes}, atLeast(figBytes, report.BytesPerSec, size.least)))
	}
	for _, frame := range []string{frameNUL, frameLen} {
		cases = append(cases, pipeline(frame+"-100", "the same, --frame "+frame, worker.Spec{Size: 100, Frame: frame}, untargeted(figBytes, report.BytesPerSec)))
	}
	output := report.Figure{Name: figOutput, Unit: report.BytesPerSec, Least: 300e6}
	for _, size := range []int{100, 1000} {
		cases = append(cases,
			pipeline(fmt.Sprint("into-json-", size), fmt.Sprintf("send | recv --frame json, lines of %d bytes", size),
				worker.Spec{Size: size, Prints: frameJSON}, untargeted(figBytes, report.BytesPerSec), output),
			pipeline(fmt.Sprint("json-", size), fmt.Sprintf("send --frame json | recv --frame json, messages of %d bytes", size),
				worker.Spec{Size: size, Frame: frameJSON}, untargeted(figBytes, report.BytesPerSec), output))
	}
	return cases
}

// input returns that many messages as a pipeline reads them. The size of a message
// includes its newline or NUL.
func input(s worker.Spec, messages int) ([]byte, error) {
	text := bytes.Repeat([]byte("0123456789"), s.Size/10+1)[:s.Size]
	var one []byte
	switch s.Frame {
	case "", frameLine:
		one = append(text[:s.Size-1], '\n')
	case frameNUL:
		one = append(text[:s.Size-1], 0)
	case frameLen:
		one = append(binary.BigEndian.AppendUint32(nil, uint32(s.Size)), text...)
	case frameJSON:
		one = fmt.Appendf(nil, "{\"data\":%q}\n", text)
	default:
		return nil, fmt.Errorf("no pipeline has the frame %q", s.Frame)
	}
	return bytes.Repeat(one, messages), nil
}
