package watch

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

// samples returns the samples of a minute: a busy channel, one that a sender blocks, an idle
// one, and a file that is not a channel.
func samples() []Channel {
	var h History
	var all []Channel
	created := noon.Add(-time.Hour)
	claim := uint64(5000)
	messages := uint64(0)
	for i := range 46 {
		messages += uint64(1000 + 900*math.Sin(float64(i)/6))
		half := messages / 2
		all = h.Add(noon.Add(time.Duration(i-45)*time.Second), []ipc.Entry{
			{Name: "blocked", Stats: ipc.Stats{
				Name: "blocked", Path: "/ch/blocked", Capacity: 4096, Used: 3900, Head: 5000, Tail: 8900, Messages: 70, Bytes: 7000, Received: 20,
				Durable: true, Created: created, Deaths: 1,
				Receiver: &ipc.End{Slot: -1, PID: 300, State: ipc.StateAlive, BeatAge: 40 * time.Millisecond, Messages: 20},
				Senders: []ipc.End{
					{Slot: 0, PID: 301, State: ipc.StateAlive, BeatAge: 20 * time.Millisecond, Messages: 50, Bytes: 5000, Label: "web"},
					{Slot: 2, PID: 302, State: ipc.StateStalled, BeatAge: 95 * time.Second, Messages: 20, Bytes: 2000, Claim: &claim, Label: "worker 通道"},
				},
			}},
			{Name: "idle", Stats: ipc.Stats{Name: "idle", Path: "/ch/idle", Capacity: 1 << 20, Created: created}},
			{Name: "jobs", Stats: ipc.Stats{
				Name: "jobs", Path: "/ch/jobs", Capacity: 1 << 20, Used: 650000, Messages: messages, Bytes: messages * 640, Received: messages - 900,
				Created:  created,
				Receiver: &ipc.End{Slot: -1, PID: 4321, State: ipc.StateAlive, BeatAge: 12 * time.Millisecond, Messages: messages - 900, Bytes: (messages - 900) * 640},
				Senders:  crowd(half),
			}},
			{Name: "notes.txt", Stats: ipc.Stats{Name: "notes.txt", Path: "/ch/notes.txt"}, Err: errors.New("/ch/notes.txt: incompatible segment: no magic")},
		})
	}
	return all
}

func crowd(each uint64) []ipc.End {
	all := make([]ipc.End, 20)
	for i := range all {
		all[i] = ipc.End{Slot: i, PID: 5000 + i, State: ipc.StateAlive, BeatAge: time.Duration(i) * 3 * time.Millisecond, Label: fmt.Sprintf("worker %d", i)}
	}
	all[0].Messages, all[1].Messages, all[0].Bytes, all[1].Bytes = each, each, each*640, each*640
	all[7].State, all[7].BeatAge = ipc.StateDead, 5*time.Minute
	return all
}

func shown(th *theme) frame {
	return frame{title: "shmchan /dev/shm/shmchan-1000", at: noon, interval: time.Second, all: samples(), theme: th}
}

// TestFrameGolden pins what people see. UPDATE_SCRIPTS=1 updates it.
func TestFrameGolden(t *testing.T) {
	for _, tt := range []struct {
		name   string
		w, h   int
		change func(*frame)
	}{
		{"80x24", 80, 24, func(*frame) {}},
		{"120x40", 120, 40, func(f *frame) { f.cursor = "/ch/jobs" }},
		{"40x10", 40, 10, func(*frame) {}},
		{"sorted-paused", 80, 24, func(f *frame) { f.order, f.paused, f.cursor = byMessages, true, "/ch/jobs" }},
		{"typing", 80, 10, func(f *frame) { f.typing, f.filter = true, "o" }},
		{"none", 80, 10, func(f *frame) { f.all = nil }},
		{"gone", 80, 10, func(f *frame) { f.note = "old is gone" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := shown(uncoloured())
			tt.change(&f)
			got := f.draw(tt.w, tt.h)
			lines := strings.Split(got, "\n")
			for i := range lines {
				lines[i] = strings.TrimRight(lines[i], " ")
			}
			text := strings.Join(lines, "\n") + "\n"
			path := filepath.Join("testdata", tt.name+".txt")
			if os.Getenv("UPDATE_SCRIPTS") != "" {
				require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), text)
		})
	}
}

// TestFrameFits checks all sizes, with colour and without.
func TestFrameFits(t *testing.T) {
	for _, th := range []*theme{uncoloured(), monochrome(), coloured()} {
		f := shown(th)
		f.cursor = "/ch/jobs"
		for w := 1; w < 200; w += 5 {
			for h := 1; h < 60; h += 7 {
				f.typing = h%2 == 0
				lines := strings.Split(f.draw(w, h), "\n")
				require.LessOrEqual(t, len(lines), h)
				for _, l := range lines {
					require.LessOrEqual(t, ansi.StringWidth(l), w, "%dx%d: %q", w, h, l)
				}
			}
		}
	}
}

func TestColourSaysNothingMore(t *testing.T) {
	bare, dressed := shown(uncoloured()), shown(coloured())
	require.NotContains(t, bare.draw(80, 24), "\x1b")
	require.Contains(t, dressed.draw(80, 24), "\x1b")
	require.Equal(t, bare.draw(80, 24), ansi.Strip(dressed.draw(80, 24)))
}
