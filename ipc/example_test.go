package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/shmchan/shmchan/ipc"
)

// Both endpoints are in one process here. Usually they are in two, which share only
// the channel's name.
func Example() {
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "greetings", nil) // creates the channel
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	s, err := ipc.NewSender(ctx, "greetings", nil) // joins it
	if err != nil {
		log.Fatal(err)
	}

	for _, word := range []string{"hello", "world"} {
		if err := s.Send(ctx, []byte(word)); err != nil {
			log.Fatal(err)
		}
	}
	s.Close()

	for msg, err := range r.All(ctx) { // stops when the last sender has gone
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", msg)
	}
	// Output:
	// hello
	// world
}

// With Wait a sender may start before its receiver. The context bounds the wait.
func ExampleOptions_wait() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	go func() { // another process, usually
		s, err := ipc.NewSender(ctx, "early", &ipc.Options{Wait: true})
		if err != nil {
			log.Fatal(err)
		}
		defer s.Close()
		if err := s.Send(ctx, []byte("I was first")); err != nil {
			log.Fatal(err)
		}
	}()

	r, err := ipc.NewReceiver(ctx, "early", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	msg, err := r.Recv(ctx)
	fmt.Printf("%s %v\n", msg, err)
	// Output: I was first <nil>
}

// With KeepOpen a receiver outlives its senders: when the last one has gone, it waits
// for the next one.
func ExampleOptions_keepOpen() {
	ctx := context.Background()
	r, err := ipc.NewReceiver(ctx, "door", &ipc.Options{KeepOpen: true})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()

	for _, guest := range []string{"ada", "bob"} {
		s, err := ipc.NewSender(ctx, "door", nil)
		if err != nil {
			log.Fatal(err)
		}
		if err := s.Send(ctx, []byte(guest)); err != nil {
			log.Fatal(err)
		}
		s.Close()

		msg, err := r.Recv(ctx)
		fmt.Printf("%s %v\n", msg, err)
		_, err = r.TryRecv() // without KeepOpen: ErrDisconnected
		fmt.Println(errors.Is(err, ipc.ErrEmpty))
	}
	// Output:
	// ada <nil>
	// true
	// bob <nil>
	// true
}

// A durable channel keeps its messages while no receiver is attached.
func ExampleOptions_durable() {
	ctx := context.Background()
	s, err := ipc.NewSender(ctx, "log", &ipc.Options{Create: true, Durable: true})
	if err != nil {
		log.Fatal(err)
	}
	if err := s.Send(ctx, []byte("kept")); err != nil {
		log.Fatal(err)
	}
	s.Close()

	r, err := ipc.NewReceiver(ctx, "log", nil) // the channel is already durable
	if err != nil {
		log.Fatal(err)
	}
	msg, err := r.Recv(ctx)
	fmt.Printf("%s %v\n", msg, err)
	r.Close()

	if err := ipc.Remove("log", nil); err != nil { // it would outlive its receiver
		log.Fatal(err)
	}
	// Output: kept <nil>
}
