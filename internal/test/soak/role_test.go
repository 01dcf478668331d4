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
	niceness  = 10 // of the processes, so that other tests run first

	// The bytes that the driver writes to a process. At end of file the driver has
	// ended, and so does the process.
	goNow    = 'g' // exit cleanly
	drainNow = 'd' // receiver: receive what is left first
)

// orders are the arguments that the driver passes to a process.
type orders struct {
	Role        string
	Seed        uint64
	Incarnation int
	Ledgers     string // the directory of the ledgers
	Options     ipc.Options
	Ends        int           // sender: Senders at the same time; 0: one or two
	Operations  int           // sender: number of operations, after which it exits
	Killable    bool          // receiver
	Drain       bool          // receiver: the last one
	Slow        time.Duration // receiver: pauses between calls for half of it on average
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
