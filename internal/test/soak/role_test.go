package soak

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

const (
	channel   = "soaked"
	senders   = "sender"
	receivers = "receiver"

	ordersEnv = "SHMCHAN_SOAK_ORDERS"
	niceness  = 10 // of the processes: whoever tests beside them goes first

	// What the driver writes to a process. The end of its input is the end of the
	// driver, and so of the process.
	goNow    = 'g' // end cleanly
	drainNow = 'd' // receiver: take what is left first
)

// orders are what a process gets from the driver.
type orders struct {
	Role        string
	Seed        uint64
	Incarnation int
	Ledgers     string // the directory
	Options     ipc.Options
	Ends        int           // sender: Senders at the same time; 0: one or two
	Operations  int           // sender: then it ends by itself
	Killable    bool          // receiver
	Drain       bool          // receiver: the last one
	Slow        time.Duration // receiver: rests between calls, on average half of it
}

func TestMain(m *testing.M) {
	if raw := os.Getenv(ordersEnv); raw != "" {
		play(raw)
		return
	}
	proctest.Main(m, nil)
}

var drainTold atomic.Bool

// play is the main of a process that the driver started.
func play(raw string) {
	var o orders
	must(json.Unmarshal([]byte(raw), &o))
	must(unix.Setpriority(unix.PRIO_PROCESS, 0, niceness))
	told, tell := context.WithCancel(context.Background())
	go func() {
		var b [1]byte
		if _, err := io.ReadFull(os.Stdin, b[:]); err != nil {
			os.Exit(1)
		}
		drainTold.Store(b[0] == drainNow)
		tell()
	}()
	if o.Role == senders {
		sendRole(o, told)
	} else {
		receiveRole(o, told)
	}
	os.Exit(0)
}
