package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/shmchan/shmchan/ipc"
)

// Consume passes messages in place: it copies and allocates nothing. A message for
// which the function returns an error stays in the channel.
func ExampleReceiver_Consume() {
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
	if _, err := s.SendBatch(ctx, [][]byte{[]byte("a"), []byte("bc"), []byte("stop")}); err != nil {
		log.Fatal(err)
	}

	errStop := errors.New("stop")
	total := 0
	n, err := r.Consume(ctx, 0, func(msg []byte) error {
		if string(msg) == "stop" {
			return errStop
		}
		total += len(msg)
		return nil
	})
	fmt.Println(n, "messages,", total, "bytes,", errors.Is(err, errStop))

	msg, err := r.Recv(ctx) // the same message again
	fmt.Printf("%s %v\n", msg, err)
	// Output:
	// 2 messages, 3 bytes, true
	// stop <nil>
}

// Next returns messages without releasing them, so that the receiver can first store
// its results. Rewind starts again at the first of them. Release returns their space
// to the senders.
func ExampleReceiver_Next() {
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
	if err := s.Send(ctx, []byte("precious")); err != nil {
		log.Fatal(err)
	}

	msg, err := r.Next(ctx)
	fmt.Printf("write %s %v\n", msg, err)
	if err := r.Rewind(); err != nil { // the disk was full: try again
		log.Fatal(err)
	}
	msg, err = r.Next(ctx)
	fmt.Printf("write %s %v\n", msg, err)
	if err := r.Intact(); err != nil { // the file was truncated meanwhile
		log.Fatal(err)
	}
	if err := r.Release(); err != nil {
		log.Fatal(err)
	}
	_, err = r.TryNext()
	fmt.Println(errors.Is(err, ipc.ErrEmpty))
	// Output:
	// write precious <nil>
	// write precious <nil>
	// true
}

// A receiver that processes several messages at a time releases the finished ones,
// oldest first, and keeps the rest.
func ExampleReceiver_ReleaseFirst() {
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
	for _, job := range []string{"wash", "dry", "fold"} {
		if err := s.Send(ctx, []byte(job)); err != nil {
			log.Fatal(err)
		}
	}

	var jobs [][]byte // in the ring
	for range 3 {
		job, err := r.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		jobs = append(jobs, job)
	}
	if err := r.ReleaseFirst(2); err != nil { // wash and dry are done
		log.Fatal(err)
	}
	fmt.Printf("still valid: %s\n", jobs[2])

	if err := r.Rewind(); err != nil {
		log.Fatal(err)
	}
	job, err := r.Next(ctx)
	fmt.Printf("returned again: %s %v\n", job, err)
	// Output:
	// still valid: fold
	// returned again: fold <nil>
}
