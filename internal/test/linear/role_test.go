package linear

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/shmchan/shmchan/internal/test/proctest"
	"github.com/shmchan/shmchan/ipc"
)

const (
	channel   = "linear"
	ordersEnv = "SHMCHAN_LINEAR_ORDERS"
	capacity  = 4096
	shortest  = 150 // bytes of a message: a few dozen fill the ring
	longest   = 1200
)

// orders are the arguments of a process.
type orders struct {
	Send    bool
	Seed    uint64
	Client  int
	Files   string // the directory of histories
	Options ipc.Options
	Calls   int  // number of calls, after which it exits
	Drain   bool // receiver: receive until nothing is left
}

func TestMain(m *testing.M) {
	if raw := os.Getenv(ordersEnv); raw != "" {
		play(raw)
		return
	}
	proctest.Main(m, nil)
}

func play(raw string) {
	var o orders
	must(json.Unmarshal([]byte(raw), &o))
	told, tell := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // end of file: the order to exit, or the end of the test
		tell()
	}()
	rng := rand.New(rand.NewPCG(o.Seed, uint64(o.Client)))
	h := newHistory(o.Files, o.Client)
	if o.Send {
		sends(o, told, rng, h)
	} else {
		receives(o, told, rng, h)
	}
	os.Exit(0)
}

func pause(rng *rand.Rand) {
	if rng.IntN(3) == 0 {
		time.Sleep(time.Duration(rng.IntN(400)) * time.Microsecond)
	}
}

func sends(o orders, told context.Context, rng *rand.Rand, h history) {
	tx, err := ipc.NewSender(told, channel, &o.Options)
	must(err)
	for i := 0; i < o.Calls && told.Err() == nil; i++ {
		id := o.Client<<8 | i
		msg := make([]byte, shortest+rng.IntN(longest-shortest))
		binary.LittleEndian.PutUint64(msg, uint64(id))
		how := rng.IntN(4)
		h.note(send, id, len(msg), func() (call, int, int) {
			var err error
			switch how {
			case 0, 1:
				err = tx.TrySend(msg)
			case 2:
				err = tx.Send(told, msg)
			case 3: // a Send with a pause in between, in which it may be killed
				err = slowly(told, tx, msg, time.Duration(rng.IntN(400))*time.Microsecond)
			}
			return outcome(send, full, err), id, len(msg)
		})
		pause(rng)
	}
	must(tx.Close())
}

func slowly(told context.Context, tx *ipc.Sender, msg []byte, rest time.Duration) error {
	c, err := tx.Claim(told, len(msg))
	if err != nil {
		return err
	}
	copy(c.Bytes(), msg)
	time.Sleep(rest)
	return c.Commit()
}

// outcome returns the outcome of a call that returned err: yes, unless it found no
// room or no message, or had no effect.
func outcome(yes, not call, err error) call {
	switch {
	case err == nil:
		return yes
	case errors.Is(err, ipc.ErrFull), errors.Is(err, ipc.ErrEmpty):
		return not
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, ipc.ErrDisconnected):
		return none
	}
	panic(err)
}

func receives(o orders, told context.Context, rng *rand.Rand, h history) {
	rx, err := ipc.NewReceiver(told, channel, &o.Options)
	must(err)
	for over := false; !over && (o.Drain || told.Err() == nil); {
		try := o.Drain || rng.IntN(2) == 0
		h.note(recv, 0, 0, func() (call, int, int) {
			var msg []byte
			var err error
			if try {
				msg, err = rx.TryRecv()
			} else {
				msg, err = rx.Recv(told)
			}
			over = o.Drain && err != nil
			if err != nil {
				if o.Drain && errors.Is(err, ipc.ErrDisconnected) {
					return empty, 0, 0
				}
				return outcome(recv, empty, err), 0, 0
			}
			return recv, int(binary.LittleEndian.Uint64(msg)), len(msg)
		})
		pause(rng)
	}
	must(rx.Close())
}
