package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"

	"github.com/shmchan/shmchan/ipc"
)

// Send blocks while the ring is full. After the receiver has gone it returns
// ErrDisconnected, and the caller keeps the message.
func ExampleSender_Send() {
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	s, err := ipc.NewSender(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	fmt.Println(s.Send(ctx, []byte("one")))
	r.Close()
	err = s.Send(ctx, []byte("two"))
	fmt.Println(errors.Is(err, ipc.ErrDisconnected))
	// Output:
	// <nil>
	// true
}

// TrySend does not wait for room.
func ExampleSender_TrySend() {
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", &ipc.Options{Capacity: 4096})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	s, err := ipc.NewSender(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	fmt.Println(s.MaxMessage())
	msg := make([]byte, 1500)
	for {
		err := s.TrySend(msg)
		if errors.Is(err, ipc.ErrFull) {
			fmt.Println("full")
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("sent")
	}
	// Output:
	// 2048
	// sent
	// sent
	// full
}

// SendBatch sends many messages with one claim and one wake-up.
func ExampleSender_SendBatch() {
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	s, err := ipc.NewSender(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	n, err := s.SendBatch(ctx, [][]byte{[]byte("a"), []byte("bc"), nil})
	fmt.Println(n, err)
	for msg := range r.Drain() {
		fmt.Printf("%q\n", msg)
	}
	// Output:
	// 3 <nil>
	// "a"
	// "bc"
	// ""
}

// Claim reserves space to build a message in place, in the ring.
func ExampleSender_Claim() {
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	s, err := ipc.NewSender(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	c, err := s.Claim(ctx, 5)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Abort() // in case of a panic; a no-op after Commit
	copy(c.Bytes(), "built")
	if err := c.Commit(); err != nil {
		log.Fatal(err)
	}

	msg, err := r.Recv(ctx)
	fmt.Printf("%s %v\n", msg, err)
	// Output: built <nil>
}

// Flush waits until the receiver has taken what this Sender sent.
func ExampleSender_Flush() {
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	s, err := ipc.NewSender(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	received := make(chan int)
	go func() { // another process, usually
		defer r.Close()
		n, err := r.Consume(ctx, 1, func(msg []byte) error { return nil })
		if err != nil {
			log.Fatal(err)
		}
		received <- n
	}()
	if err := s.Send(ctx, []byte("payment")); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Flush(ctx), <-received)

	err = s.Send(ctx, []byte("too late"))
	if err == nil {
		err = s.Flush(ctx)
	}
	fmt.Println(errors.Is(err, ipc.ErrDisconnected))
	// Output:
	// <nil> 1
	// true
}

// Goroutines may share a Sender; their sends then take turns. With a clone each, they
// do not wait for each other.
func ExampleSender_Clone() {
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	s, err := ipc.NewSender(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}

	var workers sync.WaitGroup
	for range 4 {
		own, err := s.Clone()
		if err != nil {
			log.Fatal(err)
		}
		workers.Go(func() {
			defer own.Close()
			for range 100 {
				if err := own.Send(ctx, []byte("tick")); err != nil {
					log.Fatal(err)
				}
			}
		})
	}
	s.Close() // the clones stay open
	workers.Wait()

	n := 0
	for range r.All(ctx) {
		n++
	}
	fmt.Println(n)
	// Output: 400
}

// Done returns a channel that is closed when the receiver has gone.
func ExampleSender_Done() {
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	s, err := ipc.NewSender(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	select {
	case <-s.Done():
		fmt.Println("gone")
	default:
		fmt.Println("there")
	}
	r.Close()
	<-s.Done()
	fmt.Println("gone")
	// Output:
	// there
	// gone
}
