package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

const goldenDir = "../../testdata/golden"

// golden compares got with a file, or writes the file if UPDATE_SCRIPTS is set.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join(goldenDir, name)
	if os.Getenv("UPDATE_SCRIPTS") != "" {
		require.NoError(t, os.MkdirAll(goldenDir, 0o777))
		require.NoError(t, os.WriteFile(path, got, 0o666))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

var (
	created = time.Date(2026, 1, 2, 3, 4, 5, 678000000, time.UTC)
	claim   = uint64(1 << 40)
	busy    = ipc.Stats{
		Name: "jobs", Path: "/dev/shm/shmchan-1000/jobs", Capacity: 1 << 20, MaxSenders: 256, Used: 5000,
		Head: 1 << 40, Tail: 1<<40 + 5000, Messages: 123456, Bytes: 7890123, Received: 123400, Deaths: 1, Skipped: 2,
		Durable: true, Mode: 0o600, Created: created,
		Receiver: &ipc.End{Slot: -1, PID: 42, State: ipc.StateAlive, BeatAge: 12 * time.Millisecond, Messages: 400, Bytes: 5600},
		Senders: []ipc.End{
			{Slot: 0, PID: 43, State: ipc.StateAlive, Label: `web "1"`, BeatAge: 90 * time.Millisecond, Messages: 5, Bytes: 70},
			{Slot: 2, PID: 44, State: ipc.StateStalled, BeatAge: 5 * time.Second, Claim: &claim},
			{Slot: 3, PID: 45, State: ipc.StateDead, BeatAge: time.Minute},
		},
	}
	idle = ipc.Stats{
		Name: "my <jobs>", Path: "/srv/my <jobs>", Capacity: 4096, MaxSenders: 1, Mode: 0o660, Created: created,
	}
	listed = []ipc.Entry{
		{Name: "jobs", Stats: busy},
		{Name: "my <jobs>", Stats: idle},
		{Name: "notes.txt", Stats: ipc.Stats{Name: "notes.txt", Path: "/dev/shm/notes.txt"}, Err: errors.New("incompatible segment: no magic")},
	}
)

// TestGolden pins the contract of --json, and what people see.
func TestGolden(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out}
	for _, tt := range []struct {
		name  string
		print func() error
	}{
		{"stat.json", func() error { return printJSON(&out, viewOf(&busy)) }},
		{"stat-idle.json", func() error { return printJSON(&out, viewOf(&idle)) }},
		{"ls.json", func() error { return a.listJSON(listed) }},
		{"ls-empty.json", func() error { return a.listJSON(nil) }},
		{"stat.txt", func() error { return printStat(&out, &busy, created.Add(90*time.Second)) }},
		{"stat-idle.txt", func() error { return printStat(&out, &idle, created.Add(72*time.Hour)) }},
		{"ls.txt", func() error { return a.listTable(listed) }},
		{"ls-empty.txt", func() error { return a.listTable(nil) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out.Reset()
			require.NoError(t, tt.print())
			golden(t, tt.name, out.Bytes())
		})
	}
}
