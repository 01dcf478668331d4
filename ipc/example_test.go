package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// own returns options for a directory of the example's own, and what removes it.
// A program would pass nil, or Options{} with what it wants.
func own() (*ipc.Options, func()) {
	dir, err := os.MkdirTemp("/dev/shm", "shmchan-example-")
	if err != nil {
		panic(err)
	}
	return &ipc.Options{Dir: dir}, func() { _ = os.RemoveAll(dir) }
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// A goroutine that has other things to wait for as well.
func ExampleReceiver_Ready() {
	o, remove := own()
	defer remove()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := ipc.NewReceiver(ctx, "jobs", o)
	check(err)
	defer r.Close()
	s, err := ipc.NewSender(ctx, "jobs", o)
	check(err)
	check(s.Send(ctx, []byte("wash")))
	check(s.Send(ctx, []byte("dry")))
	check(s.Close())

	for {
		select {
		case <-ctx.Done():
			fmt.Println(ctx.Err())
			return
		case <-r.Ready():
			msg, err := r.TryRecv() // one message for each value
			switch {
			case errors.Is(err, ipc.ErrDisconnected):
				fmt.Println("done")
				return
			case errors.Is(err, ipc.ErrEmpty): // the value was stale
			case err != nil:
				panic(err)
			default:
				fmt.Printf("%s\n", msg)
			}
		}
	}
	// Output:
	// wash
	// dry
	// done
}

// One goroutine for several channels.
func ExampleSelect() {
	o, remove := own()
	defer remove()
	ctx := context.Background()
	var rs []*ipc.Receiver
	for _, name := range []string{"jobs", "alerts"} {
		r, err := ipc.NewReceiver(ctx, name, o)
		check(err)
		defer r.Close()
		s, err := ipc.NewSender(ctx, name, o)
		check(err)
		check(s.Send(ctx, []byte("one of the "+name)))
		check(s.Close())
		rs = append(rs, r)
	}
	for len(rs) > 0 {
		i, err := ipc.Select(ctx, rs...)
		check(err)
		msg, err := rs[i].TryRecv()
		if errors.Is(err, ipc.ErrDisconnected) {
			rs = append(rs[:i], rs[i+1:]...) // it has ended
			continue
		}
		check(err)
		fmt.Printf("%s\n", msg)
	}
	// Unordered output:
	// one of the jobs
	// one of the alerts
}

// Both ends are in one process here; mostly they are in two.
func Example() {
	o, remove := own()
	defer remove()
	ctx := context.Background()

	r, err := ipc.NewReceiver(ctx, "greetings", o)
	check(err)
	defer r.Close()
	s, err := ipc.NewSender(ctx, "greetings", o)
	check(err)

	check(s.Send(ctx, []byte("hello")))
	check(s.Send(ctx, []byte("world")))
	check(s.Close())

	for msg, err := range r.All(ctx) { // ends when the last sender has gone
		check(err)
		fmt.Println(string(msg))
	}
	// Output:
	// hello
	// world
}

func ExampleReceiver_Recv() {
	o, remove := own()
	defer remove()
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", o)
	check(err)
	defer r.Close()
	s, err := ipc.NewSender(ctx, "ch", o)
	check(err)
	check(s.Send(ctx, []byte("last words")))
	check(s.Close())

	msg, err := r.Recv(ctx) // drained first
	fmt.Println(string(msg), err)
	_, err = r.Recv(ctx)
	fmt.Println(errors.Is(err, ipc.ErrDisconnected))
	// Output:
	// last words <nil>
	// true
}

func ExampleReceiver_Recv_timeout() {
	o, remove := own()
	defer remove()
	r, err := ipc.NewReceiver(context.Background(), "ch", o)
	check(err)
	defer r.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err = r.Recv(ctx)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output: true
}

func ExampleReceiver_TryRecv() {
	o, remove := own()
	defer remove()
	r, err := ipc.NewReceiver(context.Background(), "ch", o)
	check(err)
	defer r.Close()
	_, err = r.TryRecv()
	fmt.Println(errors.Is(err, ipc.ErrEmpty))
	// Output: true
}

// Consume looks at messages in place: no copy, no allocation.
func ExampleReceiver_Consume() {
	o, remove := own()
	defer remove()
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", o)
	check(err)
	defer r.Close()
	s, err := ipc.NewSender(ctx, "ch", o)
	check(err)
	defer s.Close()
	_, err = s.SendBatch(ctx, [][]byte{[]byte("a"), []byte("bc"), []byte("def")})
	check(err)

	total := 0
	n, err := r.Consume(ctx, 0, func(msg []byte) error {
		total += len(msg)
		return nil
	})
	fmt.Println(n, "messages,", total, "bytes,", err)
	// Output: 3 messages, 6 bytes, <nil>
}

func ExampleReceiver_Drain() {
	o, remove := own()
	defer remove()
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", o)
	check(err)
	defer r.Close()
	s, err := ipc.NewSender(ctx, "ch", o)
	check(err)
	defer s.Close()
	check(s.Send(ctx, []byte("one")))
	check(s.Send(ctx, []byte("two")))
	for msg, err := range r.Drain() { // does not wait
		check(err)
		fmt.Println(string(msg))
	}
	// Output:
	// one
	// two
}

// Next takes messages without giving them back, so that what was done with them
// can be made safe first.
func ExampleReceiver_Next() {
	o, remove := own()
	defer remove()
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", o)
	check(err)
	defer r.Close()
	s, err := ipc.NewSender(ctx, "ch", o)
	check(err)
	defer s.Close()
	check(s.Send(ctx, []byte("precious")))

	msg, err := r.Next(ctx)
	check(err)
	fmt.Println("write", string(msg))
	check(r.Rewind()) // the disk was full: take it again
	msg, err = r.Next(ctx)
	check(err)
	fmt.Println("write", string(msg))
	check(r.Release())
	// Output:
	// write precious
	// write precious
}

// A full channel does not block TrySend.
func ExampleSender_TrySend() {
	o, remove := own()
	defer remove()
	o.Capacity = 4096
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", o)
	check(err)
	defer r.Close()
	s, err := ipc.NewSender(ctx, "ch", o)
	check(err)
	defer s.Close()
	check(s.TrySend(make([]byte, 2000)))
	check(s.TrySend(make([]byte, 2000)))
	fmt.Println(errors.Is(s.TrySend(make([]byte, 2000)), ipc.ErrFull))
	// Output: true
}

// Claim builds a message in place.
func ExampleSender_Claim() {
	o, remove := own()
	defer remove()
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", o)
	check(err)
	defer r.Close()
	s, err := ipc.NewSender(ctx, "ch", o)
	check(err)
	defer s.Close()

	c, err := s.Claim(ctx, 5)
	check(err)
	defer c.Abort() // against panics; after Commit it does nothing
	copy(c.Bytes(), "built")
	check(c.Commit())

	msg, err := r.Recv(ctx)
	check(err)
	fmt.Println(string(msg))
	// Output: built
}

// A durable channel keeps what was sent while nobody receives.
func ExampleOptions_durable() {
	o, remove := own()
	defer remove()
	o.Durable, o.Create = true, true
	ctx := context.Background()
	s, err := ipc.NewSender(ctx, "log", o)
	check(err)
	check(s.Send(ctx, []byte("kept")))
	check(s.Close())

	r, err := ipc.NewReceiver(ctx, "log", joining(o))
	check(err)
	msg, err := r.Recv(ctx)
	check(err)
	fmt.Println(string(msg))
	check(r.Close())
	check(ipc.Remove("log", o))
	// Output: kept
}

// joining keeps only the directory: who joins a channel takes its options as they
// are.
func joining(o *ipc.Options) *ipc.Options { return &ipc.Options{Dir: o.Dir} }

func ExampleInspect() {
	o, remove := own()
	defer remove()
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", o)
	check(err)
	defer r.Close()
	o.Label = "worker 7"
	s, err := ipc.NewSender(ctx, "ch", o)
	check(err)
	defer s.Close()
	check(s.Send(ctx, []byte("12345")))

	stats, err := ipc.Inspect("ch", o)
	check(err)
	fmt.Println(stats.Messages, stats.Bytes, stats.Senders[0].Label, stats.Senders[0].State)
	// Output: 1 5 worker 7 alive
}
