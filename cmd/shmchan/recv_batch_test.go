package main

import (
	"context"
	"io"
	"os"
	"testing"
	"time"

	"github.com/edsrzf/mmap-go"
	"github.com/stretchr/testify/require"

	"github.com/shmchan/shmchan/cmd/shmchan/internal/frame"
	"github.com/shmchan/shmchan/ipc"
)

// A sender can still write to a message in the ring. If the message changes while it is
// framed, recv continues, and a line remains one line.
func TestMessageThatChangesWhileItIsFramed(t *testing.T) {
	r, err := ipc.NewReceiver(context.Background(), "ch", &ipc.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	defer r.Close()
	in := &inlet{Receiver: r, name: "ch"}
	mem, err := mmap.MapRegion(nil, os.Getpagesize(), mmap.RDWR, mmap.ANON, 0) // as in a ring
	require.NoError(t, err)
	defer mem.Unmap()
	msg := mem[:3]
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, last := range []byte{'x', 0xc2, 'x', 0xe2, 'x', '\n', 'x', 0} {
				msg[2] = last
			}
		}
	}()
	for _, kind := range []frame.Kind{frame.JSON, frame.Line, frame.Nul} {
		for start := time.Now(); time.Since(start) < 100*time.Millisecond; {
			b := &batch{s: &source{inlets: []*inlet{in}, last: in}, w: io.Discard, kind: kind}
			if b.add(msg) != nil || kind == frame.JSON {
				continue
			}
			for _, c := range b.out[:len(b.out)-1] {
				require.NotEqual(t, b.out[len(b.out)-1], c, "%q", b.out)
			}
		}
	}
	close(stop)
	<-done
}
