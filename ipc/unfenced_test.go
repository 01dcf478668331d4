package ipc_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/fence"
	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

// An endpoint without membarrier makes its peers fence at every publication, but only
// while it is attached.
func TestPublishersFenceOnlyWhileAnEndpointLacksMembarrier(t *testing.T) {
	if !fence.Register() {
		t.Skip("membarrier is not available")
	}
	for what, leave := range map[string]func(*testing.T, *proctest.Proc){
		"closed": func(t *testing.T, p *proctest.Proc) {
			require.Equal(t, "ok", p.Ask("close"))
			p.Kill()
		},
		"killed": func(_ *testing.T, p *proctest.Proc) { p.Kill() },
	} {
		t.Run(what, func(t *testing.T) {
			o := in(t)
			o.Durable = true
			s := newSender(t, with(o, func(o *ipc.Options) { o.Create = true }))
			requireFencing := func(receivers, senders bool) {
				t.Helper()
				r, s := fencing(o)
				require.Equal(t, receivers, r, "receiver's doorbell")
				require.Equal(t, senders, s, "senders' doorbell")
			}
			confined := startConfined(t, "membarrier", unix.EPERM, "receiver", encode(t, o))
			confined.Expect("ready")
			requireFencing(true, false)
			leave(t, confined)

			r := newReceiver(t, o)
			requireFencing(false, false)
			confined = startConfined(t, "membarrier", unix.EPERM, "sender", encode(t, o))
			confined.Expect("ready")
			send(t, s, "while it is attached")
			recv(t, r, "while it is attached")
			requireFencing(false, true)
			leave(t, confined)
			proctest.Eventually(t, "the senders' doorbell requires no fence", func() bool {
				send(t, s, "after it has gone")
				recv(t, r, "after it has gone")
				_, senders := fencing(o)
				return !senders
			})
			requireFencing(false, false)
			require.NoError(t, s.Close())
			require.NoError(t, r.Close())
			remove(t, o)
		})
	}
}
