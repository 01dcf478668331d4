package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// After all senders have gone, Recv returns the messages that they sent, then
// ErrDisconnected.
func ExampleReceiver_Recv() {
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
	if err := s.Send(ctx, []byte("last words")); err != nil {
		log.Fatal(err)
	}
	s.Close()

	msg, err := r.Recv(ctx)
	fmt.Printf("%s %v\n", msg, err)
	_, err = r.Recv(ctx)
	fmt.Println(errors.Is(err, ipc.ErrDisconnected))
	// Output:
	// last words <nil>
	// true
}

// A context bounds the wait.
func ExampleReceiver_Recv_timeout() {
	r, err := ipc.NewReceiver(context.Background(), "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err = r.Recv(ctx)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output: true
}

// TryRecv does not wait for a message.
func ExampleReceiver_TryRecv() {
	r, err := ipc.NewReceiver(context.Background(), "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()

	_, err = r.TryRecv()
	fmt.Println(errors.Is(err, ipc.ErrEmpty))
	// Output: true
}

// RecvAppend appends to the caller's buffer, so that a loop allocates nothing.
func ExampleReceiver_RecvAppend() {
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
	for _, word := range []string{"one", "two", "three"} {
		if err := s.Send(ctx, []byte(word)); err != nil {
			log.Fatal(err)
		}
	}
	s.Close()

	buf := make([]byte, 0, 64)
	for {
		buf, err = r.RecvAppend(ctx, buf[:0])
		if errors.Is(err, ipc.ErrDisconnected) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", buf)
	}
	// Output:
	// one
	// two
	// three
}

// All stops, without an error, when the last sender has gone.
func ExampleReceiver_All() {
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
	go func() { // another process, usually
		defer s.Close()
		for i := range 3 {
			if err := s.Send(ctx, fmt.Appendf(nil, "message %d", i)); err != nil {
				log.Fatal(err)
			}
		}
	}()

	for msg, err := range r.All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", msg)
	}
	// Output:
	// message 0
	// message 1
	// message 2
}

// Drain takes the messages present and does not wait for more.
func ExampleReceiver_Drain() {
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
	if _, err := s.SendBatch(ctx, [][]byte{[]byte("one"), []byte("two")}); err != nil {
		log.Fatal(err)
	}

	for msg, err := range r.Drain() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", msg)
	}
	// Output:
	// one
	// two
}

// Meta describes the message received last: its number and its sender's slot.
func ExampleReceiver_Meta() {
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "ch", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	for _, word := range []string{"from the first", "from the second"} {
		s, err := ipc.NewSender(ctx, "ch", nil)
		if err != nil {
			log.Fatal(err)
		}
		defer s.Close()
		if err := s.Send(ctx, []byte(word)); err != nil {
			log.Fatal(err)
		}
	}

	for msg := range r.Drain() {
		m := r.Meta()
		fmt.Printf("%d: %s, slot %d\n", m.Seq, msg, m.Slot)
	}
	// Output:
	// 1: from the first, slot 0
	// 2: from the second, slot 1
}
