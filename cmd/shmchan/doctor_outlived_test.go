package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/ipc"
)

// A dead end whose lock is held stands in the way of the next one: doctor says what
// holds it, and does not send the user to a recv that would be refused.
func TestDoctorNamesWhatHoldsTheLocksOfTheDead(t *testing.T) {
	v := &doctor{app: &app{}}
	c := checkup{command: v.command, Stats: &ipc.Stats{
		Name: "jobs", Path: "/dev/shm/my dir/jobs", Durable: true, Capacity: 4096, MaxSenders: 8,
		Receiver: &ipc.End{Slot: -1, PID: 42, State: ipc.StateDead, Outlived: true},
		Senders:  []ipc.End{{Slot: 3, PID: 53, State: ipc.StateDead, Outlived: true}},
	}}
	found := c.findings(nil)
	require.Len(t, found, 2)
	for i, want := range []finding{
		{Level: levelProblem, Found: "its receiver (pid 42) is dead, but its lock is held"},
		{Level: levelNote, Found: "sender 3 (pid 53) is dead, but its lock is held"},
	} {
		require.Equal(t, want.Level, found[i].Level)
		require.Equal(t, want.Found, found[i].Found)
		require.Equal(t, "fuser '/dev/shm/my dir/jobs'", found[i].Fix)
	}
}
