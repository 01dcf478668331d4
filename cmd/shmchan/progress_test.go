package main

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProgressLine(t *testing.T) {
	for _, tt := range []struct {
		name                                     string
		messages, bytes, lateMessages, lateBytes uint64
		late, all                                time.Duration
		want                                     string
	}{
		{"nothing yet", 0, 0, 0, 0, 0, 0, "0 messages, 0 bytes, 0 messages/s, 0 bytes/s, 0s"},
		{"one message", 1, 5, 1, 5, time.Second, time.Second, "1 message, 5 bytes, 1 messages/s, 5 bytes/s, 1s"},
		{"the rate is of late", 1000, 1 << 20, 100, 4096, 200 * time.Millisecond, 90 * time.Second,
			"1000 messages, 1M, 500 messages/s, 20K/s, 1m30s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, progressLine(tt.messages, tt.bytes, tt.lateMessages, tt.lateBytes, tt.late, tt.all))
		})
	}
}

func TestMeterRedrawsOneLine(t *testing.T) {
	var out bytes.Buffer
	m := &meter{w: &out, width: func() int { return 12 }}
	m.draw("a long line, too long")
	require.Equal(t, "\ra long line", out.String(), "cut, so that it does not wrap")
	out.Reset()
	m.draw("short")
	require.Equal(t, "\rshort      ", out.String(), "what was longer is blanked")
	out.Reset()
	_, err := m.Write([]byte("shmchan: hello\n"))
	require.NoError(t, err)
	require.Equal(t, "\r     \rshmchan: hello\n", out.String(), "a diagnostic takes its place")
	out.Reset()
	_, err = m.Write([]byte("again\n"))
	require.NoError(t, err)
	require.Equal(t, "again\n", out.String())
	out.Reset()
	m.colour = true
	m.draw("x")
	require.Equal(t, "\r\x1b[1mx\x1b[0m", out.String())

	(*meter)(nil).add(1, 1) // none was asked for
}

func TestNoMeterWhereStderrIsNoTerminal(t *testing.T) {
	a := &app{stderr: io.Discard}
	m, stop := a.startMeter(progressFlag{on: true})
	require.Nil(t, m)
	stop()
	require.Equal(t, io.Discard, a.stderr)
}
