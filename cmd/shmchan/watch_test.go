package main

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/watch"
	"github.com/shmchan/shmchan/ipc"
)

// watched returns two samples, two seconds apart: a channel that a sender blocks, an idle
// one, and a file that is not a channel.
func watched() []watch.Sample {
	later := busy
	receiver := *busy.Receiver
	receiver.Messages += 30
	later.Messages, later.Bytes, later.Received, later.Receiver = busy.Messages+40, busy.Bytes+5000, busy.Received+30, &receiver
	later.Senders = append([]ipc.End(nil), busy.Senders...)
	later.Senders[0].Messages, later.Senders[0].Bytes = busy.Senders[0].Messages+39, busy.Senders[0].Bytes+4999
	entries := func(s ipc.Stats) []ipc.Entry {
		return []ipc.Entry{
			{Name: "jobs", Stats: s},
			{Name: "my <jobs>", Stats: idle},
			{Name: "notes.txt", Stats: ipc.Stats{Name: "notes.txt", Path: "/dev/shm/notes.txt"}, Err: errors.New("incompatible segment: no magic")},
		}
	}
	return []watch.Sample{{At: created, Entries: entries(busy)}, {At: created.Add(2 * time.Second), Entries: entries(later)}}
}

// TestWatchGolden pins what watch prints without a terminal, including rates.
func TestWatchGolden(t *testing.T) {
	for name, asJSON := range map[string]bool{"watch.json": true, "watch.txt": false} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			samples := watched()
			v := watcher{
				app: &app{stdout: &out}, asJSON: asJSON, interval: time.Nanosecond, ticks: 2,
				source: func() (watch.Sample, error) { return samples[1], nil },
			}
			require.NoError(t, v.lines(t.Context(), samples[0]))
			golden(t, name, out.Bytes())
		})
	}
}
